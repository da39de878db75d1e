"""Estimates: from the drawn calls to all of them, by slice and over time.

Each drawn call stands for 1 / probability calls. Where some of the drawn were not looked at (the
budget ended, or they were too old), the others of the same hour stand for them too; an hour
without any is dark: nothing is said of it, and how much that is is told.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.monitor.evaluators.book import Evaluation
from volano.stats.multiple import holm
from volano.stats.sampled import LEAST, Estimate, Total, apart, mean, thinned, total

HOUR_US = 3600 * 10**6
LOST = ("budget", "late")
POOR = 0.5
ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured of one score: values, corrected probabilities, clusters; and what was not."""

    rows: Sequence[Evaluation]
    values: Sequence[float]
    probabilities: Sequence[float]
    share: bool
    lost: int = 0
    dark: float = 0.0
    unmeasured: Mapping[str, int] = field(default_factory=dict)

    def estimate(self) -> Estimate | None:
        """Return the mean over all calls."""
        return mean(
            self.values, self.probabilities, clusters=[row.cluster for row in self.rows],
            share=self.share,
        )  # fmt: skip

    def poor(self, bigger: bool) -> Total | None:
        """Return how many calls have a score on the bad side of one half; of shares only."""
        if not self.share or not self.values:
            return None
        bad = (y < POOR if bigger else y > POOR for y in self.values)
        return total([*map(float, bad)], self.probabilities)

    def where(self, keep: Iterable[bool]) -> "Sample":
        """Return the part of it that is kept."""
        at = [n for n, one in enumerate(keep) if one]
        return Sample(
            [self.rows[n] for n in at], [self.values[n] for n in at],
            [self.probabilities[n] for n in at], self.share,
        )  # fmt: skip


def sample(rows: Sequence[Evaluation], score: str) -> Sample:
    """Return what was measured of a score."""
    drawn: Counter[int] = Counter()
    looked: Counter[int] = Counter()
    unmeasured: Counter[str] = Counter()
    kept, units = [], set()
    for row in rows:
        if row.state == "failed":
            continue
        told = score in row.scores or score in row.unmeasured
        if not told and row.state not in LOST:
            continue  # the scorer had nothing to say on it
        hour = row.at_us // HOUR_US
        drawn[hour] += 1
        looked[hour] += told
        if score in row.scores:
            kept.append(row)
            units.add(row.sources.get(score, {}).get("unit", "share"))
        elif told:
            unmeasured[row.unmeasured[score]] += 1
    shares, dark = thinned(drawn, looked)
    values = [row.scores[score] for row in kept]
    probabilities = [row.probability * shares[row.at_us // HOUR_US] for row in kept]
    lost = sum(drawn.values()) - sum(looked.values())
    is_share = units <= {"share"} and all(0 <= y <= 1 for y in values)
    return Sample(kept, values, probabilities, is_share, lost, dark, dict(unmeasured))


def told(one: Estimate | None) -> dict[str, Any]:
    """Return an estimate as plain values; `enough` says whether it may stand alone."""
    if one is None:
        return {"value": None, "n": 0, "enough": False}
    bounded = one.clusters > 1
    return {
        "value": one.value, "low": one.low if bounded else None,
        "high": one.high if bounded else None, "n": one.n, "clusters": one.clusters,
        "effective": one.effective, "enough": one.enough,
    }  # fmt: skip


def by_slice(found: Sample, names: Sequence[str], bigger: bool) -> list[dict[str, Any]]:
    """Return each slice with its estimate, and whether it is worse or better than the rest together.

    All slices are asked at once: `p` is Holm's. Slices with fewer than 20 clusters, or whose
    rest has fewer, are not compared.
    """
    rows, asked = [], []
    for name in names:
        for value in sorted({row.slices.get(name, "") for row in found.rows}):
            here = [row.slices.get(name, "") == value for row in found.rows]
            part = found.where(here).estimate()
            rest = found.where(not one for one in here).estimate()
            row = {"slice": name, "value_of": value, **told(part), "rest": rest.n if rest else 0,
                   "apart": None, "p": None, "worse": False, "better": False}  # fmt: skip
            if part and rest and part.enough and rest.enough:
                row["apart"], row["p"] = apart(rest, part)
                asked.append(row)
            rows.append(row)
    for row, p in zip(asked, holm([row["p"] for row in asked]), strict=True):
        down = row["apart"] < 0 if bigger else row["apart"] > 0
        row["p"] = p
        row["worse" if down else "better"] = bool(p <= ALPHA)
    return rows


def over_time(
    found: Sample, since_us: int, until_us: int, *, most: int = 24
) -> list[dict[str, Any]]:
    """Return the estimate of each stretch of time; stretches are whole hours, at most so many."""
    hours = max(1, -(-(until_us - since_us) // HOUR_US // most))
    each = hours * HOUR_US
    first = since_us // each
    stretches: dict[int, list[int]] = {}
    for n, row in enumerate(found.rows):
        stretches.setdefault(row.at_us // each, []).append(n)
    points = []
    for at in range(first, (until_us - 1) // each + 1):
        here = set(stretches.get(at, ()))
        part = found.where(n in here for n in range(len(found.rows))) if here else None
        points.append(
            {"at_us": at * each, "each_us": each, **told(part.estimate() if part else None)}
        )
    return points


def worst(found: Sample, bigger: bool, limit: int) -> list[dict[str, Any]]:
    """Return the traces with the worst scores, the newest of equals first."""
    pairs = zip(found.rows, found.values, strict=True)
    order = sorted(pairs, key=lambda one: (one[1] if bigger else -one[1], -one[0].at_us))
    return [
        {"trace": row.trace_id, "score": value, "at_us": row.at_us, **row.slices}
        for row, value in order[:limit]
    ]


def names_of(rows: Iterable[Evaluation]) -> dict[str, bool]:
    """Return the scores that were given or could not be, with whether bigger is better."""
    found: dict[str, bool] = {}
    for row in rows:
        if row.state == "failed":
            continue
        for name in (*row.scores, *row.unmeasured):
            source = row.sources.get(name)
            if source is not None:
                found[name] = bool(source["bigger"])
            else:
                found.setdefault(name, True)
    return dict(sorted(found.items()))


__all__ = [
    "LEAST",
    "Sample",
    "by_slice",
    "names_of",
    "over_time",
    "sample",
    "told",
    "worst",
]
