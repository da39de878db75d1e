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
