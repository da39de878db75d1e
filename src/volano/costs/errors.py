"""What costs says no to, and why."""

from volano.core.errors import ConflictError, InvalidError, NotFoundError


class TooManyBudgetsError(ConflictError):
    """There are {most} budgets, and no room for another."""

    hint = "Clear one with `volano cost clear ID`."


class BadAmountError(InvalidError):
    """`{amount}` is no amount of money: {why}."""

    hint = "Write it as `12.50` or `12.50 USD`, at most nine decimals."


class BadSubjectError(InvalidError):
    """`{subject}` is nothing that can have a budget."""

    hint = "Write `key:ID`, `group:PATH`, `channel:NAME`, or `group:*` for the whole workspace."


class NoBudgetError(NotFoundError):
    """There is no budget `{id}`."""

    hint = "See the budgets with `volano cost budgets`."


class BadPriceError(InvalidError):
    """This cannot be a price: {why}."""

    hint = "Rates are in currency units for a million tokens, such as 0.15."


class BadTimeError(InvalidError):
    """`{time}` is no moment."""

    hint = "Write a date or a time of ISO 8601, in UTC unless it says otherwise: 2026-11-01."


class BadDimensionError(InvalidError):
    """Spend cannot be summed by `{dimension}`."""

    hint = "It is one of {known}, or tag:NAME, as in `volano cost show channel`."


class BadOnlyError(InvalidError):
    """`{only}` does not say which calls are meant."""

    hint = "Write `channel:NAME`, `group:PATH`, `key:ID`, `release:REF`, `model:NAME` or `tag:NAME=VALUE`."


class NoPriceError(NotFoundError):
    """No price of `{model}` is known."""

    hint = "Write `provider:model`, such as openai:gpt-5-mini, or give it one with `volano cost price`."


class BadRatioError(InvalidError):
    """`{ratio}` is no ratio of tokens."""

    hint = "Write how many tokens the other model counts for one of now: between 0.1 and 10."


class UnknownGridError(InvalidError):
    """The carbon intensity of the grid `{grid}` is not known."""

    hint = "Use an ISO 3166 code such as FR, `world`, or grams of CO2e for a kWh such as 120, in volano.toml."
