"""What was said, counted: the head of the Feedback page. Each number leads to the voices behind it."""

from collections.abc import Sequence
from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import Asked, Cell, Facts, Section, Voice, Voices

_BY = ("release", "channel", "source", "day")
_MOST = 40


def sections(app: Any, asked: Asked, since_us: int | None) -> Sequence[Section]:
    """Return rates by what was asked for (release, unless said), and the open queues."""
    by = asked.get("by") if asked.get("by") in _BY else "release"
    rates = app.feedbacks.rates(
        by, name=asked.get("name"), source=asked.get("source") or "", since_us=since_us
    )
    titles = {"release": _("Release"), "channel": _("Channel"), "source": _("Source"),
              "day": _("Day")}  # fmt: skip
    found: list[Section] = []
    if rates:
        since = asked.get("since")
        shown = [_voice(rate, str(by), since) for rate in rates[:_MOST]]
        found.append(Voices(_("What they say"), titles[str(by)], shown, _note(len(rates))))
    queues = [each for each in app.reviews.list() if each.queue.closed_us is None]
    if queues:
        found.append(Facts(_("Review queues"), [_queue(each) for each in queues[:5]]))
    return found


def _voice(rate: Any, by: str, since: str | None) -> Voice:
    narrow = {by: rate.where} if by in ("release", "channel") else {}
    place = (
        links.item("releases", rate.where) if by == "release" and "@" in rate.where
        else links.listing("traces", channel=rate.where) if by == "channel" and rate.where
        else None
    )  # fmt: skip
    unit = rate.method == "wilson"
    return Voice(
        name=rate.name,
        href=links.listing("feedback", name=rate.name, by=by, since=since),
        where=rate.where or _("none"),
        where_href=place,
        says=_says(rate),
        text=_text(rate),
        reach=f"{_number(rate.low, unit)} – {_number(rate.high, unit)}" if _has(rate) else "",
        n=rate.n,
        n_href=links.listing("feedback", name=rate.name, since=since, **narrow),
        value=rate.value if unit else None,
        low=rate.low,
        high=rate.high,
    )


def _says(rate: Any) -> str:
    if rate.what.startswith("share of "):
        return _("share of {word}").format(word=rate.what.removeprefix("share of "))
    return {"rate": _("rate of yes"), "mean": _("mean"), "sum": _("sum"), "count": _("count")}[
        rate.what
    ]


def _text(rate: Any) -> str:
    if rate.amount:
        return str(rate.amount)
    return "–" if rate.value is None else _number(rate.value, rate.method == "wilson")


def _has(rate: Any) -> bool:
    return rate.low is not None


def _number(value: float, share: bool) -> str:
    return f"{value * 100:.0f}\u202f%" if share else f"{value:.2f}"


def _note(n: int) -> Markup:
    told = escape(
        _("Each voice that holds counts once; what waits for its trace is not in it. Voices are "
          "taken as independent.")
    )  # fmt: skip
    if n <= _MOST:
        return told
    more = ngettext("One more line is not shown.", "{n} more lines are not shown.", n - _MOST)
    return Markup("{} {}").format(told, more.format(n=n - _MOST))


def _queue(stands: Any) -> tuple[str, Cell]:
    done = _("{given} of {wanted} answers").format(
        given=words.count(stands.given), wanted=words.count(stands.wanted)
    )
    name = stands.queue.name
    return name, Cell("ref", done, href=links.item("reviews", name), sub=stands.queue.metric)
