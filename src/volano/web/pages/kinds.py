"""What one kind of artifact shows: a dataset its rows, a report its scores, a release its pins."""

from collections.abc import Mapping, Sequence
from typing import Any

from volano.access.session import local_principal
from volano.web.pages import choices, data_links, facts, judging, links, report_page, words
from volano.web.pages.i18n import gettext as _
from volano.web.pages.i18n import ngettext
from volano.web.pages.plain import parse
from volano.web.pages.view import (
    Bar,
    Bars,
    Cell,
    Column,
    Facts,
    Gate,
    Gates,
    Row,
    Section,
    State,
    Table,
)

_SAMPLE_ROWS = 12


# ---- a few words on what one holds


def dataset_telling(artifact: Any) -> str:
    """Say how many rows each split has: `960 train, 240 test`."""
    counts = artifact.manifest.meta.get("counts")
    if not isinstance(counts, Mapping):
        return ""
    numbers = [(name, n) for name, n in counts.items() if isinstance(n, int)]
    return ", ".join(f"{words.count(n)} {name}" for name, n in numbers[:3])


def prompt_telling(artifact: Any) -> str:
    """Say how the template begins."""
    return words.clip(artifact.manifest.meta.get("template"), 60)


def model_telling(artifact: Any) -> str:
    """Say the format and the count of parameters."""
    meta = artifact.manifest.meta
    size = meta.get("parameters")
    told = [str(meta[name]) for name in ("format", "architecture") if meta.get(name)]
    if isinstance(size, int):
        told.append(_("{n} parameters").format(n=words.short_count(size)))
    return ", ".join(told)


def flow_telling(artifact: Any) -> str:
    """Say which kind of flow it is."""
    meta = artifact.manifest.meta
    return str(meta.get("shape") or meta.get("kind") or "")


def report_telling(artifact: Any) -> str:
    """Say the first score with its interval; of a choice, what to take."""
    if verdict := artifact.manifest.meta.get("verdict"):
        return words.clip(str(verdict).rstrip("."), 400)
    meta = artifact.manifest.meta
    bars = score_bars(meta)
    first = f"{bars[0].name.replace('_', ' ')} {bars[0].text}" if bars else ""
    return "; ".join(filter(None, (first, report_page.outcome(meta))))


def release_telling(artifact: Any) -> str:
    """Say how many artifacts it pins."""
    n = len(artifact.manifest.parents)
    return ngettext("pins {n} artifact", "pins {n} artifacts", n).format(n=n)


# ---- the sections only this kind has


def nothing(_app: Any, _artifact: Any) -> Sequence[Section]:
    """Return no section: the manifest says it all."""
    return ()


def dataset_rows(app: Any, artifact: Any) -> Sequence[Section]:
    """Return the first rows of the training split as a table of text and label."""
    rows = _sample(app, artifact)
    if rows is None:
        return ()
    return [
        Table(
            _("First rows"),
            (Column(_("Text")), Column(_("Label")), Column(_("From"), 2)),
            [_dataset_row(row) for row in rows],
            empty=_("The training split has no rows."),
            more=data_links.page(artifact.ref),
        )
    ]


def _sample(app: Any, artifact: Any) -> list[Mapping[str, Any]] | None:
    """Return the first training rows; None where there is no such split, or it is gone."""
    files = artifact.manifest.files
    if artifact.state == "dropped":
        return None
    if "train.rows" in files:
        return list(
            app.datasets.stream(artifact.ref, "train", limit=_SAMPLE_ROWS, by=local_principal())
        )
    file = files.get("train.jsonl")
    if file is None or file.size > 20_000_000:
        return None
    lines = app.catalog.read(artifact, "train.jsonl").split(b"\n", _SAMPLE_ROWS)
    return [row for row in map(parse, lines[:_SAMPLE_ROWS]) if isinstance(row, dict)]


def report_scores(app: Any, artifact: Any) -> Sequence[Section]:
    """Return the scores with their intervals; of a search or of advice, the candidates."""
    about = artifact.manifest.meta.get("about")
    if about in judging.OF_JUDGES:
        return judging.sections(app, artifact)
    if about is not None:
        return choices.sections(app, artifact)
    units = artifact.manifest.meta.get("units") or {}
    bars = [
        bar
        for bar in score_bars(artifact.manifest.meta)
        if (units.get(bar.name) or units.get(bar.name.split("/")[0]) or ["share"])[0] == "share"
    ]
    gates = report_page.gates(artifact.manifest.meta)
    if not bars:
        return [*gates, *report_page.sections(app, artifact)]
    marked = any(bar.mark is not None for bar in bars)
    baseline = _(" The tick is the baseline: always the most frequent class.") if marked else ""
    drawn = Bars(_("Scores"), bars, note=_("Bars are 95 % intervals.") + baseline)
    return [
        *gates,
        drawn,
        *judging.corrections(app, artifact),
        *report_page.sections(app, artifact),
    ]


def release_pins(app: Any, artifact: Any) -> Sequence[Section]:
    """Return the state of the signature, and what the release pins, each by its role."""
    rows = []
    for parent in artifact.manifest.parents:
        one = app.catalog.by_digest(parent.digest)
        href = links.artifact(one.kind, one.ref)
        rows.append(
            Row(
                href,
                (Cell("text", parent.role), Cell("ref", one.ref, href=href),
                 Cell("text", one.kind), Cell("code", str(parent.digest)[:19] + "…")),
                parent,
            )
        )  # fmt: skip
    columns = (
        Column(_("Role")),
        Column(_("Artifact")),
        Column(_("Kind"), 2),
        Column(_("Digest"), 2),
    )
    return [_signature(app, artifact), Table(_("Pins"), columns, rows, empty=_("It pins nothing."))]


def score_bars(meta: Mapping[str, Any]) -> list[Bar]:
    """Read the scores of a report's `meta`: a list of Scores, or Scores by name."""
    scores = meta.get("scores") or []
    if isinstance(scores, Mapping):
        scores = [{"name": name, **score} for name, score in scores.items()]
    baseline = meta.get("baseline")
    if isinstance(baseline, list):
        named = [one for one in baseline if scores and one.get("name") == scores[0].get("name")]
        baseline = named[0] if named else None
    mark = baseline.get("value") if isinstance(baseline, Mapping) else baseline
    bars = [_bar(score) for score in scores if isinstance(score.get("value"), int | float)]
    if bars and isinstance(mark, int | float):
        bars[0] = Bar(bars[0].name, bars[0].value, bars[0].low, bars[0].high, bars[0].n,
                      float(mark), bars[0].text)  # fmt: skip
    return bars


def _bar(score: Mapping[str, Any]) -> Bar:
    low, high = score.get("low"), score.get("high")
    text = f"{score['value']:.3f}"
    if low is not None and high is not None:
        text += f" [{low:.3f}, {high:.3f}]"
    return Bar(str(score["name"]), float(score["value"]), low, high, score.get("n"), None, text)


def _dataset_row(row: Mapping[str, Any]) -> Row:
    label = row.get("label")
    told = (
        ", ".join(f"{name} {value}" for name, value in label.items())
        if isinstance(label, Mapping)
        else str(label)
    )
    origin = row.get("origin") or {}
    trace = origin.get("trace") if isinstance(origin, Mapping) else None
    source = (
        Cell("ref", _("feedback"), href=links.item("traces", str(trace)))
        if trace
        else Cell("text", _("source"))
    )
    return Row(
        "", (Cell("text", words.clip(row.get("text"), 200)), Cell("text", told), source), row
    )


def _signature(app: Any, artifact: Any) -> Section:
    """Return what the release room says of the signature; without its word nothing is claimed."""
    ask = getattr(app.releases, "signature", None)
    if ask is None:
        return Facts(_("Signature"), [(_("state"), facts.cell(_("not checked here")))])
    verdict = ask(artifact)
    states = {"pass": State(_("valid"), "good"), "wait": State(_("unsigned"), "wait")}
    state = states.get(verdict.outcome, State(_("not valid"), "bad"))
    numbers = [(name.replace("_", " "), str(value)) for name, value in verdict.evidence.items()]
    return Gates(_("Signature"), [Gate("ed25519", state, verdict.reason, numbers)])
