"""One version of a prompt: what it says, filled and unfilled, who made it why, who uses it, how good it is."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from markupsafe import Markup, escape

from volano.core.errors import VolanoError
from volano.prompts.prompt import Prompt
from volano.web.pages import artifacts, kinds, links, prompt_words, words
from volano.web.pages.facts import cell
from volano.web.pages.i18n import gettext as _
from volano.web.pages.view import (
    Cell,
    Code,
    Column,
    Deeds,
    Facts,
    Item,
    Row,
    Section,
    Table,
    Wording,
)

_VERSIONS, _USERS, _REPORTS, _EXAMPLES = 50, 12, 12, 6


def item(app: Any, key: str, now_us: int) -> Item:
    """Show one version."""
    artifact = app.catalog.get("prompt", key)
    prompt = prompt_words.read(app, artifact)
    flows, releases, served = prompt_words.users(app, artifact)
    shown = artifacts.item("prompt", kinds.prompt_telling, kinds.nothing)(app, artifact.ref, now_us)
    versions = app.catalog.list("prompt", artifact.name, limit=_VERSIONS)
    sections: list[Section] = [
        _deeds(artifact, versions),
        _wording(prompt, artifact),
        *_filled(prompt),
        _versions(artifact, versions),
        _users(artifact, flows, releases),
        _reports(app, artifact, flows),
        *[one for one in shown.sections if not isinstance(one, Code)],
    ]
    return replace(
        shown,
        headline=_headline(prompt, artifact, served, now_us),
        sections=sections,
        aside=[*_aside(prompt), *[one for one in shown.aside if one.title != _("Card")]],
        data={
            **shown.data, "channels": served, "why": prompt_words.why(artifact),
            "messages": prompt_words.messages(prompt, artifact),
        },
    )  # fmt: skip


def _headline(prompt: Prompt | None, artifact: Any, served: Sequence[str], now_us: int) -> Markup:
    made = escape(_("{holds}, made {when} by {who}.")).format(
        holds=words.capital(prompt_words.holds(prompt, artifact)),
        when=words.time_tag(artifact.manifest.created_us, now_us),
        who=words.visible(artifact.created_by),
    )
    why = prompt_words.why(artifact)
    serves = (
        escape(_("It serves {channels}.")).format(channels=prompt_words.channels(served))
        if served
        else escape(_("It serves no channel."))
    )
    said = Markup(" <q>{}</q>").format(words.visible(words.clip(why, 300))) if why else ""
    return Markup("{}{} {}").format(made, said, serves)


def _deeds(artifact: Any, versions: Sequence[Any]) -> Deeds:
    before = next((one.ref for one in versions if one.number < artifact.number), None)
    links_ = [(_("Open in the playground"), prompt_words.playground(artifact.ref))]
    if before:
        since = _("What changed since @{n}").format(n=before.rpartition("@")[2])
        links_.append((since, prompt_words.differences(before, artifact.ref)))
    return Deeds(_("What to do with it"), links_)


def _wording(prompt: Prompt | None, artifact: Any) -> Wording:
    note = "" if prompt else _("Its file cannot be read; this is what its card says.")
    return Wording(
        _("What it says"), prompt_words.said(prompt_words.messages(prompt, artifact)), note
    )


def _filled(prompt: Prompt | None) -> list[Section]:
    """Return its variables, its examples, and the messages as they are sent."""
    if prompt is None:
        return []
    found: list[Section] = [_variables(prompt)]
    if prompt.examples is not None:
        found.append(_examples(prompt))
    try:
        sent = prompt_words.said(prompt_words.preview(prompt), slots=False)
        note = _("With defaults, and «names» where there are none. The playground takes your own.")
        found.append(Wording(_("As it is sent"), sent, note))
    except VolanoError as error:
        note = _("Samples do not fill it: {why}").format(why=error.message)
        found.append(Wording(_("As it is sent"), [], note))
    return found


def _variables(prompt: Prompt) -> Table:
    described = any(one.description for one in prompt.variables.values())
    rows = [
        Row("", (
            Cell("code", name), Cell("text", one.what),
            Cell("code", prompt_words.shown(one.default)) if one.default is not None
            else Cell("text", _("must be given") if one.required else _("may be left out")),
            *([Cell("text", one.description)] if described else []),
        ), one.to_dict())
        for name, one in prompt.variables.items()
    ]  # fmt: skip
    columns = (
        Column(_("Name")), Column(_("What it is")), Column(_("Without a value")),
        *([Column(_("Meaning"), 2)] if described else []),
    )  # fmt: skip
    empty = _("It has none: each call is asked the same.")
    return Table(_("Variables"), columns, rows, empty=empty)


def _examples(prompt: Prompt) -> Table:
    assert prompt.examples is not None
    rule = {
        "first": _("the first rows"), "random": _("drawn at random"),
        "balanced": _("the same number of each label"),
        "similar": _("the most similar to what is asked"),
    }.get(prompt.examples.rule, prompt.examples.rule)  # fmt: skip
    title = _("Examples: {n} are shown, {rule}").format(n=prompt.examples.n, rule=rule)
    source = str(prompt.pick.get("from") or "")
    return Table(
        title, (Column(_("Asked")), Column(_("Answered"))),
        [Row("", (Cell("text", words.clip(one.input, 240)), Cell("text", words.clip(one.output, 240))), one)
         for one in prompt.examples.rows[:_EXAMPLES]],
        more=links.artifact("dataset", source) if source else None,
    )  # fmt: skip


def _versions(artifact: Any, versions: Sequence[Any]) -> Table:
    rows = []
    for one in versions:
        here = one.digest == artifact.digest
        old, new = sorted((one, artifact), key=lambda each: each.number)
        rows.append(
            Row(links.artifact("prompt", one.ref), (
                Cell("ref", one.ref, href=None if here else links.artifact("prompt", one.ref)),
                Cell("text", ", ".join(one.labels)),
                Cell("text", words.clip(prompt_words.why(one), 200) or "–"),
                Cell("time", one.manifest.created_us, sub=one.created_by),
                Cell("text", _("this one")) if here
                else Cell("ref", _("compare"), href=prompt_words.differences(old.ref, new.ref)),
            ), one)
        )  # fmt: skip
    return Table(
        _("Versions"),
        (Column(_("Version")), Column(_("Labels"), 2), Column(_("Why")), Column(_("Made"), 2),
         Column(_("Changes"))),
        rows,
    )  # fmt: skip


def _users(artifact: Any, flows: Sequence[Any], releases: Sequence[Any]) -> Table:
    rows = [
        Row(links.artifact(one.kind, one.ref), (
            Cell("ref", one.ref, href=links.artifact(one.kind, one.ref)),
            Cell("text", _("flow") if one.kind == "flow" else _("release")),
            Cell("time", one.manifest.created_us),
        ), one)
        for one in (*releases[:_USERS], *flows[:_USERS])
    ]  # fmt: skip
    return Table(
        _("Who uses it"), (Column(_("Name")), Column(_("Kind")), Column(_("Made"), 2)), rows,
        empty=_("No flow yet. This makes one:"),
        command=f"volano flow compose NAME --model MODEL --prompt {artifact.ref}",
    )  # fmt: skip


def _reports(app: Any, artifact: Any, flows: Sequence[Any]) -> Table:
    rows: list[Row] = []
    for report in prompt_words.reports(app, artifact, flows)[:_REPORTS]:
        href, meta = links.artifact("report", report.ref), report.manifest.meta
        rows += [
            Row(href, (
                Cell("text", bar.name.replace("_", " ")), Cell("number", bar.text),
                Cell("number", words.count(bar.n) if bar.n else "–"),
                Cell("text", words.clip(meta.get("dataset") or "–", 60)),
                Cell("ref", report.ref, href=href),
            ), {"report": report.ref, "score": bar.name, "value": bar.value})
            for bar in kinds.score_bars(meta)[: 4 if not rows else 1]
        ]  # fmt: skip
    return Table(
        _("How good it is"),
        (Column(_("Score")), Column(_("Value, 95 % interval"), number=True),
         Column(_("Rows"), 2, number=True), Column(_("On"), 3), Column(_("Report"), 2)),
        rows,
        empty=_("No report speaks of it. This measures a flow with it:"),
        command="volano eval run FLOW --data DATASET",
    )  # fmt: skip


def _aside(prompt: Prompt | None) -> list[Section]:
    if prompt is None:
        return []
    found: list[Section] = []
    if prompt.settings:
        found.append(Facts(_("Settings"), [(name, cell(v)) for name, v in prompt.settings.items()]))
    if prompt.schema is not None:
        text = json.dumps(prompt.schema, ensure_ascii=False, indent=2)
        found.append(Code(_("What answers keep to"), text, open=True))
    return found
