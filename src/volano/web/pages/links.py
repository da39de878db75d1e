"""Where things live in the console, and how a thing is linked in a sentence."""

from urllib.parse import quote, urlencode

from markupsafe import Markup

from volano.web.pages.words import visible

NOUN_OF_KIND = {
    "dataset": "datasets",
    "prompt": "prompts",
    "model": "models",
    "flow": "flows",
    "report": "reports",
    "release": "releases",
}


def item(noun: str, key: str) -> str:
    """Return the address of one thing."""
    return f"/item/{noun}/{quote(key, safe='@/:')}"


def listing(noun: str, **query: str | int | None) -> str:
    """Return the address of a list, with its filters; what is empty is left out."""
    asked = urlencode({name: value for name, value in query.items() if value not in (None, "")})
    return f"/list/{noun}{'?' + asked if asked else ''}"


def artifact(kind: str, ref: str) -> str:
    """Return the address of an artifact of this kind."""
    return item(NOUN_OF_KIND.get(kind, kind), ref)


def compared(a: str = "", b: str = "") -> str:
    """Return the address of two models side by side; without the second, of the choice."""
    asked = urlencode({name: value for name, value in (("a", a), ("b", b)) if value})
    return f"/models/compare{'?' + asked if asked else ''}"


def link(href: str | None, text: object) -> Markup:
    """Return a link around text from outside."""
    shown = visible(text)
    if href is None:
        return Markup("<bdi>{}</bdi>").format(shown)
    return Markup('<a href="{}"><bdi>{}</bdi></a>').format(href, shown)


def release(ref: str | None) -> Markup:
    """Return a link to a release."""
    return link(item("releases", ref) if ref else None, ref or "–")
