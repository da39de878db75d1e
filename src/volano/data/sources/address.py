"""How a source is called before people: where it is, never who asks, with which password, or how."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

import sqlalchemy
from sqlalchemy.exc import ArgumentError

from volano.data.sources.secret import VARIABLE, opens

_SPACE = {" ": r"|\+"}
_SHORT = 8
"""Shorter than any key: a language or a year also stands within other words, and stays there."""
_USER, _QUERY = re.compile("://[^/]*@"), re.compile("[?#]")


def database(address: str) -> str:
    """Return where a database is, of its address as a spec has it: `postgresql://db/shop`."""
    try:
        return place(sqlalchemy.make_url(address))
    except (ArgumentError, ValueError):  # variables stand where a number should, or for all of it
        scheme, found, rest = address.partition("://")
        if found:
            return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"
        return address if VARIABLE.fullmatch(address.strip()) else "a database"


def place(url: sqlalchemy.URL) -> str:
    """Return where a database is: of a file its name, else host, port and database."""
    if url.get_backend_name() == "sqlite":
        return f"sqlite:{(url.database or '').rpartition('/')[2]}"
    port = f":{url.port}" if url.port else ""
    return f"{url.get_backend_name()}://{url.host or ''}{port}/{url.database or ''}"


def asked(spec: Mapping[str, Any]) -> str:
    """Return what is asked of a database: the table, or a digest of the query."""
    if "table" in spec:
        return str(spec["table"])
    query = str(spec.get("query", "")).strip().rstrip(";")
    return f"query {hashlib.sha256(query.encode()).hexdigest()[:12]}"


def without_password(address: str) -> str:
    """Return an address without the user, the password and the query in it; else the text."""
    if "://" not in address:
        return address
    bare = _USER.sub("://", _QUERY.split(address, maxsplit=1)[0])
    try:
        _ = urlsplit(VARIABLE.sub("0", bare)).port  # what is none may be half of a password
    except ValueError:
        return address.partition("://")[0] + "://…"
    return bare


def page(url: str) -> str:
    """Return a web address as its rows may tell it: without the user, the values of secrets struck.

    What else it asks for stays, as it says which page it is; and a page keeps its name when its key changes.
    """
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    at = next((at for at, char in enumerate(rest) if char in "/?#"), len(rest))
    place, _, fragment = rest[at:].partition("#")
    path, _, query = place.partition("?")
    told = f"{scheme}://{rest[:at].rpartition('@')[2]}{path}"
    told += f"?{_struck(query)}" if query else ""
    return f"{told}#{_struck(fragment)}" if fragment else told


def without(values: Mapping[str, str], url: str) -> str:
    """Return a web address with these values as the variables they came from, however percent-encoded."""
    said = {one: name for name, value in values.items() for one in (value, unquote(value)) if one}
    if not said:
        return url
    longest = sorted(said, key=len, reverse=True)
    found = re.compile("|".join(f"({_encoded(value)})" for value in longest))
    return found.sub(lambda match: f"${{{said[longest[(match.lastindex or 0) - 1]]}}}", url)


def _encoded(value: str) -> str:
    """Return a pattern of a value in an address: each character as it is or percent-encoded (also twice)."""
    found = "".join(
        f"(?:{re.escape(char)}{_SPACE.get(char, '')}|{_percent(char)})" for char in value
    )
    if len(value) < _SHORT and value.isalnum():
        return rf"(?<![^\W_]){found}(?![^\W_])"
    return found


def _percent(char: str) -> str:
    return "".join(f"(?i:%(?:25)?{byte:02x})" for byte in char.encode(errors="replace"))


def _struck(query: str) -> str:
    return "&".join(map(_struck_one, query.split("&")))


def _struck_one(asked_: str) -> str:
    name, found, value = asked_.partition("=")
    plain = unquote_plus(value)
    if VARIABLE.fullmatch(plain) or not opens(unquote_plus(name), plain if found else name):
        return asked_
    return f"{name}=***" if found else "***"


def shown(value: Any) -> Any:
    """Return plain values as they may be told of a source: addresses bare, and no `params`."""
    if isinstance(value, str):
        return without_password(value)
    if isinstance(value, Mapping):
        return {
            name: database(one) if name == "sql" and isinstance(one, str) else shown(one)
            for name, one in value.items()
            if name != "params"
        }
    return [shown(one) for one in value] if isinstance(value, list | tuple) else value
