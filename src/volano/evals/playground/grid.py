"""The grid: a sketch over the first rows of a dataset, each row asked of each player."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from volano.core.canon import canonical
from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.evals.case import Case
from volano.evals.playground.take import Take
from volano.evals.report import summarise
from volano.evals.scoring import SCORERS, BadScorerError, Scorer, Tools, Unmeasured, make

MOST_ROWS = 200
USUAL_ROWS = 8
FIRST = "exact_match"


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row as the grid asks it: its text, what should come back, and all its fields."""

    id: str
    text: str
    label: Any
    fields: Mapping[str, Any]

    @property
    def wanted(self) -> str:
        """The label as a text."""
        return self.label if isinstance(self.label, str) else canonical(self.label).decode()


def rows(datasets: Datasets, ref: str, split: str, n: int, *, by: Principal) -> Iterator[GridRow]:
    """Yield the first rows; the read is on record.

    Raises:
        UnknownArtifactError, UnknownSplitError, ForbiddenError: as the dataset says.
    """
    for record in datasets.stream(ref, split, limit=min(max(n, 1), MOST_ROWS), by=by):
        fields = {name: value for name, value in record.items() if name not in _OURS}
        text, label = record.get("text"), record.get("label")
        yield GridRow(
            str(record["id"]), text if isinstance(text, str) else "",
            "" if label is None else label if isinstance(label, str | dict) else str(label), fields,
        )  # fmt: skip


_OURS = ("id", "origin", "split", "label")


def scored(take: Take, row: GridRow, scorer: Scorer) -> Take:
    """Return the take with its scores; without a label or an answer they are unmeasured."""
    if take.state == "error":
        return take
    try:
        found = scorer.score(Case(row.id, row.text, row.label), take.answered(row.id), Tools())
    except Exception as error:  # noqa: BLE001 - a scorer is anybody's code
        return replace(take, unmeasured={"score": f"{type(error).__name__}: {error}"[:200]})
    values: dict[str, float | None] = {}
    unmeasured: dict[str, str] = {}
    for name, value in found.items():
        if isinstance(value, Unmeasured):
            values[name], unmeasured[name] = None, value.why
        else:
            values[name] = float(value)
    return replace(take, scores=values, unmeasured=unmeasured)


def scorers() -> list[str]:
    """Return the scorers that need no settings and no model."""
    return [name for name in SCORERS if _plain(name)]


def total(takes: Sequence[Take]) -> dict[str, Any]:
    """Return what a column says together: states, the first score with its interval, latency, cost."""
    named = [{k: v for k, v in one.scores.items() if v is not None} for one in takes]
    found = summarise([one for one in named if one])
    waits = sorted(one.latency_us for one in takes if one.latency_us is not None and one.text)
    costs: dict[str, int] = {}
    for one in takes:
        if one.cost_nano is not None:
            costs[one.currency] = costs.get(one.currency, 0) + one.cost_nano
    return {
        "n": len(takes),
        "states": {s: sum(one.state == s for one in takes) for s in {t.state for t in takes}},
        "score": found[0].to_dict() if found else None,
        "unmeasured": sum(not one for one in named),
        "latency_us": waits[len(waits) // 2] if waits else None,
        "cost_nano": costs,
    }


def _plain(name: str) -> bool:
    try:
        make(name)
    except BadScorerError:
        return False
    return True
