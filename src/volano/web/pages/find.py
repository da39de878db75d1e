"""`/find`: one box for everything. An exact ref or id leads straight to it."""

import re
from collections.abc import Sequence
from typing import Any

from volano.core.errors import VolanoError
from volano.web.pages import links
from volano.web.pages.nouns import NOUNS
from volano.web.pages.view import Asked, Listing, Noun

_TRACE = re.compile(r"[0-9a-f]{32}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHOWN = 5


def exact(app: Any, q: str) -> str | None:
    """Return the address of the one thing that this names, if it names one."""
    if _TRACE.fullmatch(q):
        return links.item("traces", q)
    if _UUID.fullmatch(q):
        return next(
            (links.item(key, q) for key in ("runs", "rollouts", "feedback") if _has(app, key, q)),
            None,
        )
    if "@" in q or ":" in q:
        try:
            artifact = app.catalog.find(q)
        except VolanoError:
            return None
        return links.artifact(artifact.kind, artifact.ref)
    return None


def everywhere(app: Any, q: str, now_us: int) -> list[tuple[Noun, Listing]]:
    """Return the nouns with something that contains the text, with their first rows."""
    asked = Asked(q=q, limit=SHOWN)
    found: Sequence[tuple[Noun, Listing]] = [
        (noun, noun.listing(app, asked, now_us)) for noun in NOUNS.values()
    ]
    return [(noun, listing) for noun, listing in found if listing.rows]


def _has(app: Any, key: str, q: str) -> bool:
    try:
        NOUNS[key].item(app, q, 0)
    except VolanoError:
        return False
    return True
