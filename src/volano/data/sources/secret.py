"""Secrets do not stand in specs: a recipe is kept, shown and sent about.

A password comes from the environment, as `${NAME}` in its place.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import sqlalchemy
from sqlalchemy.exc import ArgumentError

from volano.data.sources.spec import bad
from volano.traces.mask import DETECTORS as MARKED

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_SECRET = re.compile(
    r"(?<!com)(?<!by)pass(word|wd|phrase|code)?$|pwd|secret(?!ar)|token(?!i[sz])|api_?key",
    re.IGNORECASE,
)
"""Within longer names too (`dbtoken`), but not in `compass`, `secretary`, `tokenizer`."""
_OPEN = re.compile(
    r"(?:(?:next|prev|previous|start|from)[_.-]?)?(?:page|continuation|cursor|marker)[_.-]?token"
    r"|(?:next|prev|previous|start)[_.-]?token|(?:(?:max|min|num|new)[_.-]?)*tokens",
    re.IGNORECASE,
)
"""Names that say which page is asked for, or how much."""
_OF_WEB = re.compile(
    r"^key$|(?:^|[_.-])(?:sig|signature|auth|authorization|jwt|sas|credentials?|session_?id)$"
    r"|(?:access|account|app|auth|client|function|licen[cs]e|private|subscription)[_-]?key|^x-(?:amz|goog)-",
    re.IGNORECASE,
)
"""Names of what signs or opens a web address: of Amazon, Google and Azure, and those in common use."""
_ODBC = re.compile(r"(?:pwd|password)=(?!\$\{)", re.IGNORECASE)
_ASKED = re.compile("[?#&]")
_ANY = re.compile(r"://[^/?#\s]*:([^/?#\s]*)@")


def holds_secret(spec: Mapping[str, Any]) -> bool:
    """Whether a source's spec holds a password or a token as it is, in an address."""
    return any(map(_told, _texts({name: spec[name] for name in spec if name != "rows"})))


def opens(name: str, value: str) -> bool:
    """Whether what a web address asks for by this name is a secret: by its name, or by its look."""
    return bool(value) and (
        _named(name) or bool(_OF_WEB.search(name)) or any(True for _ in MARKED["secret"](value))
    )


def _named(name: str) -> bool:
    return _SECRET.search(name) is not None and _OPEN.fullmatch(name) is None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def filled(text: str) -> str:
    """Return an address with each `${NAME}` filled from the environment.

    Raises:
        BadSourceError: a variable is not set.
    """

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            where = "where the recipe runs (`volano up`, if that is running)"
            hint = f"Set `{match[1]}` there and start it again."
            raise bad(f"the variable `{match[1]}` of the address is not set {where}", hint=hint)
        return os.environ[match[1]]

    return VARIABLE.sub(variable, text)


def values(text: str) -> dict[str, str]:
    """Return what the environment fills an address with: the value of each variable."""
    return {name: os.environ[name] for name in VARIABLE.findall(text) if os.environ.get(name)}


def _told(text: str) -> bool:
    if "://" not in text or text[: text.index("://")].strip().count(" "):
        return False
    web = text.lstrip().lower().startswith(("http://", "https://"))
    passwords, asked = _of_page(text) if web else _of_address(text)
    named = [value for name, value in asked if (opens(name, value) if web else _named(name))]
    odbc = any(name == "odbc_connect" and _ODBC.search(value) for name, value in asked)
    return odbc or any(one and not VARIABLE.fullmatch(one) for one in (*passwords, *named))


def _of_page(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the passwords of a web address, and what it asks for behind `?` and `#`: what has no name too."""
    asked = []
    for one in _ASKED.split(text)[1:]:
        name, found, value = one.partition("=")
        asked.append(
            (unquote_plus(name), unquote_plus(value)) if found else ("", unquote_plus(name))
        )
    return [found[1] for found in _ANY.finditer(text)], asked


def _of_address(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Return the passwords of a database's address, and what it asks for behind `?`."""
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
