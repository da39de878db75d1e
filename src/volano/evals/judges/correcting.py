"""What people would have said of a report's answers, from the judge's scores and a check of it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.evals.judges.calibration import Kept, table_of
from volano.evals.judges.telling import spelt
from volano.stats.correction import (
    LEAST,
    Confusion,
    Corrected,
    prediction_powered,
    prediction_powered_difference,
    rogan_gladen,
    rogan_gladen_difference,
)
from volano.stats.intervals import paired_means
from volano.stats.special import normal_quantile

PAIRS = 20
"""So many rows on which people labelled both systems a corrected difference needs."""
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Scored:
    """What the judge gave a report's rows: by row id, with the cluster of each."""

    values: Mapping[str, float]
    clusters: Mapping[str, str]
    subject: str = ""

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], score: str, subject: str = "") -> "Scored":
        """Return the scores of this name; rows where it was not measured are left out."""
        found = {
            one["id"]: one for one in lines if isinstance(one["scores"].get(score), int | float)
        }
        values = {row: float(one["scores"][score]) for row, one in found.items()}
        clusters = {row: str(one.get("cluster") or row) for row, one in found.items()}
        return cls(values, clusters, subject)


@dataclass(frozen=True, slots=True)
class Correction:
    """The judge's mean (or difference) as it is, corrected, and by the other way."""

    raw: Corrected | None
    corrected: Corrected | None
    cross_check: Corrected | None
    labelled: int
    n: int
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        parts = {"raw": self.raw, "corrected": self.corrected, "cross_check": self.cross_check}
        told = {name: one._asdict() if one else None for name, one in parts.items()}
        return {**told, "labelled": self.labelled, "n": self.n, "notes": list(self.notes)}


def corrected_mean(score: str, known: Sequence[Kept], judged: Scored) -> Correction:
    """Return the mean that people would have given to a report's answers.

    Rows that people labelled are not counted among those that only the judge scored.
    """
    here = [row for row in known if score in row.labels and score in row.scores]
    labels, scores = [r.labels[score] for r in here], [r.scores[score] for r in here]
    rows = _others(judged, here)
    more = [judged.values[row] for row in rows]
    all_of = list(judged.values.values())
    own = [one.cluster or one.id for one in here]
    enough = len(set(own)) >= LEAST and len({judged.clusters[row] for row in rows}) >= 2
    corrected = prediction_powered(
        labels, scores, more, clusters=(own, [judged.clusters[row] for row in rows])
    ) if enough else None  # fmt: skip
    other = _rogan(table_of(list(zip(labels, scores, strict=True))), more)
    notes = _notes(corrected, other, scores, more)
    return Correction(_plain(all_of), corrected, other, len(here), len(more), notes)


def corrected_difference(
    score: str, known: Sequence[Kept], first: Scored, second: Scored
) -> Correction:
    """Return how much better people would find the second report, on the rows of both.

    PPI++ wants rows on which people labelled the answers of both systems (`row` or the same
    question, and `system`); without these only Rogan-Gladen can be had.
    """
    here = [row for row in known if score in row.labels and score in row.scores]
    pairs = _pairs(here, first.subject, second.subject)
    named = {row.row or row.id for pair in pairs for row in pair}
    rows = [row for row in first.values if row in second.values]
    rest = [row for row in rows if row not in named]
    corrected = None
    if len(pairs) >= PAIRS and len({first.clusters[row] for row in rest}) >= 2:
        corrected = prediction_powered_difference(
            [b.labels[score] - a.labels[score] for a, b in pairs],
            [b.scores[score] - a.scores[score] for a, b in pairs],
            [second.values[row] - first.values[row] for row in rest],
            clusters=([a.cluster or a.id for a, _ in pairs], [first.clusters[row] for row in rest]),
        )
    table = table_of([(row.labels[score], row.scores[score]) for row in here])
    a, b = [first.values[row] for row in rest], [second.values[row] for row in rest]
    other = None
    if table is not None and _two_sided(table) and _yes_no([*a, *b]) and len(rest) > 1:
        other = rogan_gladen_difference(table, a, b)
    lacking = (
        f"People labelled both systems' answers on {len(pairs)} rows; PPI++ of a difference "
        f"needs {PAIRS}. Rogan-Gladen assumes that the judge errs alike on both systems."
    )
    notes = [] if corrected else [lacking]
    raw = _plain([second.values[row] - first.values[row] for row in rows], least=-1.0)
    labelled = len(pairs) if corrected else len(here)
    return Correction(
        raw, corrected, other, labelled, len(rest), (*notes, *_apart(corrected, other))
    )


def sentence(found: Correction, *, difference: bool) -> str:
    """Say what it comes to."""
    best = found.corrected or found.cross_check
    raw = (
        f"the judge alone says {found.raw.value:{'+' if difference else ''}.2f}"
        if found.raw
        else ""
    )
    if best is None:
        return f"It cannot be corrected; {raw}."
    told = spelt(best._asdict(), signed=difference)
    if not difference:
        return f"People would give {told}; {raw}."
    word = "better" if best.low > 0 else "worse" if best.high < 0 else ""
    if not word:
        return f"People may find neither better: {told}; {raw}."
    return f"People would find it {word}: {told}; {raw}."


def _others(judged: Scored, here: Sequence[Kept]) -> list[str]:
    """Return the rows of a report that people did not label."""
    named = {row.row or row.id for row in here if row.system in ("", judged.subject)}
    return [row for row in judged.values if row not in named]


def _pairs(rows: Sequence[Kept], first: str, second: str) -> list[tuple[Kept, Kept]]:
    by_system: dict[str, dict[str, Kept]] = {}
    for row in rows:
        by_system.setdefault(_bare(row.system), {})[row.row or row.id] = row
    one, other = by_system.get(_bare(first), {}), by_system.get(_bare(second), {})
    return [(one[name], other[name]) for name in one if name in other]


def _bare(subject: str) -> str:
    """Return `router@1` of `model/router@1`."""
    kind, slash, rest = subject.partition("/")
    return rest if slash and kind in ("model", "flow", "prompt", "channel", "target") else subject


def _rogan(table: Confusion | None, more: Sequence[float]) -> Corrected | None:
    if table is None or not _two_sided(table) or not more or not _yes_no(more):
        return None
    return rogan_gladen(table, int(sum(more)), len(more), CONFIDENCE)


def _two_sided(table: Confusion) -> bool:
    return table.both + table.missed > 0 and table.invented + table.neither > 0


def _yes_no(values: Sequence[float]) -> bool:
    return all(value in (0.0, 1.0) for value in values)


def _plain(values: Sequence[float], least: float = 0.0) -> Corrected | None:
    if not values:
        return None
    value, low, high = paired_means([0.0] * len(values), values, CONFIDENCE)
    return Corrected(value, max(least, low), min(1.0, high), 1.0, 0, len(values))


def _notes(
    corrected: Corrected | None,
    other: Corrected | None,
    here: Sequence[float],
    there: Sequence[float],
) -> tuple[str, ...]:
    notes = [*_apart(corrected, other)]
    if corrected is None:
        notes.append("Too few labelled or judged rows to correct anything.")
    elif _shifted(here, there):
        notes.append(
            f"The judge's mean is {_mean(here):.2f} on the labelled rows and {_mean(there):.2f} on the "
            "others: they were not drawn alike, which PPI++ takes for granted. Look at Rogan-Gladen, "
            "and have people label a sample of these answers."
        )
    return tuple(notes)


def _apart(corrected: Corrected | None, other: Corrected | None) -> tuple[str, ...]:
    if corrected and other and (corrected.high < other.low or other.high < corrected.low):
        return ("The two corrections contradict each other: their intervals do not meet.",)
    return ()


def _shifted(here: Sequence[float], there: Sequence[float]) -> bool:
    """Whether the judge's scores differ between the two sets beyond chance (Welch, 99 %)."""
    if len(here) < 2 or len(there) < 2:
        return False
    spread = sum(
        math.fsum((v - _mean(values)) ** 2 for v in values) / (len(values) - 1) / len(values)
        for values in (here, there)
    )
    apart = abs(_mean(here) - _mean(there))
    return apart > normal_quantile(0.995) * math.sqrt(spread) and apart > 0.02


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
