"""A Score is a number with its uncertainty: an estimate, an interval, and how it was got."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Score:
    """`value` estimated from `n` units, inside [`low`, `high`] at this confidence."""

    name: str
    value: float
    low: float
    high: float
    n: int
    confidence: float = 0.95
    method: str = "wilson"

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] n={self.n}"
