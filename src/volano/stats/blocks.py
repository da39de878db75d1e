"""Is one arm's mean lower than the other's? A martingale over blocks of units that came together.

Units come one by one, each to an arm by chance. A block is closed as soon as it has units of
both arms; d = mean of the candidate's - mean of the others' then has the expectation mu_c - mu_b,
whatever the block's shape, because only the arms' order of arrival closes it and never a value.
As long as mu_c - mu_b >= -margin,

    x = (d + 1) / 2  in [0, 1],   E[x | past] >= (1 - margin) / 2,

so that `betting.BettingTest` against "at least (1 - margin) / 2" is a fair game at best, and it
ever wins 1 / alpha with chance at most alpha. Where the other arm is twenty times as large, d has
half of the variance that it has among pairs; where both drift alike, d does not see it.

Source: Waudby-Smith & Ramdas (JRSS-B 86, 2024, arXiv 2010.09686), theorem 3, for the bet;
blocks as in Turner, Ly & Grünwald (arXiv 2106.02693).
"""

from typing import Any

from volano.stats.betting import BettingTest
from volano.stats.errors import need


class BlockTest:
    """A martingale against "the candidate's mean is at most `margin` below the others'"."""

    def __init__(self, margin: float = 0.0, alpha: float = 0.05):
        """Start with capital 1.

        Raises:
            StatsInputError: margin not inside [0, 1), or alpha not inside (0, 1).
        """
        need(0 <= margin < 1, f"margin {margin}")
        self.margin, self.alpha = margin, alpha
        self._bet = BettingTest((1 - margin) / 2, side="below", alpha=alpha)
        self._open = [[0, 0.0], [0, 0.0]]
        self.counts = [0, 0]
        self.totals = [0.0, 0.0]

    def observe(self, is_candidate: bool, value: float) -> None:
        """Take one unit's value.

        Raises:
            StatsInputError: the value is not inside [0, 1].
        """
        need(0 <= value <= 1, f"a value inside [0, 1], not {value}")
        side = int(is_candidate)
        self.counts[side] += 1
        self.totals[side] += value
        self._open[side][0] += 1
        self._open[side][1] += value
        (others, theirs), (mine, own) = self._open
        if others and mine:
            self._bet.observe((own / mine - theirs / others + 1) / 2)
            self._open = [[0, 0.0], [0, 0.0]]

    @property
    def blocks(self) -> int:
        """How many blocks were closed."""
        return self._bet.n

    @property
    def e_value(self) -> float:
        """The capital now."""
        return self._bet.e_value

    @property
    def rejected(self) -> bool:
        """Harm was proven at some look. Never taken back by later data."""
        return self._bet.rejected

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in plain values."""
        bet = self._bet.to_dict()
        return {
            "test": "blocks",
            "tolerated_loss": self.margin,
            "candidate_units": self.counts[1],
            "baseline_units": self.counts[0],
            "candidate_mean": self.totals[1] / self.counts[1] if self.counts[1] else None,
            "baseline_mean": self.totals[0] / self.counts[0] if self.counts[0] else None,
            "blocks": self.blocks,
            **{name: bet[name] for name in ("e_value", "peak_e_value", "threshold", "rejected")},
        }
