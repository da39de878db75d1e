"""What can go wrong in a search for better words."""

from volano.core.errors import ConflictError, InvalidError, UnavailableError


class TooFewRowsError(InvalidError):
    """`{ref}` has {n} usable rows in its split `{split}`; a search for words wants {least} at least."""

    hint = "Add rows with `volano data add NAME PATH`, or write the prompt by hand: few rows prove nothing."


class TooSmallBudgetError(InvalidError):
    """{given} calls are too few: {judge} are kept for the judgement, {dev} measure the prompt as it is, and something must be tried."""

    hint = "Allow `--budget-calls {least}` or more, or judge on fewer rows with `--judge-rows`."


class BudgetSpentError(ConflictError):
    """The budget is spent: {what}."""

    hint = "What was measured so far is kept."


class UnpricedError(InvalidError):
    """No price of {names} is known, so that a budget in money could not be kept."""

    hint = "Set one with `volano cost price MODEL --input 0.5 --output 2`, or give the budget in calls alone."


class BadBudgetError(InvalidError):
    """`{given}` is no amount of money."""

    hint = "Say it like `--budget-money 0.50`."


class NoReflectionError(InvalidError):
    """The method `{method}` asks a model to write; none is named."""

    hint = "Name one with `--reflect TARGET:MODEL`."


class BadScaleError(InvalidError):
    """A search goes by a score between 0 and 1 where more is better; `{scorer}` is none."""

    hint = "Name another scorer first: `--scorers exact_match,...`."


class BadJudgeRowsError(InvalidError):
    """A search is judged on {least} rows at least, not {given}."""


class BadRepetitionsError(InvalidError):
    """A row is asked 1 to {most} times, not {given}."""


class NoPraiseError(InvalidError):
    """{n} rows to learn from have a recorded answer with good feedback{of}; {least} are needed."""

    hint = "Give feedback on traces whose questions are train rows, or take `--method bootstrap`: the model's own answers."


class NoClusterError(InvalidError):
    """No row of `{ref}` has a value in the column `{column}`."""

    hint = "See its columns with `volano data show {ref}`."


class NothingMeasuredError(ConflictError):
    """The prompt as it is got no score on any of {n} rows: {why}."""

    hint = "See whether the model can be asked: `volano eval run` on a flow with it."


class GepaMissingError(UnavailableError):
    """The method `gepa` needs the package gepa, which is not installed."""

    hint = "Install it with `pip install 'volano[prompts]'`, or take another method."
