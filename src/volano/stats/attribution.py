"""Whose failures are these? A sequential test of harm that looks at failures only.

A request goes to the candidate with a known chance w. If the arms fail with
chances p_c and p_b, then a failure is the candidate's with chance
w p_c / (w p_c + (1 - w) p_b). While p_c <= r0 p_b that is at most
q(r0) = w r0 / (w r0 + 1 - w), whatever the rates themselves are and however
they drift, and w may change from one request to the next. Betting on ratios
R > r0 with weights v_k gives the e-process

    E_n = sum_k v_k prod_i [q_i(R_k) / q_i(r0)]^y_i [(1 - q_i(R_k)) / (1 - q_i(r0))]^(1 - y_i)

over failures i, y_i = 1 where the candidate failed. E_n >= 1 / alpha ever
happens with chance at most alpha while p_c <= r0 p_b (Ville 1939).

Source: Lindon & Malek, "Anytime-Valid Inference for Multinomial Count Data",
NeurIPS 2022; Lindon, Ham, Tingley & Bojinov, arXiv 2205.14762.

Count each unit of randomisation (a user) once, by its first failure: one user
who fails a hundred times is one coin toss, not a hundred.
"""

import math
from typing import Any

from volano.stats.errors import need
from volano.stats.special import exp_capped, log_sum_exp

BETS = ((1.3, 2), (1.6, 3), (2.0, 3), (2.5, 3), (3.5, 2), (5.0, 2), (10.0, 2), (30.0, 1))
"""Alternatives bet on, as multiples of the tolerated ratio, each with its weight.

Most weight lies about a doubling: what is far worse shows itself soon under any weights.
"""
_STAKES = sum(weight for _, weight in BETS)


class Attribution:
    """The e-process against "the candidate fails at most `ratio` times as often"."""

    def __init__(self, ratio: float = 1.0, alpha: float = 0.05):
        """Start at e-value 1.

        Raises:
            StatsInputError: ratio not positive and finite, or alpha not inside (0, 1).
        """
        need(0 < ratio < math.inf, f"ratio {ratio}")
        need(0 < alpha < 1, f"alpha {alpha}")
        self.ratio, self.alpha = ratio, alpha
        self.candidate = self.baseline = 0
        self._ratios = [ratio * multiple for multiple, _ in BETS]
        self._logs = [math.log(weight / _STAKES) for _, weight in BETS]
        self._peak = 0.0

    def observe(self, is_candidate: bool, weight: float) -> None:
        """Take one failure; `weight` is the chance with which its unit got the candidate.

        Raises:
            StatsInputError: weight not inside (0, 1): then nothing was randomised.
        """
        need(0 < weight < 1, f"weight {weight}")
        self.candidate += is_candidate
        self.baseline += not is_candidate
        rest = 1 - weight
        gain = 0.0 if not is_candidate else 1.0
        scale = weight * self.ratio + rest
        for k, ratio in enumerate(self._ratios):
            step = math.log(scale / (weight * ratio + rest))
            self._logs[k] += step + (gain and math.log(ratio / self.ratio))
        self._peak = max(self._peak, self.log_e)

    @property
    def log_e(self) -> float:
        """Log of the e-value now."""
        return log_sum_exp(self._logs)

    @property
    def e_value(self) -> float:
        """Evidence for harm now: a fair bet's winnings, were there no harm."""
        return exp_capped(self.log_e)

    @property
    def peak(self) -> float:
        """The largest e-value so far. 1 / peak is an anytime-valid p-value."""
        return exp_capped(self._peak)

    @property
    def rejected(self) -> bool:
        """Harm was proven at some look. Never taken back by later data."""
        return self._peak >= -math.log(self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        return {
            "test": "attribution",
            "tolerated_ratio": self.ratio,
            "candidate_failures": self.candidate,
            "baseline_failures": self.baseline,
            "e_value": self.e_value,
            "peak_e_value": self.peak,
            "threshold": 1 / self.alpha,
            "rejected": self.rejected,
        }
