"""Rows that people labelled: what a judge is checked on.

A row has `text` (what was asked), `answer` (what is judged) and `label` (what people said):
a word of the scale or a number from 0 to 1; with several criteria an object of them. For a
pairwise judge it has `rival` too, and the label says `first` (the answer is better), `second`
or `tie`. `reference`, `context`, `system` (who answered), `row` (its id in
reports), `cluster` may stand beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from volano.core.text import nfc
from volano.evals.judges.errors import BadLabelledRowError
from volano.evals.judges.judge import WHICH, YES_NO, Judge
from volano.evals.judges.judging import Shown

WORDS: Mapping[str, float] = {**YES_NO, "true": 1.0, "false": 0.0, "good": 1.0, "bad": 0.0}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row: what is judged, and what people said, by the judge's score names."""

    id: str
    shown: Shown
    labels: Mapping[str, float]
    system: str = ""
    cluster: str = ""
    row: str = ""


def labelled(judge: Judge, rows: Iterable[Mapping[str, Any]]) -> list[Labelled]:
    """Return the rows as this judge needs them.

    Raises:
        BadLabelledRowError: a row lacks something, or says what the scale does not have.
    """
    return [_labelled(judge, row, at) for at, row in enumerate(rows, 1)]


def _labelled(judge: Judge, row: Mapping[str, Any], at: int) -> Labelled:
    fields = _flat(row)
    for name in ("text", "answer", "label"):
        if fields.get(name) is None:
            raise BadLabelledRowError(row=at, why=f"it has no {name}")
    if judge.kind == "pairwise" and fields.get("rival") is None:
        raise BadLabelledRowError(row=at, why="it has no rival to compare the answer with")
    context = fields.get("context") or ()
    shown = Shown(
        str(fields["text"]), str(fields["answer"]), _maybe(fields.get("rival")),
        _maybe(fields.get("reference")),
        tuple(map(str, [context] if isinstance(context, str) else context)),
    )  # fmt: skip
    return Labelled(
        str(row.get("id") or at), shown, _labels(judge, fields["label"], at),
        str(fields.get("system") or ""), str(fields.get("cluster") or ""),
        str(fields.get("row") or ""),
    )  # fmt: skip


def _flat(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where all but the text stands in the label (a dataset of texts and labels), lift it up."""
    label = row.get("label")
    if isinstance(label, Mapping) and "answer" in label and "answer" not in row:
        return {**row, **label, "label": label.get("label")}
    return row


def _labels(judge: Judge, said: Any, at: int) -> dict[str, float]:
    if not isinstance(said, Mapping):
        return {judge.name: _worth(judge, "", said, at)}
    names = [one.name for one in judge.criteria]
    if not said or not set(said) <= set(names):
        told = ", ".join(map(str, said)) or "nothing"
        asked = ", ".join(names) or "one whole"
        why = f"its label speaks of {told[:100]}, the judge of {asked}"
        raise BadLabelledRowError(row=at, why=why[:200])
    if len(names) == 1:
        return {judge.name: _worth(judge, "", said[names[0]], at)}
    found = {name: _worth(judge, name, said[name], at) for name in names if name in said}
    whole = {judge.name: sum(found.values()) / len(names)} if len(found) == len(names) else {}
    return {**whole, **{f"{judge.name}/{name}": value for name, value in found.items()}}


def _worth(judge: Judge, criterion: str, said: Any, at: int) -> float:
    """Return what a word or a number of people is worth on the scale."""
    scale = _scale(judge, criterion)
    if isinstance(said, str):
        word = nfc(said).strip().casefold()
        if word in scale:
            return scale[word]
        said = _number(word)
    if isinstance(said, bool | int | float) and 0 <= said <= 1:
        return float(said)
    known = ", ".join(scale)
    raise BadLabelledRowError(row=at, why=f"its label is one of {known}, or a number from 0 to 1")


def _scale(judge: Judge, criterion: str) -> Mapping[str, float]:
    if judge.kind == "pairwise":
        return WHICH
    if len(judge.criteria) == 1 or criterion:
        own = next(one for one in judge.criteria if criterion in ("", one.name))
        return own.scale
    return WORDS


def _number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


def _maybe(value: Any) -> str | None:
    return None if value is None else str(value)
