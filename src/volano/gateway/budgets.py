"""The budgets of a worker's calls: which cover a call, and where they are held."""

from collections.abc import Iterable, Sequence

from volano.costs.purse import Allotment, Pocket, Purse
from volano.gateway.snapshot import Key

_KEPT = 1 << 14


class Covering(tuple[Allotment, ...]):  # noqa: SLOT001 - a tuple of any length cannot have them
    """The budgets that cover a call, and where their amounts are held, by currency."""

    pockets: dict[str, tuple[Pocket, ...]]

    def __new__(cls, allotments: Iterable[Allotment] = ()) -> "Covering":
        made = super().__new__(cls, allotments)
        made.pockets = {}
        return made


_NONE = Covering()


class Budgets:
    """A worker's purse and the allotments of its snapshot. `apply` takes those of a new one."""

    def __init__(self, purse: Purse | None = None):
        self.purse = purse
        self._allotments: tuple[Allotment, ...] = ()
        self.allots_anything = False
        self._known: dict[tuple[str, str], Covering] = {}

    def apply(self, allotments: Sequence[Allotment]) -> None:
        """Hold calls in these from now on."""
        self._allotments, self._known = tuple(allotments), {}
        self.allots_anything = bool(self._allotments)

    def of(self, key: Key, channel: str) -> Covering:
        """Return the budgets that a call of this key on this channel is spent from."""
        if not self._allotments:
            return _NONE
        found = self._known.get((key.id, channel))
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[key.id, channel] = Covering(
                allotment
                for allotment in self._allotments
                if allotment.covers(key_id=key.id, group=key.group, channel=channel)
            )
        return found

    def pockets(self, covering: Covering, currency: str) -> tuple[Pocket, ...]:
        """Return where an amount of this currency is held."""
        found = covering.pockets.get(currency)
        if found is None:
            assert self.purse is not None
            slots = [a.slot for a in covering if a.slot.currency == currency]
            found = covering.pockets[currency] = self.purse.pockets(slots)
        return found

    def tend(self) -> None:
        """Give back what control calls back; call it every 10 ms or so."""
        if self.purse is not None:
            self.purse.tend()

    def close(self) -> None:
        """Say that this worker is done."""
        if self.purse is not None:
            self.purse.close()
