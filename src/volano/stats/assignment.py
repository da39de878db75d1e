"""Is the split what was asked? A test of assignment counts that may be watched.

Units come to arms with known chances w_k. Against that, the mixture over all
splits with a Dirichlet prior centred on w, of weight c,

    E_n = prod_i [ (c w_k(i) + S_k(i)) / (c + i - 1) ] / w_k(i)

where unit i came to arm k(i) and S counts those before it. E_n >= 1 / alpha ever
happens with chance at most alpha when the split is as asked (Ville 1939). The
chances may change: each unit is judged by those of its own moment.

Source: Lindon & Malek, "Anytime-Valid Inference for Multinomial Count Data",
NeurIPS 2022: the sample-ratio test.
"""

import math
from collections.abc import Sequence
from typing import Any

from volano.stats.errors import need
from volano.stats.special import exp_capped

WEIGHT = 100.0
"""c: as sure of the asked split as if 100 units had been seen."""


class Assignment:
    """The e-process against "units come to the arms with these chances"."""

    def __init__(self, weights: Sequence[float], alpha: float = 0.001):
        """Weights need not sum to one.

        Raises:
            StatsInputError: fewer than two, one not positive, or alpha not inside (0, 1).
        """
        need(len(weights) >= 2 and all(w > 0 for w in weights), f"positive weights, not {weights}")
        need(0 < alpha < 1, f"alpha {alpha}")
        self.alpha = alpha
        self.weights = [w / sum(weights) for w in weights]
        self.counts = [0] * len(weights)
        self._open = [True] * len(weights)
        self._log = self._peak = 0.0

    def close(self, arm: int) -> None:
        """Take an arm out: no unit comes to it any more, and the others share what is left."""
        self._open[arm] = False

    def observe(self, arm: int) -> None:
        """Take one unit. Of an arm that is out, nothing is counted."""
        if not self._open[arm]:
            return
        weights = [
            w if is_open else 0.0 for w, is_open in zip(self.weights, self._open, strict=True)
        ]
        seen = sum(n for n, is_open in zip(self.counts, self._open, strict=True) if is_open)
        asked = sum(weights)
        expected = (WEIGHT * weights[arm] + self.counts[arm]) / (WEIGHT * asked + seen)
        self._log += math.log(expected * asked / weights[arm])
        self._peak = max(self._peak, self._log)
        self.counts[arm] += 1

    @property
    def e_value(self) -> float:
        """Evidence against the asked split now."""
        return exp_capped(self._log)

    @property
    def p_value(self) -> float:
        """An upper bound of the p-value that holds at every look."""
        return min(1.0, math.exp(-self._peak))

    @property
    def rejected(self) -> bool:
        """The split was proven to be another. Never taken back by later data."""
        return self._peak >= -math.log(self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        return {
            "test": "assignment",
            "asked": list(self.weights),
            "counts": list(self.counts),
            "e_value": self.e_value,
            "peak_e_value": exp_capped(self._peak),
            "threshold": 1 / self.alpha,
            "p_value": self.p_value,
            "rejected": self.rejected,
        }
