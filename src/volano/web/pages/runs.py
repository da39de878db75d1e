"""Runs: work that is under way, done or broken."""

from typing import Any

from markupsafe import Markup, escape

from volano.web.pages import curves, facts, links, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.view import (
    Asked,
    Cell,
    Code,
    Column,
    Facts,
    Filter,
    Item,
    Listing,
    Row,
    Section,
    State,
)

_STATES = {
    "queued": State("queued", "wait"),
    "running": State("running", "busy"),
    "done": State("done", "good"),
    "failed": State("failed", "bad"),
    "cancelled": State("cancelled", "off"),
}
_SCANNED = 1_000
MAX_LOG = 50_000
"""Characters of a log that are shown: its end."""


def listing(app: Any, asked: Asked, now_us: int) -> Listing:
    """List runs, newest first."""
    found = _scan(app, asked)
    shown, more = found[: asked.limit], len(found) > asked.limit
    return Listing(
        headline=_headline(app.runs.list(limit=200)),
        columns=(
            Column(_("Run")),
            Column(_("State")),
            Column(_("Kind"), 2),
            Column(_("Took"), 2, number=True),
            Column(_("By"), 3),
            Column(_("Began")),
        ),
        rows=[_row(run, now_us) for run in shown],
        following=str(shown[-1].created_us) if more and shown else None,
        filters=[Filter("state", _("State"), [(k, _(s.word)) for k, s in _STATES.items()])],
    )


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one run: what went in, what came out, what broke."""
    run = app.runs.get(key)
    sections: list[Section] = []
    if run.error:
        sections.append(Code(_("Error"), _error_text(run.error), open=True))
    if run.progress:
        sections.append(_progress(run.progress, over=run.ended_us is not None))
    sections += curves.sections(app, run)
    sections += [
        Facts(title, facts.of(values))
        for title, values in ((_("Inputs"), run.inputs), (_("Outputs"), run.outputs))
        if values
    ]
    if log := app.runs.log(key):
        sections.append(Code(_("Log"), log[-MAX_LOG:]))
    return Item(
        title=run.name or run.id,
        headline=_sentence(run, now_us),
        state=state(run),
        sections=sections,
        aside=[
            Facts(
                _("Facts"),
                [
                    (_("id"), Cell("code", run.id)),
                    (_("by"), Cell("text", run.by)),
                    (_("group"), Cell("text", run.group or "–")),
                    (_("attempt"), Cell("number", str(run.attempt))),
                    (_("queued"), Cell("time", run.created_us)),
                    (_("started"), Cell("time", run.started_us)),
                    (_("ended"), Cell("time", run.ended_us)),
                ],
            )
        ],
        data=run,
        live=run.ended_us is None,
    )


def _sentence(run: Any, now_us: int) -> Markup:
    """Say how it went; of one under way that tells it, how much time is left."""
    left = run.progress.metrics.get("left_s") if run.progress and run.ended_us is None else None
    text = (
        _("{kind}, {state}; about {left} left after {time}, begun {when}.")
        if isinstance(left, int | float)
        else _("{kind}, {state}; it took {time}, begun {when}.")
    )
    return escape(text).format(
        kind=words.visible(words.capital(run.kind)),
        state=state(run).word,
        left=words.duration(round((left or 0) * 1_000_000)),
        time=words.duration(_took(run, now_us)),
        when=words.time_tag(run.started_us or run.created_us, now_us),
    )


def _scan(app: Any, asked: Asked) -> list[Any]:
    """Return up to limit + 1 runs whose kind, name or maker contain the text."""
    wanted, before = asked.q.casefold(), asked.cursor
    runs = app.runs.list(
        state=asked.get("state"), before_us=before, limit=_SCANNED if wanted else asked.limit + 1
    )
    return [
        run
        for run in runs
        if not wanted or wanted in f"{run.id} {run.kind} {run.name} {run.by}".casefold()
    ]


def state(run: Any) -> State:
    """Return the run's state in words."""
    known = _STATES.get(run.state, State(run.state, "off"))
    return State(_(known.word), known.tone)


def _headline(everything: Any) -> Markup:
    if not everything:
        return escape(_("Nothing has run yet."))
    busy = sum(1 for run in everything if run.state in ("running", "queued"))
    if busy:
        told = ngettext("One run is under way.", "{n} runs are under way.", busy)
        return Markup("{}").format(told.format(n=busy))
    return escape(_("Nothing is running; the last one, {name}, is {state}.")).format(
        name=links.link(links.item("runs", everything[0].id), everything[0].name),
        state=state(everything[0]).word,
    )


def _took(run: Any, now_us: int) -> int | None:
    if run.started_us is None:
        return None
    return (run.ended_us or now_us) - run.started_us


def _error_text(error: Any) -> str:
    return error.message + (f"\nhint: {error.hint}" if error.hint else "")


def _progress(progress: Any, *, over: bool) -> Facts:
    """Return how far the run is, and what it measured last; time is left only while it works."""
    share = progress.share
    far = [(_("done"), Cell("share", round(share * 1_000) * 1_000))] if share is not None else []
    of = f" / {words.count(progress.of)}" if progress.of else ""
    return Facts(
        _("Progress"),
        [
            *far,
            (_("step"), Cell("number", f"{words.count(progress.step)}{of}")),
            (_("said"), Cell("time", progress.at_us)),
            *(
                _measured(name, value)
                for name, value in progress.metrics.items()
                if not (over and name == "left_s")
            ),
        ],
    )


def _measured(name: str, value: Any) -> tuple[str, Cell]:
    """Return what was measured, in words where we know them."""
    if name == "left_s" and isinstance(value, int | float):
        return _("time left"), Cell("number", words.duration(round(value * 1_000_000)))
    if name in curves.KNOWN or name.startswith("dev_"):
        return curves.title(name), Cell("number", curves.spelt(name, value))
    return name.replace("_", " "), facts.cell(value)


def _row(run: Any, now_us: int) -> Row:
    href = links.item("runs", run.id)
    return Row(
        href,
        (
            Cell("ref", run.name or run.id[:8], href=href),
            Cell("state", state(run)),
            Cell("text", run.kind),
            Cell("number", words.duration(_took(run, now_us))),
            Cell("text", run.by),
            Cell("time", run.started_us or run.created_us),
        ),
        run,
    )
