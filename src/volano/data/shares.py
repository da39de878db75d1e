"""How groups of rows are dealt to the parts of a split: by place, then put right where that fails.

A group has a place in [0, 1) that follows from its content. The parts' shares
cut [0, 1) into stretches, and a group goes where its place lies: in the next
version of the data, with other groups around it, it goes there again. Only
where a part then has too few rows, or its size is too far off, groups move:
those nearest to the border first, and no more than are needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.errors import SplitImpossibleError
from volano.data.shingles import Places

Parts = npt.NDArray[np.int64]
Amounts = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of rows: the place of each, how many rows it has, and its stratum."""

    places: npt.NDArray[np.float64]
    sizes: Places
    strata: Places


@dataclass(frozen=True, slots=True)
class Shares:
    """The parts by name with their shares, the fewest rows of each, and how far off sizes may be."""

    names: Sequence[str]
    shares: npt.NDArray[np.float64]
    least: int
    tolerance: float

    def deal(self, groups: Groups) -> Parts:
        """Return the part of each group.

        Raises:
            SplitImpossibleError: the groups are too few or too large for these shares.
        """
        borders = np.cumsum(self.shares)[:-1]
        parts = np.searchsorted(borders, groups.places, "right").astype(np.int64)
        order = np.argsort(groups.strata, kind="stable")
        strata = np.split(order, np.cumsum(np.bincount(groups.strata))[:-1])
        for members in strata:
            least = self.least if len(strata) == 1 else min(self.least, 1)
            dealt = _Dealt(groups.places[members], groups.sizes[members], parts[members])
            self._put_right(dealt, least)
            parts[members] = dealt.parts
        self._check(groups, parts)
        return parts

    def _put_right(self, dealt: "_Dealt", least: int) -> None:
        """Move groups of one stratum until each part has about its share and its fewest rows."""
        many, total = len(self.names), int(dealt.sizes.sum())
        wanted = self.shares * total
        slack = np.maximum(np.minimum(self.tolerance * total, wanted / 2), 0.5)
        floor = np.maximum(wanted - slack, least if dealt.sizes.size >= many else 0)
        for _ in range(4 * many * many):
            have = np.bincount(dealt.parts, dealt.sizes.astype(np.float64), many)
            under, over = floor - have, have - wanted - slack
            if under.max() > 0:
                taker, need = int(np.argmax(under)), float(under.max())
            elif over.max() > 0:
                taker, need = int(np.argmin(have - wanted)), float(over.max())
            else:
                return
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

    def _check(self, groups: Groups, parts: Parts) -> None:
        total = int(groups.sizes.sum())
        have = np.bincount(parts, groups.sizes, len(self.names))
        off = np.abs(have - self.shares * total) - max(self.tolerance * total, 1)
        worst = int(np.argmax(np.where(have < min(self.least, total), np.inf, off)))
        if have[worst] >= min(self.least, total) and off[worst] <= 0:
            return
        raise SplitImpossibleError(
            why=f"`{self.names[worst]}` would have {have[worst]:.0f} of {total} rows instead of "
            f"{max(self.shares[worst] * total, self.least):.0f}; there are {groups.sizes.size} "
            f"groups of rows that belong together, the largest of {groups.sizes.max()}",
            advice_="Group by a column with more values, set `near` nearer to 1 or to null, or "
            "allow more `tolerance`.",
        )


@dataclass(slots=True)
class _Dealt:
    """Groups of one stratum, and the part that each has so far."""

    places: npt.NDArray[np.float64]
    sizes: Places
    parts: Parts
