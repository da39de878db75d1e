"""A quantile in SQLite, as DuckDB's `quantile_disc` has it: the nearest rank."""

from fractions import Fraction
from typing import Any


class NearestRank:
    """An aggregate for SQLite: of n values in order, the one at the place ⌈n · fraction⌉."""

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._fraction = Fraction(1, 2)

    def step(self, value: Any, fraction: Any) -> None:
        """Take a value; NULL is none."""
        if value is not None:
            self._values.append(value)
            if len(self._values) == 1:
                self._fraction = Fraction(str(fraction))

    def finalize(self) -> Any:
        """Return the quantile, or NULL of nothing."""
        if not self._values:
            return None
        self._values.sort()
        rank = -(-len(self._values) * self._fraction.numerator // self._fraction.denominator)
        return self._values[max(1, rank) - 1]
