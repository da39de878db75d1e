"""What can go wrong in an evaluation."""

from volano.core.errors import ConflictError, GateError, IntegrityError, InvalidError, NotFoundError


class NoTestRowsError(InvalidError):
    """`{ref}` has no rows in its split `{split}`: there is nothing to evaluate on."""

    hint = "Evaluate on another split, or add the dataset again with a test share."


class BadTemplateError(InvalidError):
    """A template of a prompt holds `{{text}}` exactly once; this one: `{template}`."""


class BadConcurrencyError(InvalidError):
    """Concurrency lies between 1 and {most}, not {given}."""


class OtherRowsError(InvalidError):
    """`{a}` and `{b}` share no row: {only_a} only in the first, {only_b} only in the second."""

    hint = "Evaluate both on the same split of the same dataset, then compare."


class BadMarginError(InvalidError):
    """A margin is a share above 0 and below 1, not {margin}: 0.02 are two points."""


class BadConsoleError(InvalidError):
    """`{console}` is no address of a console."""

    hint = "Say it like `--console https://volano.example.com`, without a password."


class NoCommonScoreError(InvalidError):
    """`{a}` and `{b}` have no score in common."""

    hint = "Evaluate both with the same scorers."


class NotMeasuredError(ConflictError):
    """No reports speak of `{a}` and `{b}` on the same rows{on}."""

    hint = "Put each into a flow, and measure both: `volano eval run FLOW --data DATA`."


class JournalMismatchError(ConflictError):
    """The journal {path} belongs to another evaluation: {what} differs."""

    hint = "Give this evaluation a journal of its own, or delete the old file."


class JournalBusyError(ConflictError):
    """Another evaluation is writing the journal {path}."""

    hint = "Wait for it, or see it with `volano run list`."


class CorruptJournalError(IntegrityError):
    """Line {line} of the journal {path} is damaged."""

    hint = "Delete the file to begin the evaluation anew."


class JournalWriteError(ConflictError):
    """The journal {path} cannot be written: {reason}."""

    hint = "Free some space or choose another folder; answers so far are kept."


class BadReportError(IntegrityError):
    """`{ref}` is not a report of this version of volano."""

    hint = "Upgrade volano, or run `volano doctor`."


class NoSubjectError(InvalidError):
    """The report {ref} is of a change in a repository: what answered is no artifact here."""

    hint = "Ask a model, prompt or flow of the workspace: `volano eval run SUITE --on NAME`."


class BadScoreError(InvalidError):
    """The scorer `{scorer}` gave {value} for `{name}`; a score lies between 0 and 1."""


class BadTargetError(InvalidError):
    """The target cannot be read at `{part}`: {reason}."""

    hint = 'Say it like --target "size<=100KB, score>=98%, fastest".'


class NothingToSearchError(InvalidError):
    """There is nothing to search: {reason}."""

    hint = "Loosen the limit on size, or allow more forms."


class UnfaithfulFormError(ConflictError):
    """{form} may not be used: only {equal} of {n} answers equal its weights'."""

    hint = "Allow forms with more bits with --forms, or train the parent longer."


class NothingKeepsError(GateError):
    """Nothing of {count} configurations keeps {limits}{least}."""

    hint = "Loosen the limit, or allow more with --forms and --prune."


class BadTrialsError(InvalidError):
    """A search has at least {least} trials, not {given}."""


class NoCandidateError(InvalidError):
    """There is nothing to choose from: {reason}."""

    hint = "Name models, flows or TARGET:MODEL, separated by commas."


class UnknownCandidateError(NotFoundError):
    """There is no model, no flow and no target for the candidate `{candidate}`."""

    hint = "See `volano model list`, `volano flow list` and `volano target list`."


class NotAChoiceError(InvalidError):
    """`{ref}` is a report of scores; it has no table of candidates."""

    hint = "See it with `volano eval show {ref}`."


class IsACheckError(InvalidError):
    """`{ref}` says how a judge does; it is not one candidate's scores."""

    hint = "See it with `volano judge report {ref}`."


class NotAJudgeModelError(InvalidError):
    """`{name}` is a flow, which words questions in its own way; a judge asks a model."""

    hint = "Name a model of ours, or TARGET:MODEL: `volano model list`, `volano target list`."


class IsAChoiceError(InvalidError):
    """`{ref}` compares candidates; it is not one candidate's scores."""

    hint = "See it with `volano eval table {ref}`."


class BadSuiteError(InvalidError):
    """{where}: {why}."""

    hint = "A suite is plain YAML; all that it can say is in docs/howto/evaluate.md."


class BadGateError(InvalidError):
    """The gate `{gate}` cannot be read: {why}."""

    hint = "Say `exact_match >= 0.9`, or `exact_match not worse than REPORT by 0.02 with 95 %`."


class BadMoneyError(InvalidError):
    """`{money}` is no sum of money."""

    hint = "Say a number and a currency, such as `2.50 USD`."


class BadOnError(InvalidError):
    """A suite cannot be asked on `{on}`: {why}."""

    hint = "Name a flow, model, channel, prompt (with a model), TARGET:MODEL, or https://HOST/v1#MODEL."


class NoPriceError(InvalidError):
    """The suite may spend {money}, but nobody knows what `{on}` costs."""

    hint = "Tell its price with `volano cost price`, or leave `money` out."


class MoneySpentError(ConflictError):
    """The suite stopped at its limit of {money} with {done} of {of} answers."""

    hint = "Raise `money` in the suite and run it again: what was answered is not asked again."


class TooManyRowsError(InvalidError):
    """The suite would ask {rows} rows; its limit is {most}."""

    hint = "Set `limit` to draw fewer, or raise `rows` under `limits`."


class UnknownColumnError(InvalidError):
    """The suite names the column `{column}`, which no row has."""

    hint = "The rows have: {known}. A dataset that an older volano added has the text and the label alone: add its file again."
