"""Quiet: answers, report lines, errors and models in which no key stands, whoever repeated it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from volano.core.errors import VolanoError
from volano.core.ports.chat import Answer, Chat
from volano.evals.answered import Answered
from volano.evals.redacted import held_in, parted, redacted, struck, struck_values

_OF_SERVER = ("answer", "error", "model")


@contextmanager
def hushed(secrets: Sequence[str]) -> Iterator[None]:
    """Strike secrets from what an error says that passes here: servers repeat keys in their refusals."""
    try:
        yield
    except VolanoError as error:
        error.message, error.advice, error.shown = (
            struck(said, secrets) for said in (error.message, error.advice, error.shown)
        )
        error.args = (error.message,)
        raise


def quiet(chat: Chat, secrets: Sequence[str]) -> Chat:
    """Return a Chat in whose answers and refusals no secret stands, before anybody clips them."""

    def asked(messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:
        with hushed(secrets):
            got = chat(messages, **settings)
        return _bare(got, secrets)

    return asked


def quiet_stream(pieces: Iterable[str | Answer], secrets: Sequence[str]) -> Iterator[str | Answer]:
    """Yield the pieces of an answer without secrets, also where one comes in several pieces.

    What may be the beginning of a secret waits for the piece that tells.
    """
    rest = ""
    try:
        for piece in pieces:
            if isinstance(piece, Answer):
                if rest:
                    yield struck(rest, secrets)
                rest = ""
                yield _bare(piece, secrets)
                continue
            told, rest = parted(rest + piece, secrets)
            if told:
                yield told
    except VolanoError:
        if rest:
            yield struck(rest, secrets)
        rest = ""
        raise
    if rest:
        yield struck(rest, secrets)


def _bare(got: Answer, secrets: Sequence[str]) -> Answer:
    return replace(got, text=struck(got.text, secrets)) if held_in(got.text, secrets) else got


def answered(one: Answered, secrets: Sequence[str]) -> Answered:
    """Return an answer in whose texts of the server no secret stands; all else is as it was."""
    if not held_in(one, secrets):
        return one
    return one.but(**_said(one.to_dict(), secrets))


def line_without(one: Mapping[str, Any], secrets: Sequence[str]) -> Mapping[str, Any]:
    """Return a report's line as `answered` an answer; why rows are unmeasured and notes repeat it.

    A line in which no secret stands is given back as it is.
    """
    if not held_in(one, secrets):
        return one
    ours = {name: one[name] for name in ("unmeasured", "notes") if name in one}
    return {**one, **_said(one, secrets), **struck_values(ours, secrets)}


def lines_without(
    lines: Iterable[Mapping[str, Any]], secrets: Sequence[str]
) -> list[dict[str, Any]]:
    """Return lines of a report, each as of `line_without`, with only what can be printed."""
    return [redacted(line_without(one, secrets), ()) for one in lines]


def _said(one: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """Return what of an answer is the server's, without secrets: texts, and calls of tools."""
    said = {name: struck(one[name], secrets) for name in _OF_SERVER if name in one}
    calls = one.get("tools", ())
    tools = [{name: struck(it, secrets) for name, it in call.items()} for call in calls]
    return {**said, "tools": tuple(tools)} if tools else said
