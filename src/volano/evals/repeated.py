"""Repetitions: how much answers to one row differ, and whether a row succeeds always or ever."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, fsum
from typing import Any

from volano.core.score import Score
from volano.stats.clustered import mean_interval

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Parts:
    """The variance of a score, in two parts: of rows' means, and of repetitions around them.

    `within` falls with more repetitions, `between` only with more rows: the mean of n rows with K
    repetitions varies by (between + within / K) / n.
    """

    between: float
    within: float
    repetitions: float


@dataclass(frozen=True, slots=True)
class Pass:
    """pass^k (`all` of k repetitions succeed) and pass@k (`any` does) of one 0/1 score."""

    name: str
    k: int
    all: Score
    any: Score

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "name": self.name,
            "k": self.k,
            "all": self.all.to_dict(),
            "any": self.any.to_dict(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Pass":
        """Read `to_dict` back."""
        return cls(raw["name"], raw["k"], Score(**raw["all"]), Score(**raw["any"]))


def parts(values: Sequence[Sequence[float]]) -> Parts | None:
    """Return the parts of the variance by one-way analysis of variance; None without repetitions.

    `values` holds the repetitions of each row. The harmonic mean of their numbers stands for K
    where rows have unequally many; an estimate below 0 is 0 (Searle, Casella & McCulloch 1992,
    Variance Components, chapter 3).
    """
    free = sum(len(one) - 1 for one in values)
    if free <= 0 or len(values) < 2:
        return None
    means = [fsum(one) / len(one) for one in values]
    within = fsum((v - m) ** 2 for one, m in zip(values, means, strict=True) for v in one) / free
    repetitions = len(values) / fsum(1 / len(one) for one in values)
    mean = fsum(means) / len(means)
    spread = fsum((m - mean) ** 2 for m in means) / (len(means) - 1)
    return Parts(max(0.0, spread - within / repetitions), within, repetitions)


def passes(
    name: str, values: Mapping[str, Sequence[float]], clusters: Mapping[str, str]
) -> list[Pass]:
    """Return pass^k and pass@k for k = 2 up to what every row has; empty unless scores are 0 or 1.

    A row with c successes in K gives C(c, k) / C(K, k) for pass^k, and 1 - C(K - c, k) / C(K, k)
    for pass@k: unbiased for every k <= K (Chen et al. 2021, arXiv 2107.03374; pass^k as in
    Yao et al. 2024, arXiv 2406.12045).
    """
    least = min(map(len, values.values()), default=0)
    if least < 2 or any(v not in (0, 1) for one in values.values() for v in one):
        return []
    counts = [(int(sum(one)), len(one)) for one in values.values()]
    keys = [clusters[row] for row in values]
    found = []
    for k in range(2, least + 1):
        every = [comb(c, k) / comb(K, k) for c, K in counts]
        some = [1 - comb(K - c, k) / comb(K, k) for c, K in counts]
        found.append(
            Pass(
                name,
                k,
                _score(f"{name} pass^{k}", every, keys),
                _score(f"{name} pass@{k}", some, keys),
            )
        )
    return found


def _score(name: str, values: Sequence[float], keys: Sequence[str]) -> Score:
    got = mean_interval(values, keys, confidence=CONFIDENCE)
    return Score(name, got.value, got.low, got.high, got.n, CONFIDENCE, got.method)
