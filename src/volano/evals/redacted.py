"""Redacted: what may be told, without the keys that somebody repeated, whole or cut off."""

import html
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import msgspec

from volano.core.errors import VolanoError
from volano.core.ports.chat import Answer, Chat
from volano.evals.answered import Answered
from volano.evals.marked import cell, escaped

Held = Callable[[], Sequence[str]]
"""All keys that this workspace asks its targets and servers with; none of them is ever told."""

LEAST_KEY_CHARS, LEAST_HELD_CHARS = 4, 12
"""A shorter key is a word that stands in any text; local servers are asked with `ollama` or `EMPTY`."""

INSTEAD = "***"
_OF_SERVER = ("answer", "error", "model")
LEAST_CHARS = 8
"""As much of a key at the end of a text is taken for a key that was cut off."""
_encode = msgspec.json.Encoder().encode
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AFTER = "….,;:!?'\"`)]} "
"""What is written after a text that was cut off."""


def keys(named: Iterable[str], held: Iterable[str]) -> list[str]:
    """Return the keys in the variables that are named, and those that are held; the longest first.

    Of those that are held only long ones count: nobody chose them for what is asked now.
    """
    found = {os.environ.get(name, "").strip() for name in named if name}
    found = {one for one in found if len(one) >= LEAST_KEY_CHARS}
    found |= {one for one in map(str.strip, held) if len(one) >= LEAST_HELD_CHARS}
    return sorted(found, key=len, reverse=True)


def redacted(value: Any, secrets: Sequence[str], *, names: bool = True) -> Any:
    """Return plain values in which no secret stands, whoever repeated it, and only what can be printed.

    A text that ends within a secret loses its beginning, too. Give texts before they are escaped
    or clipped. Without `names` those in it are ours and stay as they are.
    """
    return _each(value, lambda said: printable(_struck(said, secrets)), names=names)


def struck(value: Any, secrets: Sequence[str]) -> Any:
    """Return plain values in which no secret stands; all else is as it was, printable or not."""
    return _each(value, lambda said: _struck(said, secrets))


def struck_values(value: Any, secrets: Sequence[str]) -> Any:
    """As `struck`, of what has names that we gave: a key may be a word of ours, so they stay."""
    return _each(value, lambda said: _struck(said, secrets), names=False)


def held_in(value: Any, secrets: Sequence[str]) -> bool:
    """Whether a secret may stand in plain values, whole or cut off: quick, and never says no wrongly."""
    if not secrets:
        return False
    try:
        written = _encode(value)
        return any(_encode(secret[:LEAST_CHARS])[1:-1] in written for secret in secrets)
    except UnicodeEncodeError:  # half a surrogate: looked at with care
        return True


def answered(one: Answered, secrets: Sequence[str]) -> Answered:
    """Return an answer in whose texts of the server no secret stands; all else is as it was."""
    if not held_in(one, secrets):
        return one
    return one.but(**_said(one.to_dict(), secrets))


def line_without(one: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """Return a report's line as `answered` an answer; why rows are unmeasured and notes repeat it."""
    if not held_in(one, secrets):
        return dict(one)
    ours = {name: one[name] for name in ("unmeasured", "notes") if name in one}
    return {**one, **_said(one, secrets), **struck_values(ours, secrets)}


def lines_without(
    lines: Iterable[Mapping[str, Any]], secrets: Sequence[str]
) -> list[dict[str, Any]]:
    """Return lines of a report, each as of `line_without`, with only what can be printed."""
    return [redacted(line_without(one, secrets), ()) for one in lines]


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
        return replace(got, text=struck(got.text, secrets)) if held_in(got.text, secrets) else got

    return asked


def as_written(secrets: Sequence[str]) -> list[str]:
    """Return secrets as they stand in plain text, Markdown, HTML and XML, the longest first."""
    forms = {
        form
        for one in secrets
        for form in (one, cell(one), escaped(one), html.escape(one), html.escape(one, quote=False),
                     html.escape(one, quote=False).replace('"', "&quot;"))
    }  # fmt: skip
    return sorted(forms, key=len, reverse=True)


def printable(said: str) -> str:
    """Return a text with only what XML can hold."""
    return _UNPRINTABLE.sub("�", said)


def _said(one: Mapping[str, Any], secrets: Sequence[str]) -> dict[str, Any]:
    """Return what of an answer is the server's, without secrets: texts, and calls of tools."""
    said = {name: struck(one[name], secrets) for name in _OF_SERVER if name in one}
    calls = one.get("tools", ())
    tools = [{name: struck(it, secrets) for name, it in call.items()} for call in calls]
    return {**said, "tools": tuple(tools)} if tools else said


def _each(value: Any, change: Callable[[str], str], *, names: bool = True) -> Any:
    """Return plain values with every text in them changed; the `names` too, or as they were."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {
            _each(k, change) if names else k: _each(v, change, names=names)
            for k, v in value.items()
        }
    if isinstance(value, list | tuple):
        return [_each(one, change, names=names) for one in value]
    return value


def _struck(said: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        said = _without(said, secret)
    return said


def _without(said: str, secret: str) -> str:
    said = said.replace(secret, INSTEAD)
    bare = said.rstrip(_AFTER)
    if secret[:LEAST_CHARS] not in bare[-len(secret) :]:
        return said
    for length in range(len(secret) - 1, LEAST_CHARS - 1, -1):
        if bare.endswith(secret[:length]):
            return f"{bare[:-length]}{INSTEAD}{said[len(bare) :]}"
    return said
