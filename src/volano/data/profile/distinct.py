"""How many values differ: exactly while they are few, else estimated in bounded memory.

The k least of all hashes are kept (Bar-Yossef et al., "Counting distinct
elements in a data stream", 2002; the unbiased estimate (k - 1) / U_k is of
Beyer et al. 2007). The relative standard error is about 1 / sqrt(k - 2): 1.6 %.
"""

import heapq
from hashlib import blake2b

LEAST_KEPT = 4096
_SPACE = float(1 << 64)


class Distinct:
    """Counts values that differ."""

    __slots__ = ("_heap", "_kept")

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._kept: set[int] = set()

    def add(self, value: str) -> None:
        """Take a value into account."""
        head = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        hashed = int.from_bytes(head, "little")
        if hashed in self._kept:
            return
        if len(self._heap) < LEAST_KEPT:
            heapq.heappush(self._heap, -hashed)
        elif hashed < -self._heap[0]:
            self._kept.discard(-heapq.heappushpop(self._heap, -hashed))
        else:
            return
        self._kept.add(hashed)

    @property
    def exact(self) -> bool:
        """Whether the count is no estimate."""
        return len(self._heap) < LEAST_KEPT

    @property
    def count(self) -> int:
        """How many values differ."""
        if self.exact:
            return len(self._heap)
        return round((LEAST_KEPT - 1) * _SPACE / -self._heap[0])
