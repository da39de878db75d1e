"""What one scores without looking: always say the commonest answer."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from volano.stats.errors import need


@dataclass(frozen=True, slots=True)
class Majority:
    """The commonest label, and how many of `n` rows bear it."""

    label: Any
    count: int
    n: int

    @property
    def share(self) -> float:
        """The accuracy of always answering `label`."""
        return self.count / self.n

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {**asdict(self), "share": self.share}


def majority_class(labels: Iterable[Hashable]) -> Majority:
    """Return the commonest label; of equally common ones the first by its text.

    Raises:
        StatsInputError: there are no labels.
    """
    counts = Counter(labels)
    need(bool(counts), "no labels")
    label, count = min(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return Majority(label, count, counts.total())
