"""Errors: the docstring is the message, the hint is the next command, families are for doors."""

import importlib
from pathlib import Path

import pytest

import volano
from volano.core.errors import NotFoundError, VolanoError

FAMILIES = {e for e in VolanoError.__subclasses__() if e.__module__ == VolanoError.__module__}
ROOMS = [
    importlib.import_module(f"volano.{file.parent.name}.errors")
    for file in sorted(Path(volano.__file__).parent.glob("*/errors.py"))
    if file.parent.name != "core"
]
ERRORS = [
    item
    for room in ROOMS
    for item in vars(room).values()
    if isinstance(item, type) and issubclass(item, VolanoError) and item.__module__ == room.__name__
]


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


class AwayError(VolanoError):
    """`{address}` does not answer: {reason}."""


@pytest.mark.parametrize(
    ("reason", "end"),
    [
        ("timed out", "timed out."), ("It hung up.", "It hung up."), ("warum?", "warum?"),
        ("连接断开。", "连接断开。"), ("कनेक्शन टूट गया।", "कनेक्शन टूट गया।"), ("`x...`", "`x...`."), ("", "."),
    ],
)  # fmt: skip
def test_a_reason_that_is_a_sentence_has_one_full_stop(reason: str, end: str) -> None:
    assert str(AwayError(address="a", reason=reason)).endswith(f" {end}")


def test_a_message_may_be_given() -> None:
    error = UnknownHTTPChannelError("Quite {another}.", hint="")
    assert (error.message, error.advice) == ("Quite {another}.", "")


@pytest.mark.parametrize("error", ERRORS, ids=lambda e: f"{e.__module__}.{e.__name__}")
def test_each_error_is_one_sentence_of_one_family_at_most(error: type[VolanoError]) -> None:
    first = (error.__doc__ or "").strip().partition("\n\n")[0]
    assert first.endswith((".", "}"))
    assert "\n" not in first
    assert error.__name__.endswith("Error")
    assert len(FAMILIES & set(error.__mro__)) <= 1
