"""Tokens: a filter cut into words, texts in quotation marks, marks and brackets."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from volano.traces.errors import FilterError

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<op><=|>=|!=|=|<|>|~)
    |(?P<bracket>[(),])
    |(?P<quote>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<word>[^\s<>=!~(),"']+)""",
    re.VERBOSE | re.DOTALL,
)
_QUOTES = "\"'“”„«»‘’「"
MAX_CHARS = 4_000


@dataclass(frozen=True, slots=True)
class Token:
    """A piece: `text` without quotation marks, and where it begins and ends."""

    kind: Literal["op", "bracket", "quote", "word", "end"]
    text: str
    at: int
    end: int


def tokens(text: str) -> list[Token]:
    """Cut a filter into tokens; the last is the end.

    Raises:
        FilterError: a quotation mark is not closed, or a character has no meaning here.
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise wrong(text, at, _why_not(text[at]))
        if match.lastgroup != "space":
            found.append(_token(match))
        at = match.end()
    return [*found, Token("end", "", len(text), len(text))]


def wrong(text: str, at: int, why: str) -> FilterError:
    """Return the error that says why, and where, with a mark below the place."""
    start = max(0, at - 60)
    shown = text[start : at + 40].replace("\n", " ").replace("\t", " ")
    error = FilterError(at=at + 1, why=why)
    error.shown = f"{shown}\n{' ' * _columns(shown[: at - start])}^"
    return error


def _columns(text: str) -> int:
    """Columns on a terminal: wide characters of East Asia take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _token(match: re.Match[str]) -> Token:
    kind, text = match.lastgroup, match[0]
    if kind == "quote":
        text = re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)
    return Token(kind, text, match.start(), match.end())  # type: ignore[arg-type]


def _why_not(char: str) -> str:
    if char in _QUOTES:
        return "the quotation mark is not closed"
    return f"`{char}` has no meaning here; put texts with such characters into quotation marks"
