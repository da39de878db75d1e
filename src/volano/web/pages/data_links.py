"""Where a dataset's pages live: its profile, its rows narrowed down, its differences."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request

from volano.core.principal import Principal
from volano.web.sign_in import visitor


def page(ref: str, **query: Any) -> str:
    """Return the address of a version's page; what is empty is left out."""
    asked = [
        (name, each)
        for name, value in query.items()
        if value not in (None, "", [], 0)
        for each in (value if isinstance(value, list) else [value])
    ]
    return f"/data/{quote(ref, safe='@:/')}{'?' + urlencode(asked) if asked else ''}"


def rows(ref: str, **query: Any) -> str:
    """Return the address of rows: those at some places, or those that fit."""
    return page(ref, view="rows", **query)


def places(ref: str, found: Sequence[Mapping[str, Any]]) -> str:
    """Return the address of the rows at these places."""
    return rows(ref, at=",".join(f"{one['split']}:{one['at']}" for one in found))


def differences(old: str, new: str, **query: Any) -> str:
    """Return the address of two versions side by side."""
    asked = {"old": old, "new": new, **{n: v for n, v in query.items() if v}}
    return f"/data/diff?{urlencode(asked)}"


def reader(request: Request) -> Principal:
    """Return who looks: rows are shown as this principal may see them."""
    return visitor(request).principal


def number(text: str | None, most: int = 10**12) -> int:
    """Return a number from an address; 0 where there is none."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 15:
        return 0
    return min(int(text), most)
