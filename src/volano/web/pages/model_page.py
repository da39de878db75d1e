"""One model: its state and what may follow, its scores and proofs, its forms, what it cost."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup, escape

from volano.models.kinds import engine_of, format_of
from volano.models.life import next_states
from volano.web.pages import artifacts, kinds, links, model_words, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import (
    Cell,
    Code,
    Column,
    Commands,
    Facts,
    Gates,
    Happening,
    Item,
    Row,
    Section,
    Table,
    Timeline,
)

_FORMS, _REPORTS = 24, 12
_KIN = ("parent", "base", "teacher")
"""Roles of a parent that is a model: this one is a form of it, stands on it, or learned from it."""


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one model."""
    shown = artifacts.item("model", kinds.model_telling, _sections)(app, key, now_us)
    model = app.catalog.get("model", key)
    users = app.lives.users(model)
    state = app.lives.state_of(model.digest)
    return replace(
        shown,
        headline=_headline(shown, users),
        state=shown.state or model_words.state(state),
        aside=[*_aside(app, model, users), *shown.aside],
        data={**shown.data, "state": state, "channels": users},
    )


def reports(app: Any, model: Any) -> list[Any]:
    """Return the reports of scores on a model and on flows with it, newest first.

    A search's report is not among them: its score is the winner's, whichever form that is.
    """
    children = app.catalog.children(model.digest)
    flows = [one.digest for one in children if one.kind == "flow"]
    found = {one.digest: one for one in (*children, *app.catalog.made_of(flows))}
    own = [
        one for one in found.values() if one.kind == "report" and "about" not in one.manifest.meta
    ]
    return sorted(own, key=lambda one: -one.manifest.created_us)


def score(app: Any, model: Any) -> tuple[str, str]:
    """Return a model's first score in its newest report, and the report's address.

    Where no report speaks of a form, what was counted when it was made.
    """
    for report in reports(app, model):
        if bars := kinds.score_bars(report.manifest.meta):
            return bars[0].text, links.artifact("report", report.ref)
    exact = model.manifest.meta.get("exact")
    if isinstance(exact, dict) and isinstance(exact.get("form"), int) and exact.get("n"):
        return _("{k} of {n} right").format(k=exact["form"], n=exact["n"]), ""
    return "–", ""


def _headline(shown: Item, users: Sequence[str]) -> Markup:
    serves = (
        escape(_("It serves {channels}.")).format(channels=model_words.served(users))
        if users
        else escape(_("It serves no channel."))
    )
    return Markup("{} {}").format(shown.headline, serves)


def _sections(app: Any, model: Any) -> list[Section]:
    found: list[Section] = []
    if proofs := list(model_words.gates(model.manifest.meta)):
        found.append(Gates(_("What was checked"), proofs))
    return [*found, _scores(app, model), _forms(app, model), _life(app, model),
            *_next(app, model), *_card(app, model)]  # fmt: skip


def _scores(app: Any, model: Any) -> Table:
    rows: list[Row] = []
    for report in reports(app, model)[:_REPORTS]:
        href, meta = links.artifact("report", report.ref), report.manifest.meta
        rows += [
            Row(href, (
                Cell("text", bar.name.replace("_", " ")), Cell("number", bar.text),
                Cell("number", words.count(bar.n) if bar.n else "–"),
                Cell("text", _on(meta)), Cell("ref", report.ref, href=href),
            ), {"report": report.ref, "score": bar.name, "value": bar.value})
            for bar in kinds.score_bars(meta)[: 4 if not rows else 1]
        ]  # fmt: skip
    return Table(
        _("How good it is"),
        (Column(_("Score")), Column(_("Value, 95 % interval"), number=True),
         Column(_("Rows"), 2, number=True), Column(_("On"), 3), Column(_("Report"), 2)),
        rows,
        empty=_("No report speaks of it. This measures a flow with it:"),
        command=f"volano eval run FLOW --data DATASET  # flow: volano flow compose NAME --model {model.ref}",
    )  # fmt: skip


def _on(meta: Mapping[str, Any]) -> str:
    if not meta.get("dataset"):
        return "–"
    return f"{words.clip(meta['dataset'], 60)}, {words.clip(meta.get('split'), 20)}"


def _forms(app: Any, model: Any) -> Table:
    rows = [_form(app, model, one, relation) for one, relation in _kin(app, model)[:_FORMS]]
    whole = any(name.endswith(".safetensors") for name in model.manifest.files)
    return Table(
        _("Forms of this model"),
        (Column(_("Model")), Column(_("Bytes"), number=True), Column(_("Score"), number=True),
         Column(_("Parity"), 2), Column(_("State"), 2), Column(_("Side by side"))),
        [_form(app, model, model, _("this one")), *rows] if rows else [],
        empty=_("Nothing was made from it yet. This makes a smaller form, measured against it:")
        if whole
        else _("Nothing was made from it: its trained weights are not here."),
        command=f"volano model compress {model.ref} --to q8_0 --name {model.name}-small"
        if whole
        else "",
    )  # fmt: skip


def _kin(app: Any, model: Any) -> list[tuple[Any, str]]:
    """Return the models that this one was made from, and those made from it, with how."""
    above = {"parent": _("its parent"), "base": _("its base"), "teacher": _("its teacher")}
    below = {"parent": _("a form of it"), "base": _("tuned from it"), "teacher": _("its student")}
    found = [
        (app.catalog.by_digest(one.digest), above[one.role])
        for one in model.manifest.parents
        if one.role in _KIN
    ]
    for child in reversed(app.catalog.children(model.digest)):
        roles = [p.role for p in child.manifest.parents if p.digest == model.digest]
        if child.kind == "model" and (role := next((r for r in roles if r in below), None)):
            found.append((child, below[role]))
    return found


def _form(app: Any, model: Any, one: Any, relation: str) -> Row:
    meta = one.manifest.meta
    said, report = score(app, one)
    mine = one.digest == model.digest
    href = None if mine else links.artifact("model", one.ref)
    form = str(meta.get("form") or format_of(one) or "–")
    engine = _("{form} on {engine}").format(form=form, engine=engine_of(one) or "–")
    proof = next((gate for gate in model_words.gates({"parity": meta.get("parity")})), None)
    pair = sorted((model, one), key=lambda each: each.manifest.created_us)
    beside = Cell("text", "–") if mine else Cell(
        "ref", _("compare"), href=links.compared(*(each.ref for each in pair))
    )  # fmt: skip
    return Row(
        href or "",
        (
            Cell("ref", one.ref, href=href, sub=f"{relation}; {engine}"),
            Cell("number", words.size(one.manifest.size) if one.manifest.files else "–"),
            Cell("ref", said, href=report) if report else Cell("number", said),
            Cell("state", proof.state) if proof else Cell("text", "–"),
            Cell("state", model_words.state(app.lives.state_of(one.digest))),
            beside,
        ),
        {"ref": one.ref, "relation": relation},
    )


def _life(app: Any, model: Any) -> Timeline:
    return Timeline(
        _("Its life"),
        [
            Happening(
                move.at_us, _moved(move), model_words.state(move.state).tone, by=move.by
            )
            for move in reversed(app.lives.history(model.ref))
        ]
        + [
            Happening(
                model.manifest.created_us, escape(_("Made, as a draft.")), "off",
                by=model.created_by,
            )
        ],
    )  # fmt: skip


def _moved(move: Any) -> Markup:
    told = escape(_("{before} → {state}")).format(
        before=model_words.state(move.before).word,
        state=Markup("<b>{}</b>").format(model_words.state(move.state).word),
    )
    if not move.why:
        return told
    return Markup('{}<span class="why">{}</span>').format(told, words.visible(move.why))


def _next(app: Any, model: Any) -> Iterable[Section]:
    """Return the commands for the states that may follow; none where its life is over."""
    following = next_states(app.lives.state_of(model.digest))
    if not following:
        return ()
    lines = [
        (model_words.state(state), f"volano model state {model.ref} {state} --why 'REASON'")
        for state in following
    ]
    return (Commands(_("What may follow"), lines),)


def _card(app: Any, model: Any) -> Iterable[Section]:
    text = app.model_cards.show(model.ref)
    note = _("edit its words with volano model card edit {name} FILE").format(name=model.name)
    return (Code(_("Card, in Markdown"), text, note=note),) if text else ()


def _aside(app: Any, model: Any, users: Sequence[str]) -> list[Section]:
    told = [
        (_("channels"), Cell("markup", model_words.served(users))),
        (_("engine"), Cell("text", engine_of(model) or "–")),
    ]
    found: list[Section] = [Facts(_("Serves"), told + (_engines(app, model) if users else []))]
    if cost := model_words.spent(model.manifest.meta):
        found.append(Facts(_("What making it cost"), cost))
    beside = Cell("ref", _("choose one"), href=links.compared(model.ref))
    found.append(Facts(_("Side by side"), [(_("with another model"), beside)]))
    return found


def _engines(app: Any, model: Any) -> list[tuple[str, Cell]]:
    """Return how the engines are doing that run it, or the base that it stands on."""
    bases = [app.catalog.by_digest(one.digest).ref for one in model.manifest.parents
             if one.role == "base"]  # fmt: skip
    own = {model.ref, *(bases if format_of(model) == "adapter" else ())}
    return [
        (one["name"], Cell("state", engine_state(one["state"]), sub=_load(one)))
        for one in app.engines.list()
        if own & {part.strip() for part in str(one["model"] or "").split(",")}
    ]


def engine_state(name: str) -> Any:
    """Return an engine's state in a word and a tone."""
    tones: Mapping[str, Any] = {
        "ready": "good",
        "starting": "busy",
        "leaving": "busy",
        "not loaded": "off",
    }
    return model_words.State(_(name), tones.get(name, "bad"))


def _load(row: Mapping[str, Any]) -> str:
    told = []
    if row.get("memory_bytes"):
        told.append(words.size(row["memory_bytes"]))
    if row.get("tokens_per_s") is not None:
        told.append(_("{n} tokens/s").format(n=words.count(round(row["tokens_per_s"]))))
    if row.get("busy") is not None and row.get("slots"):
        told.append(_("{busy} of {slots} slots busy").format(busy=row["busy"], slots=row["slots"]))
    return ", ".join(told)
