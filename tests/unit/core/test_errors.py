"""Errors: the docstring is the message, the hint is the next command, families are for doors."""

import pytest

import volano.access.errors
import volano.core.errors
import volano.store.errors
from volano.core.errors import NotFoundError, VolanoError

FAMILIES = {e for e in VolanoError.__subclasses__() if e.__module__ == VolanoError.__module__}


class UnknownHTTPChannelError(NotFoundError):
    """There is no channel `{channel}`.

    Not part of the message.
    """

    hint = "See `volano channel list {channel} {other}`."


def test_message_hint_and_code() -> None:
    error = UnknownHTTPChannelError(channel="x")
    assert str(error) == error.message == "There is no channel `x`."
    assert error.advice == "See `volano channel list x {other}`."
    assert error.code == "unknown_http_channel"
    assert error.facts == {"channel": "x"}


def test_facts_are_not_filled_again() -> None:
    """A fact may come from a stranger: braces in it mean nothing."""
    assert UnknownHTTPChannelError(channel="{hint}", hint="no").message == (
        "There is no channel `{hint}`."
    )


def test_a_message_may_be_given() -> None:
    error = UnknownHTTPChannelError("Quite {another}.", hint="")
    assert (error.message, error.advice) == ("Quite {another}.", "")


@pytest.mark.parametrize(
    "error", [e for family in FAMILIES for e in family.__subclasses__()], ids=lambda e: e.__name__
)
def test_each_error_is_one_sentence_of_one_family(error: type[VolanoError]) -> None:
    first = (error.__doc__ or "").strip().partition("\n\n")[0]
    assert first.endswith((".", "}"))
    assert "\n" not in first
    assert error.__name__.endswith("Error")
    assert len(FAMILIES & set(error.__mro__)) == 1


def test_rooms_raise_errors_of_families_only() -> None:
    for module in (volano.store.errors, volano.access.errors):
        own = [item for item in vars(module).values() if isinstance(item, type)]
        assert own
        assert all(FAMILIES & set(item.__mro__) for item in own)
