"""Redacted: what may be told, without the keys that somebody repeated, whole or cut off."""

import html
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from volano.evals.marked import cell, escaped

Held = Callable[[], Sequence[str]]
"""All keys that this workspace asks its targets and servers with; none of them is ever told."""

LEAST_KEY_CHARS, LEAST_HELD_CHARS = 4, 12
"""A shorter key is a word that stands in any text; local servers are asked with `ollama` or `EMPTY`."""

INSTEAD = "***"
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


def parted(said: str, secrets: Sequence[str]) -> tuple[str, str]:
    """Part a text that goes on: what can be told, without whole secrets, and what may begin one."""
    at = _open_from(said, secrets)
    told = said[:at]
    for secret in secrets:
        told = told.replace(secret, INSTEAD)
    return told, said[at:]


def _open_from(said: str, secrets: Sequence[str]) -> int:
    """Return from where on a text may begin a secret, or end with one cut off; its length if nowhere."""
    bare = said.rstrip(_AFTER)
    at = min(
        (len(bare) - n for n in (_begun(bare, one) for one in secrets) if n >= LEAST_CHARS),
        default=len(said),
    )
    at = min([at, *(len(said) - _begun(said, one) for one in secrets)])
    while crossed := [found for one in secrets if 0 <= (found := _over(said, one, at)) < at]:
        at = min(crossed)
    return at


def _begun(said: str, secret: str) -> int:
    """Return how many characters at the end of a text begin a secret that is not whole there."""
    longest = min(len(said), len(secret) - 1)
    return next((n for n in range(longest, 0, -1) if said.endswith(secret[:n])), 0)


def _over(said: str, secret: str, at: int) -> int:
    """Return where a secret begins that stands whole on both sides of a place; -1 where none does."""
    return said.find(secret, max(0, at - len(secret) + 1), at + len(secret) - 1)


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
