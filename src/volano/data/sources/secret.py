"""Secrets do not stand in specs: a recipe is kept, shown and sent about.

A password comes from the environment, as `${NAME}` in its place.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import sqlalchemy
from sqlalchemy.exc import ArgumentError

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(r"pass(word|wd|phrase|code)?$|pwd|secret|token|api_?key", re.IGNORECASE)
_ODBC = re.compile(r"(?:pwd|password)=(?!\$\{)", re.IGNORECASE)
_ANY = re.compile(r"://[^/?#\s]*:([^/?#\s]*)@")


def holds_secret(spec: Mapping[str, Any]) -> bool:
    """Whether a source's spec holds a password or a token as it is, in an address."""
    return any(map(_told, _texts({name: spec[name] for name in spec if name != "rows"})))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _told(text: str) -> bool:
    if "://" not in text or text[: text.index("://")].strip().count(" "):
        return False
    passwords, asked = _of_address(text)
    named = [value for name, value in asked if _SECRET.search(name)]
    odbc = any(name == "odbc_connect" and _ODBC.search(value) for name, value in asked)
    return odbc or any(one and not VARIABLE.fullmatch(one) for one in (*passwords, *named))


def _of_address(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the passwords of an address, and what it asks for behind `?`."""
    if not text.startswith(("http://", "https://")):
        try:
            url = sqlalchemy.make_url(text)
            asked = [
                (name, one)
                for name, value in url.query.items()
                for one in ((value,) if isinstance(value, str) else value)
            ]
            return [str(url.password or "")], asked
        except (ArgumentError, ValueError):
            pass
    try:
        query = parse_qsl(urlsplit(text).query)
    except ValueError:
        query = []
    return [found[1] for found in _ANY.finditer(text)], query
