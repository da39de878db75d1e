"""The ledger's events told in words, for the home page."""

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, words
from volano.web.pages.i18n import N_
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import Happening, Tone

_TOLD: dict[str, tuple[str, Tone]] = {
    "record": (N_("{subject} was made"), "good"),
    "label": (N_("{subject} got a label"), "off"),
    "unlabel": (N_("{subject} lost a label"), "off"),
    "sign": (N_("{subject} was signed"), "good"),
    "cut": (N_("{subject} was cut"), "good"),
    "promote": (N_("{subject} began to move"), "busy"),
    "start": (N_("{subject} began"), "busy"),
    "advance": (N_("{subject} went a step on"), "good"),
    "hold": (N_("{subject} is held"), "wait"),
    "done": (N_("{subject} arrived"), "good"),
    "arrived": (N_("{subject} arrived"), "good"),
    "aborted": (N_("{subject} was stopped"), "bad"),
    "failed": (N_("{subject} failed"), "bad"),
    "back": (N_("{subject} was taken back"), "bad"),
    "abort": (N_("{subject} was stopped"), "bad"),
    "create": (N_("{subject} was created"), "good"),
    "revoke": (N_("{subject} was revoked"), "bad"),
    "erase": (N_("{subject} was erased"), "bad"),
    "fail": (N_("{subject} failed"), "bad"),
    "finish": (N_("{subject} is done"), "good"),
    "cancel": (N_("{subject} was cancelled"), "off"),
    "retry": (N_("{subject} was tried again"), "busy"),
}
"""By the last word of a verb: `release.cut`, `rollout.back`, `record` and so on."""


def recent(app: Any, limit: int) -> list[Happening]:
    """Return what happened lately, newest first."""
    events = sorted(app.ledger.list(limit=limit), key=lambda event: -event.seq)
    return [told(event) for event in events[:limit]]


def told(event: Any) -> Happening:
    """Return one event in words, with a link to its subject."""
    last = event.verb.replace("_", ".").replace(" ", ".").split(".")
    known = next((_TOLD[word] for word in reversed(last) if word in _TOLD), None)
    subject = _subject(str(event.subject), event.content or {})
    if known is None:
        text = Markup("{} {}").format(words.visible(event.verb.replace("_", " ")), subject)
        return Happening(event.at_us, text, "off", str(event.principal))
    sentence, tone = known
    return Happening(
        event.at_us, escape(_(sentence)).format(subject=subject), tone, str(event.principal)
    )


def _subject(subject: str, content: Mapping[str, Any]) -> Markup:
    """Link `kind/name@3`, `run/<id>` and `rollout/<id>`; name the rest."""
    kind, slash, rest = subject.partition("/")
    if slash and kind in links.NOUN_OF_KIND:
        return links.link(links.artifact(kind, rest), rest)
    if slash and kind in ("run", "rollout", "trace"):
        return links.link(links.item(f"{kind}s", rest), content.get("name") or f"{kind} {rest[:8]}")
    if slash and kind == "channel" and content.get("rollout"):
        told = _("{release} on {channel}").format(release=content.get("release"), channel=rest)
        return links.link(links.item("rollouts", str(content["rollout"])), told)
    if slash and kind == "key":
        return links.link(None, _("key {name}").format(name=content.get("name") or rest))
    return links.link(None, subject)
