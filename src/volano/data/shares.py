"""How groups of rows are dealt to the parts of a split: by place, then put right where that fails.

A group has a place in [0, 1) that follows from its content. The parts' shares
cut [0, 1) into stretches, and a group goes where its place lies: in the next
version of the data, with other groups around it, it goes there again. Only
where a part then has too few rows, or its size is too far off, groups move:
those nearest to the border first, and no more than are needed.

Groups come a part of them at a time. Of a stratum that is right as it fell nothing is kept but
counts; one where groups move is looked at whole.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.errors import SplitImpossibleError
from volano.data.shingles import Places

Parts = npt.NDArray[np.int64]
Amounts = npt.NDArray[Any]


Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of rows: the name of each (a number), its place, how many rows it has, its stratum."""

    names: Hashes
    places: npt.NDArray[np.float64]
    sizes: Places
    strata: Hashes

    def pick(self, which: npt.NDArray[np.bool_]) -> "Groups":
        """Return some of them."""
        return Groups(self.names[which], self.places[which], self.sizes[which], self.strata[which])


@dataclass(slots=True)
class _Tally:
    """What is known of a stratum: its groups, and the rows of each part."""

    have: Amounts
    groups: int = 0


@dataclass(slots=True)
class _Tallies:
    """What is known of all strata, and the size of the largest group."""

    parts: int
    strata: dict[int, _Tally] = field(default_factory=dict)
    largest: int = 0

    def add(self, groups: Groups, parts: Parts) -> None:
        """Count some more groups, and the part that each falls to."""
        strata, which = np.unique(groups.strata, return_inverse=True)
        size = strata.size * self.parts
        have = np.bincount(which * self.parts + parts, groups.sizes, size).reshape(-1, self.parts)
        counts = np.bincount(which, minlength=strata.size)
        for at, stratum in enumerate(strata.tolist()):
            tally = self.strata.setdefault(stratum, _Tally(np.zeros(self.parts)))
            tally.have += have[at]
            tally.groups += int(counts[at])
        self.largest = max(self.largest, int(groups.sizes.max()))


@dataclass(frozen=True, slots=True)
class Deal:
    """Which part each group goes to: that of its place, but for those that were moved."""

    borders: npt.NDArray[np.float64]
    moved: Hashes
    """Names, ascending."""
    to: Parts

    def parts(self, groups: Groups) -> Parts:
        """Return the part of each of the groups."""
        parts = np.searchsorted(self.borders, groups.places, "right").astype(np.int64)
        if self.moved.size:
            at = np.minimum(np.searchsorted(self.moved, groups.names), self.moved.size - 1)
            here = self.moved[at] == groups.names
            parts[here] = self.to[at[here]]
        return parts


@dataclass(frozen=True, slots=True)
class Shares:
    """The parts by name with their shares, the fewest rows of each, and how far off sizes may be."""

    names: Sequence[str]
    shares: npt.NDArray[np.float64]
    least: int
    tolerance: float

    def deal(self, groups: Callable[[], Iterable[Groups]]) -> Deal:
        """Return the part of each group; `groups` yields all of them, as often as it is called.

        Raises:
            SplitImpossibleError: the groups are too few or too large for these shares.
        """
        deal = Deal(np.cumsum(self.shares)[:-1], np.zeros(0, np.uint64), np.zeros(0, np.int64))
        tallies = _Tallies(len(self.names))
        for some in groups():
            tallies.add(some, deal.parts(some))
        least = self.least if len(tallies.strata) == 1 else min(self.least, 1)
        wrong = [
            stratum for stratum, tally in tallies.strata.items()
            if self._lacks(tally.have, tally.groups, least) is not None
        ]  # fmt: skip
        if wrong:
            deal = self._moved(deal, groups, np.array(wrong, np.uint64), least, tallies)
        self._check(tallies)
        return deal

    def _moved(
        self, deal: Deal, groups: Callable[[], Iterable[Groups]], wrong: Hashes, least: int,
        tallies: _Tallies,
    ) -> Deal:  # fmt: skip
        """Put these strata right, in the tallies too."""
        found = [some.pick(np.isin(some.strata, wrong)) for some in groups()]
        names, places, sizes, strata = (
            np.concatenate([getattr(some, kind) for some in found])
            for kind in ("names", "places", "sizes", "strata")
        )
        order = np.lexsort((names, strata))
        heads = np.flatnonzero(np.append(True, strata[order][1:] != strata[order][:-1]))
        moved, to = [], []
        for members in np.split(order, heads[1:]):
            some = Groups(names[members], places[members], sizes[members], strata[members])
            before = deal.parts(some)
            dealt = _Dealt(some.places, some.sizes, before.copy())
            self._put_right(dealt, least)
            other = dealt.parts != before
            moved.append(some.names[other])
            to.append(dealt.parts[other])
            tally = tallies.strata[int(some.strata[0])]
            tally.have = np.bincount(dealt.parts, dealt.sizes.astype(np.float64), len(self.names))
        all_moved = np.concatenate(moved)
        ascending = np.argsort(all_moved)
        return Deal(deal.borders, all_moved[ascending], np.concatenate(to)[ascending])

    def _wanted(self, have: Amounts, groups: int, least: int) -> tuple[Amounts, Amounts, Amounts]:
        """Return how many rows each part of a stratum should have, at least, and how far off it may be."""
        total = have.sum()
        wanted = self.shares * total
        slack = np.maximum(np.minimum(self.tolerance * total, wanted / 2), 0.5)
        floor = np.maximum(wanted - slack, least if groups >= len(self.names) else 0)
        return wanted, floor, slack

    def _lacks(self, have: Amounts, groups: int, least: int) -> tuple[int, float] | None:
        """Return which part of a stratum needs rows, and how many; None where all is right."""
        wanted, floor, slack = self._wanted(have, groups, least)
        under, over = floor - have, have - wanted - slack
        if under.max() > 0:
            return int(np.argmax(under)), float(under.max())
        if over.max() > 0:
            return int(np.argmin(have - wanted)), float(over.max())
        return None

    def _put_right(self, dealt: "_Dealt", least: int) -> None:
        """Move groups of one stratum until each part has about its share and its fewest rows."""
        many = len(self.names)
        for _ in range(4 * many * many):
            have = np.bincount(dealt.parts, dealt.sizes.astype(np.float64), many)
            lacks = self._lacks(have, dealt.sizes.size, least)
            if lacks is None:
                return
            wanted, floor, _ = self._wanted(have, dealt.sizes.size, least)
            taker, need = lacks
            moved = self._movers(dealt, taker, need, have - wanted, have - floor)
            if not moved.size:
                return
            dealt.parts[moved] = taker

    def _movers(
        self, dealt: "_Dealt", taker: int, need: float, excess: Amounts, spare: Amounts
    ) -> Places:
        """Return the groups that move to the taker from the part that has most too many rows.

        Nearest to the taker's stretch first, as few as are needed, and none that
        makes the sizes worse; an empty part takes the smallest group there is.
        """
        counts = np.bincount(dealt.parts, minlength=len(self.names))
        able = (counts > 1) & (np.arange(counts.size) != taker)
        if not able.any():
            return np.zeros(0, np.int64)
        giver = int(np.argmax(np.where(able, excess, -np.inf)))
        low = float(self.shares[:taker].sum())
        away = np.maximum(low - dealt.places, dealt.places - low - self.shares[taker])
        theirs = np.flatnonzero(dealt.parts == giver)
        sizes = dealt.sizes[theirs]
        order = np.lexsort((away[theirs], sizes > max(need, 1)))
        theirs, sizes = theirs[order], sizes[order]
        room = max(excess[giver] + need - 1e-9, min(spare[giver], need + 1))
        sums = np.cumsum(sizes)
        fit = int(min(np.searchsorted(sums, need) + 1, np.searchsorted(sums, room, "right")))
        if fit == 0 and counts[taker] == 0:
            return theirs[[int(np.argmin(sizes))]]
        return theirs[: min(fit, theirs.size - 1)]

    def _check(self, tallies: _Tallies) -> None:
        have = sum((one.have for one in tallies.strata.values()), np.zeros(len(self.names)))
        total = int(have.sum())
        off = np.abs(have - self.shares * total) - max(self.tolerance * total, 1)
        worst = int(np.argmax(np.where(have < min(self.least, total), np.inf, off)))
        if have[worst] >= min(self.least, total) and off[worst] <= 0:
            return
        groups = sum(one.groups for one in tallies.strata.values())
        raise SplitImpossibleError(
            why=f"`{self.names[worst]}` would have {have[worst]:.0f} of {total} rows instead of "
            f"{max(self.shares[worst] * total, self.least):.0f}; there are {groups} "
            f"groups of rows that belong together, the largest of {tallies.largest}",
            advice_="Group by a column with more values, set `near` nearer to 1 or to null, or "
            "allow more `tolerance`.",
        )


@dataclass(slots=True)
class _Dealt:
    """Groups of one stratum, and the part that each has so far."""

    places: npt.NDArray[np.float64]
    sizes: Places
    parts: Parts
