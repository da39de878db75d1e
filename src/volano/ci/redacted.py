"""Redacted: what may be told, without the keys that somebody repeated, whole or cut off."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.evals.told import cell

INSTEAD = "***"
LEAST_CHARS = 8
"""As much of a key at the end of a text is taken for a key that was cut off."""
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_AFTER = "….,;:!?'\"`)]} "
"""What is written after a text that was cut off."""


def redacted(value: Any, secrets: Sequence[str]) -> Any:
    """Return plain values in which no secret stands, whoever repeated it, and only what can be printed.

    A text that ends within a secret loses its beginning, too. Give texts before they are escaped
    or clipped.
    """
    return _each(value, lambda said: printable(_struck(said, secrets)))


def struck(value: Any, secrets: Sequence[str]) -> Any:
    """Return plain values in which no secret stands; all else is as it was, printable or not."""
    return _each(value, lambda said: _struck(said, secrets))


def as_written(secrets: Sequence[str]) -> list[str]:
    """Return secrets as they stand in plain text, Markdown, HTML and XML, the longest first."""
    forms = {
        form
        for one in secrets
        for form in (one, cell(one), html.escape(one), html.escape(one, quote=False),
                     html.escape(one, quote=False).replace('"', "&quot;"))
    }  # fmt: skip
    return sorted(forms, key=len, reverse=True)


def printable(said: str) -> str:
    """Return a text with only what XML can hold."""
    return _UNPRINTABLE.sub("�", said)


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """Return plain values with every text in them changed, the names too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_each(k, change): _each(v, change) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_each(one, change) for one in value]
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
