"""What the tests of purse and treasury write down instead of traces."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from volano.core.money import Money
from volano.costs.budget import Budget
from volano.costs.treasury import Spend

AT_US = 1_750_000_000_000_000


def budget(number: int, amount: int, *, kind="channel", name="support", window="total") -> Budget:
    return Budget(f"0197a000-0000-7000-8000-{number:012d}", kind, name, Money(amount), window)


@dataclass
class Journal:
    """Recorded calls; the lives whose frames are not all recorded, and whether they are over."""

    rows: list[Spend] = field(default_factory=list)
    open: dict[str, bool] = field(default_factory=dict)

    def spend(self, from_us: int, until_us: int) -> Iterable[Spend]:
        return [*self.rows]

    def unrecorded(self) -> Mapping[str, bool]:
        return dict(self.open)


def row(life: str, held: Iterable[int], nano: int, *, key="k", group="g", channel="support"):
    return Spend(key, group, channel, "USD", life, frozenset(held), nano)
