"""The keys of a target: whose turn it is, and which of them rest. One a worker and target.

A key that its provider refuses (401, 402, 403) rests for `REFUSED_S`: by then its owner may
have paid, or the provider may know it. One that is at its limit (429) rests as long as the
provider says, or `LIMITED_S`. A key that rests is passed over while another does not; where
all rest, the one that is due first is asked. A key that is new rests not.
"""

from collections.abc import Mapping, Sequence

REFUSED_S = 60.0
LIMITED_S = 5.0
"""How long a key rests after a 429 that does not say how long."""
_SHORTEST_S, _LONGEST_S = 1.0, 300.0
"""What a provider's Retry-After may ask of a key at least and at most."""
OF_THE_KEY = frozenset((401, 402, 403, 429))
"""Statuses that another key of the same target may not get."""


class Keyring:
    """A target's keys, named by their place. Times are the loop's seconds."""

    __slots__ = ("_lines", "_said", "_turn", "_until")

    def __init__(self, lines: Sequence[Mapping[str, str]], before: "Keyring | None" = None):
        """`lines` are each key's headers. A key that was in the ring `before` goes on resting."""
        self._lines = [dict(each) for each in lines]
        self._turn = len(lines) - 1
        self._until = [0.0] * len(lines)
        self._said = [False] * len(lines)
        for at, each in enumerate(self._lines):
            if before is not None:
                self._until[at], self._said[at] = before.rest_of(each)

    def has(self, lines: Sequence[Mapping[str, str]]) -> bool:
        """Whether these are its keys, in this order."""
        return self._lines == [*lines]

    def rest_of(self, lines: Mapping[str, str]) -> tuple[float, bool]:
        """Return until when the key with these headers rests, and whether its provider said so."""
        if lines not in self._lines:
            return 0.0, False
        at = self._lines.index({**lines})
        return self._until[at], self._said[at]

    def next(self, now: float, asked: int = 0) -> int:
        """Return the key whose turn it is, other than those `asked` already (a bit for each)."""
        count = len(self._until)
        for step in range(1, count + 1):
            at = (self._turn + step) % count
            if self._until[at] <= now and not asked >> at & 1:
                self._turn = at
                return at
        return min(range(count), key=self._until.__getitem__)

    def another(self, now: float, asked: int) -> bool:
        """Whether a key takes calls now that is not among those `asked`."""
        return any(until <= now and not asked >> at & 1 for at, until in enumerate(self._until))

    def rests(self, at: int, now: float, status: int, said_s: float) -> None:
        """It was answered with a status of `OF_THE_KEY`; `said_s` is Retry-After, 0 is none."""
        limited = status == 429
        for_s = REFUSED_S
        if limited:
            for_s = min(max(said_s, _SHORTEST_S), _LONGEST_S) if said_s else LIMITED_S
        self._until[at] = max(self._until[at], now + for_s)
        self._said[at] = limited and said_s > 0.0

    def resting(self, now: float) -> int:
        """How many rest."""
        return sum(until > now for until in self._until)

    def rest(self, now: float) -> tuple[float, bool]:
        """Return the seconds until one takes calls again, 0 where one does, and whether its provider said so."""
        at = min(range(len(self._until)), key=self._until.__getitem__)
        return max(0.0, self._until[at] - now), self._said[at]
