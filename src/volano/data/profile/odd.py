"""Rows that are unlike the others of their script: far longer or shorter, or of rare characters.

Both are judged by the modified z-score of Iglewicz and Hoaglin (1993), 0.6745
(x - median) / MAD, of which beyond 3.5 is called an outlier; where more than
half of all values are equal (MAD = 0) the mean deviation stands in. Texts are
compared with those of their own script only: a Chinese text among German ones
is another language, and no outlier for being short.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.profile.place import Place

LIMIT = 3.5
LEAST_GROUP = 30
"""Of fewer texts nobody can say what is usual among them."""
FAR_LENGTH, FAR_BITS = math.log(1.5), 1.0
"""So much a text must differ besides: half as long again, one bit a character."""
SHOWN = 50
Numbers = npt.NDArray[np.float64]


class Rarity:
    """How surprising the characters of a text are among those of its script, in bits a character."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._totals: Counter[str] = Counter()

    def learn(self, script: str, text: str) -> None:
        """Count the characters of a text."""
        self._counts[script].update(text)
        self._totals[script] += len(text)

    def bits(self, script: str, text: str) -> float:
        """Return the mean of -log2 of how often each character is met."""
        if not text:
            return 0.0
        counts, total = self._counts[script], self._totals[script]
        told = sum(-math.log2(counts[char] / total) * n for char, n in Counter(text).items())
        return told / len(text)


def outliers(
    values: Numbers, groups: Sequence[str], places: Sequence[Place], *, far: float, both: bool
) -> dict[str, Any]:
    """Return the rows whose value is far from their group's; `both`: also where it is less."""
    of = np.array(groups, dtype=object)
    scores = np.zeros(values.size)
    for group in dict.fromkeys(groups):
        at = np.flatnonzero(of == group)
        if at.size >= LEAST_GROUP:
            scores[at] = modified_z(values[at], far)
    if not both:
        scores = np.maximum(scores, 0.0)
    found = np.flatnonzero(np.abs(scores) > LIMIT)
    found = found[np.argsort(-np.abs(scores[found]), kind="stable")]
    return {
        "rows": int(found.size),
        "found": [
            {**places[at]._asdict(), "z": round(float(scores[at]), 1)} for at in found[:SHOWN]
        ],
    }


def modified_z(values: Numbers, far: float) -> Numbers:
    """Return the modified z-scores; 0 for what is not far enough from the median to matter."""
    off = values - np.median(values)
    spread = float(np.median(np.abs(off))) / 0.6745 or float(np.mean(np.abs(off))) * 1.253314
    if not spread:
        return np.zeros(values.size)
    return np.where(np.abs(off) >= far, off / spread, 0.0)
