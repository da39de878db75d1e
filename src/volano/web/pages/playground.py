"""The playground's page: a form, and what came of it. What is streamed is drawn by the same parts."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup, escape

from volano.core.errors import VolanoError
from volano.core.principal import Principal
from volano.core.template.errors import UnfitValueError
from volano.core.template.variable import Variable
from volano.evals.playground.ahead import Column, ahead, best
from volano.evals.playground.asking import wanted
from volano.evals.playground.grid import scorers
from volano.evals.playground.players import CHANNEL, FLOW, MODEL, MOST
from volano.evals.playground.sketch import Sketch
from volano.evals.scoring import SCORERS
from volano.web.pages import links, prompt_words, words
from volano.web.pages import playground_form as forms
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.playground_form import Form
from volano.web.pages.view import Said, State

PARTS = "playground_parts.html"
_KNOWN = 200
_STATES = {
    "answered": ("answered", "good"), "empty": ("empty answer", "wait"),
    "refused": ("refused", "wait"), "cut": ("cut off", "wait"), "error": ("failed", "bad"),
}  # fmt: skip


@dataclass(frozen=True)
class Shown:
    """One take as it is drawn."""

    take: Mapping[str, Any]
    state: State
    figures: Sequence[tuple[str, str]]
    href: str
    score: str = ""


@dataclass
class Page:
    """The page. `results` is drawn already, of a form that was sent without a script."""

    headline: Markup
    form: Form
    base: Sketch
    fields: Sequence[tuple[Variable, str]]
    choices: Sequence[tuple[str, Sequence[str]]]
    sent: Sequence[Said]
    error: VolanoError | None
    edited: bool
    known: Sequence[str] = ()
    datasets: Sequence[str] = ()
    scorers: Sequence[str] = ()
    most: int = MOST
    results: Markup = field(default_factory=Markup)

    @property
    def data(self) -> dict[str, Any]:
        """What programs get."""
        return {
            "prompt": self.base.ref, "messages": self.form.messages, "models": self.form.models,
            "variables": [variable.to_dict() | {"name": variable.name} for variable, _v in self.fields],
            "choices": dict(self.choices),
        }  # fmt: skip


def look(app: Any, form: Form) -> Page:
    """Return the page of a form; nothing is asked.

    Raises:
        UnknownArtifactError: there is no such prompt.
    """
    base = app.playground.sketch(form.prompt) if form.prompt else Sketch()
    edited = (
        form.messages is not None
        and [{"role": role, "content": text} for role, text in form.messages] != base.messages
    )
    form = forms.filled(form, base)
    choices = _choices(app.playground.choices(), form.models)
    error: VolanoError | None = None
    sent: Sequence[Said] = ()
    try:
        sent = _sent(forms.sketch(form, base))
    except VolanoError as told:
        error = told
    return Page(
        _headline(form, base, choices), form, base, _fields(form, base),
        choices, sent, error, edited,
        known=sorted({one.ref for one in app.catalog.list("prompt", limit=_KNOWN)}),
        datasets=_newest(app.catalog.list("dataset", limit=_KNOWN)), scorers=scorers(),
    )  # fmt: skip


def _choices(
    found: Mapping[str, Sequence[str]], chosen: Sequence[str]
) -> list[tuple[str, Sequence[str]]]:
    names = {CHANNEL: _("Channels"), MODEL: _("Models"), FLOW: _("Flows")}
    known = {one for each in found.values() for one in each}
    groups = [(names[kind], found[kind]) for kind in names if found.get(kind)]
    others = [one for one in chosen if one not in known]
    return [*groups, *([(_("By name"), others)] if others else [])]


def _fields(form: Form, base: Sketch) -> list[tuple[Variable, str]]:
    return [(one, _value(one, form)) for one in forms.variables(form, base)]


def _sent(made: Sketch) -> Sequence[Said]:
    """Return what is sent for the values that are there, with the names of those that are not."""
    given = {n: v for n, v in made.values.items() if v != ""}
    return prompt_words.said(prompt_words.preview(made.prompt, given), slots=False)


def _value(variable: Variable, form: Form) -> str:
    if variable.name in form.values:
        return form.values[variable.name]
    return prompt_words.shown(variable.default)


def _newest(found: Sequence[Any]) -> list[str]:
    names: dict[str, str] = {}
    for one in found:
        names.setdefault(one.name, one.ref)
    return list(names.values())


def _headline(form: Form, base: Sketch, choices: Sequence[Any]) -> Markup:
    if not choices:
        return escape(_("Nobody can answer yet: there is no channel, no model and no flow."))
    what = (
        links.link(links.artifact("prompt", base.ref), base.ref)
        if base.ref
        else escape(_("What you write here"))
    )
    n = len(form.models)
    if not n:
        return escape(_("{what} waits to be asked. Choose who answers.")).format(what=what)
    told = ngettext("{what} is ready for one model.", "{what} is ready for {n} models.", n)
    return escape(told).format(what=what, n=n)


# ---- what came of it; each piece says where on the page it goes

Piece = tuple[str, str, str]
"""(where, `html` or `text`, what)."""


def run(app: Any, form: Form, parts: Any, *, by: Principal, stop: Any) -> Iterator[Piece]:
    """Ask, and yield what changes on the page."""
    base = app.playground.sketch(form.prompt) if form.prompt else Sketch()
    form = forms.filled(form, base)
    if form.do == "preview":
        yield from _preview(form, base, parts)
        return
    made = forms.sketch(form, base)
    if form.do == "curl":
        yield "results", "html", parts.curl(as_curl(app, form, made))
        yield "headline", "html", escape(_("The same as commands; the key is $VOLANO_KEY there."))
    elif form.do == "rows":
        yield from _rows(app, form, made, parts, by, stop)
    else:
        yield from _columns(app, form, made, parts, by, stop)


def _preview(form: Form, base: Sketch, parts: Any) -> Iterator[Piece]:
    """Say what the form is while it is written; nobody is asked. Half a name leaves the fields as they are."""
    try:
        made = forms.sketch(form, base)
        yield "sent", "html", parts.sent(_sent(made))
    except VolanoError as told:
        yield "sent", "html", parts.sent((), told)
        if not isinstance(told, UnfitValueError):
            return
    yield "fields", "html", parts.fields(_fields(form, base))


def _columns(
    app: Any, form: Form, made: Sketch, parts: Any, by: Principal, stop: Any
) -> Iterator[Piece]:
    events = app.playground.stream(made, form.models, by=by, stop=stop)
    names = app.playground.names(form.models)
    takes: dict[int, Mapping[str, Any]] = {}
    begun = False
    for event in _first(events):
        if not begun:
            begun = True
            yield "results", "html", parts.columns([_column(name) for name in names])
            yield "headline", "html", escape(_("Asking…"))
        if event is None:
            continue
        at = event["column"]
        if "text" in event:
            yield f"take-{at}", "text", event["text"]
        else:
            takes[at] = event["take"]
            yield f"take-{at}", "html", parts.take(shown(event["take"]))
            if len(takes) == len(names):
                yield "headline", "html", _said(list(takes.values()))


def _first(events: Iterator[Any]) -> Iterator[Any]:
    """Yield None before the first event, once it is sure that there may be one."""
    yield None
    yield from events


def _rows(
    app: Any, form: Form, made: Sketch, parts: Any, by: Principal, stop: Any
) -> Iterator[Piece]:
    names = app.playground.names(form.models)
    events = app.playground.grid(
        made, names, data=form.data, split=form.split, limit=form.rows, scorer=form.scorer, by=by,
        stop=stop,
    )  # fmt: skip
    rows: list[Mapping[str, Any]] = []
    begun, done = False, 0
    takes: list[Mapping[str, Any]] = []
    by_row: list[dict[int, float]] = [{} for _name in names]
    for event in events:
        if "id" in event:
            rows.append(event)
            continue
        if not begun:
            begun = True
            columns = [_column(name) for name in names]
            yield "results", "html", parts.grid(columns, rows, form.data, form.scorer)
        if "take" in event:
            done += 1
            takes.append(event["take"])
            score = next(iter(event["take"]["scores"].values()), None)
            if score is not None:
                by_row[event["column"]][event["row"]] = score
            where = f"cell-{event['row']}-{event['column']}"
            yield where, "html", parts.cell(shown(event["take"]))
            all_ = len(rows) * len(names)
            told = _("{done} of {all} answers are there.").format(done=done, all=all_)
            yield "headline", "html", escape(told)
        else:
            yield f"total-{event['column']}", "html", parts.total(_total(event["total"]))
    if not begun:
        yield "results", "html", escape(_("The split has no rows."))
    yield "headline", "html", _verdict(names, by_row, takes, len(rows), form.scorer)


def _column(name: str) -> tuple[str, str]:
    """Return a column's kind and name: `model/router@1`."""
    kind, slash, rest = name.partition("/")
    if slash and kind in (CHANNEL, MODEL, FLOW):
        return {CHANNEL: _("channel"), MODEL: _("model"), FLOW: _("flow")}[kind], rest
    return "", name


def _said(takes: Sequence[Mapping[str, Any]]) -> Markup:
    """Say in a sentence how it went."""
    n = sum(one["state"] == "answered" for one in takes)
    done = [one for one in takes if one["state"] == "answered" and one["latency_us"] is not None]
    if len(takes) == 1:
        return escape(_("It answered after {time}.").format(time=words.duration(done[0]["latency_us"]))
                      if done else _("It did not answer."))  # fmt: skip
    if not done:
        return escape(_("None of {all} answered.").format(all=len(takes)))
    quick = min(done, key=lambda one: one["latency_us"])
    texts = {str(one["text"]).strip() for one in done}
    alike = _(" all the same") if len(texts) == 1 and len(done) > 1 else ""
    told = _("{n} of {all} answered{alike}; {name} was done first, after {time}.")
    return escape(told).format(
        n=n, all=len(takes), alike=alike, name=words.visible(_column(quick["player"])[1]),
        time=words.duration(quick["latency_us"]),
    )  # fmt: skip


def _verdict(
    names: Sequence[str], columns: Sequence[Column], takes: Sequence[Mapping[str, Any]],
    rows: int, scorer: str,
) -> Markup:  # fmt: skip
    """Say who is ahead, and whether that is more than chance: the same rows, compared row by row."""
    n = sum(one["state"] == "answered" for one in takes)
    told = ngettext(
        "One row: {n} of {all} answered in full.",
        "{rows} rows: {n} of {all} answered in full.",
        rows,
    )
    said = escape(told.format(rows=rows, n=n, all=len(takes)))
    kind = SCORERS.get(scorer)
    if best(columns, bigger=kind.bigger) is None:
        return said
    first = ahead(columns, bigger=kind.bigger, share=kind.unit == "share")
    if first is not None:
        more = escape(_("{name} is ahead.")).format(name=words.visible(_column(names[first])[1]))
    else:
        more = escape(_("Too few to say who is better: row by row it may be chance."))
    return Markup("{} {}").format(said, more)


def shown(take: Mapping[str, Any]) -> Shown:
    """Return a take as it is drawn."""
    word, tone = _STATES[take["state"]]
    figures = []
    if take["first_us"] is not None:
        figures.append((_("first word"), words.duration(take["first_us"])))
    if take["latency_us"] is not None and take["text"]:
        figures.append((_("all"), words.duration(take["latency_us"])))
    if take["completion_tokens"] is not None:
        counts = (
            f"{words.count(take['prompt_tokens'] or 0)} → {words.count(take['completion_tokens'])}"
        )
        figures.append((_("tokens"), counts))
    if take["cost_nano"] is not None:
        figures.append((_("cost"), words.money({take["currency"]: take["cost_nano"]})))
    if take["release"]:
        figures.append((_("release"), take["release"]))
    scores = [one for one in take["scores"].values() if one is not None]
    score = f"{scores[0]:.2f}".rstrip("0").rstrip(".") if scores else ""
    href = links.item("traces", take["trace"]) if take["trace"] else ""
    return Shown(take, State(_(word), tone), figures, href, score)  # type: ignore[arg-type]


def _total(total: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = []
    if score := total["score"]:
        told = f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
        found.append((score["name"].replace("_", " "), told))
    if total["unmeasured"]:
        found.append((_("unmeasured"), words.count(total["unmeasured"])))
    found += [
        (_(_STATES[s][0]), words.count(n))
        for s, n in sorted(total["states"].items())
        if s != "answered"
    ]
    if total["latency_us"] is not None:
        found.append((_("median time"), words.duration(total["latency_us"])))
    if total["cost_nano"]:
        found.append((_("cost"), words.money(total["cost_nano"])))
    return found


def as_curl(app: Any, form: Form, made: Sketch) -> list[tuple[str, str, str]]:
    """Return for each player a command that asks the gateway the same, and what it takes before."""
    scheme = "https" if getattr(app.settings, "tls", None) else "http"
    address = f"{scheme}://127.0.0.1:{app.settings.port}/v1/chat/completions"
    found = []
    for name in app.playground.names(form.models):
        player = app.playground.find(name)
        model, note = player.ref, ""
        if player.kind != CHANNEL:
            model = "try-" + player.ref.partition("@")[0].replace(":", "-").replace("/", "-")
            how = "--at" if player.kind == "target" else "--model"
            ref = player.model.ref if player.kind == FLOW else player.ref
            note = f"volano channel open {shlex.quote(model)} {how} {shlex.quote(ref)}"
        body = json.dumps({"model": model, **wanted(player, made)}, ensure_ascii=False)
        lines = [f"curl {shlex.quote(address)}", '-H "Authorization: Bearer $VOLANO_KEY"',
                 "-H 'Content-Type: application/json'", f"--data-raw {shlex.quote(body)}"]  # fmt: skip
        found.append((name, " \\\n  ".join(lines), note))
    return found
