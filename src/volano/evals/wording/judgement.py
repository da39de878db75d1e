"""Judgement: the winner and the prompt as it was, once, on rows that nothing was chosen on."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from volano.evals.wording.change import whole
from volano.evals.wording.ground import Ground, Seen, Tried
from volano.evals.wording.rows import Row, standing_in
from volano.stats.gap import Gap, gap
from volano.stats.power import rows_needed

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Judgement:
    """Two means on the same `n` rows and their paired difference with its 95 % interval.

    `newly_wrong` and `newly_right` count rows; `unmeasured` those without a score of the
    winner, which count as 0; `dropped` those without one of the prompt as it was, and those that
    stand word for word in the winner. `needed` is how many rows in all would prove a
    difference of this size, where it is above nought. `others`: means of further scores.
    `clusters` counts what rows share; 0 where each stands for itself.
    """

    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    newly_wrong: int
    newly_right: int
    unmeasured: int
    dropped: int
    needed: int | None
    others: Mapping[str, tuple[float, float]]
    clusters: int = 0

    @property
    def better(self) -> bool:
        """Whether the winner is proven better."""
        return self.low > 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "better": self.better}


def judge(
    ground: Ground, winner: Tried, rows: Sequence[Row], clusters: Mapping[str, str]
) -> tuple[Judgement | None, list[Seen]]:
    """Ask both every row and compare; also return what was seen of the winner.

    None: no row is left to compare.

    Raises:
        BudgetSpentError: the calls may not be made.
    """
    spoiled = standing_in(whole(winner.prompt), rows)
    clean = [row for row in rows if row.id not in spoiled]
    before, after = ground.see(ground.incumbent, clean), ground.see(winner.prompt, clean)
    both = [(a, b) for a, b in zip(before, after, strict=True) if a.score is not None]
    if not both:
        return None, after
    first = [a.score or 0.0 for a, _ in both]
    second = [b.score or 0.0 for _, b in both]
    groups = [clusters.get(a.row.id, "") for a, _ in both] if clusters else None
    found = gap(first, second, groups, confidence=CONFIDENCE)
    return Judgement(
        len(both), _mean(first), _mean(second), found.value, found.low, found.high,
        newly_wrong=sum(b < a for a, b in zip(first, second, strict=True)),
        newly_right=sum(b > a for a, b in zip(first, second, strict=True)),
        unmeasured=sum(b.score is None for _, b in both),
        dropped=len(rows) - len(both),
        needed=None if found.low > 0 else _needed(first, second, found),
        clusters=found.clusters if clusters else 0,
        others=_others(both),
    ), after  # fmt: skip


def _needed(first: Sequence[float], second: Sequence[float], found: Gap) -> int | None:
    """Return how many rows find a difference of this size in four cases of five; None below nought."""
    if found.value <= 0:
        return None
    gaps = [b - a for a, b in zip(first, second, strict=True)]
    variance = math.fsum((one - found.value) ** 2 for one in gaps) / max(1, len(gaps) - 1)
    return rows_needed(found.value, variance, design=max(1.0, found.n / found.effective))


def _others(both: Sequence[tuple[Seen, Seen]]) -> dict[str, tuple[float, float]]:
    """Return the means of the scores that both have, the leading one left out."""
    names = list(dict.fromkeys(name for a, _ in both for name in a.scores))[1:]
    found = {}
    for name in names:
        pairs = [(a.scores[name], b.scores[name]) for a, b in both
                 if name in a.scores and name in b.scores]  # fmt: skip
        if pairs:
            found[name] = (_mean([a for a, _ in pairs]), _mean([b for _, b in pairs]))
    return found


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)
