"""A quantile sketch with a bound on the relative error, which merges without loss.

DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
with relative-error guarantees", PVLDB 12(12), 2019). A value x > 0 is counted in
bucket i = ceil(log(x) / log(gamma)), gamma = (1 + a) / (1 - a); what a bucket says,
2 * gamma^i / (gamma + 1), differs from all values in it by at most a * x. Counts of
buckets add up, so that sketches of minutes make the sketch of an hour, in any order,
and the bound still holds: that a mean of percentiles cannot.
"""

import math
from collections.abc import Iterable, Mapping

from volano.stats.errors import BadSketchError

ERROR = 0.01
"""Relative: 1 % of the value."""
MOST_BUCKETS = 2048
"""The lowest ones are joined beyond it. From 1 µs to an hour there are 1,101."""

_GAMMA = (1 + ERROR) / (1 - ERROR)
_INVERSE = 1 / math.log(_GAMMA)
_MIDDLE = 2 / (_GAMMA + 1)
_FORMAT = 1


def bucket(value: float) -> int | None:
    """Return the bucket of a value; None is that of zero and less."""
    return math.ceil(math.log(value) * _INVERSE) if value > 0 else None


class Sketch:
    """Counts by bucket. `zeros` counts values that are not above zero."""

    __slots__ = ("buckets", "zeros")

    def __init__(self, values: Iterable[float] = ()):
        self.buckets: dict[int, int] = {}
        self.zeros = 0
        for value in values:
            self.add(value)

    @classmethod
    def counted(cls, buckets: Mapping[int | None, int]) -> "Sketch":
        """Return the sketch of what was counted by `bucket`."""
        made = cls()
        for index, count in buckets.items():
            if index is None:
                made.zeros += count
            else:
                made.buckets[index] = count
        made._bound()
        return made

    @property
    def count(self) -> int:
        """How many values were counted."""
        return self.zeros + sum(self.buckets.values())

    def add(self, value: float, count: int = 1) -> None:
        """Count a value so many times."""
        if value > 0:
            index = math.ceil(math.log(value) * _INVERSE)
            self.buckets[index] = self.buckets.get(index, 0) + count
            if len(self.buckets) > MOST_BUCKETS:
                self._bound()
        else:
            self.zeros += count

    def merge(self, other: "Sketch") -> None:
        """Count all that the other has counted."""
        self.zeros += other.zeros
        mine = self.buckets
        for index, count in other.buckets.items():
            mine[index] = mine.get(index, 0) + count
        self._bound()

    def quantile(self, q: float) -> float | None:
        """Return the value that a share `q` of all does not exceed; None where there is none.

        Nearest rank: the ceil(q * n)-th of n values, at least the first.
        """
        rank = max(1, math.ceil(q * self.count - 1e-9))
        if rank > self.count:
            return None
        seen = self.zeros
        if rank <= seen:
            return 0.0
        for index in sorted(self.buckets):
            seen += self.buckets[index]
            if seen >= rank:
                return _MIDDLE * _GAMMA**index
        return None

    def within(self, limit: float) -> int:
        """Return how many values do not exceed the limit, to the same relative error of it."""
        last = bucket(limit)
        if last is None:
            return self.zeros if limit == 0 else 0
        return self.zeros + sum(n for index, n in self.buckets.items() if index <= last)

    def to_bytes(self) -> bytes:
        """Return it as few bytes: a format, the zeros, then step to each bucket and its count."""
        out = bytearray([_FORMAT])
        _put(out, self.zeros)
        before = 0
        for index, count in sorted(self.buckets.items()):
            step = index - before
            step = step << 1 if step >= 0 else (-step << 1) - 1
            if step | count < 0x80:  # nearly always
                out += bytes((step, count))
            else:
                _put(out, step)
                _put(out, count)
            before = index
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Sketch":
        """Return the sketch that `to_bytes` wrote.

        Raises:
            BadSketchError: these bytes are none.
        """
        made = cls()
        made.take(data)
        return made

    def take(self, data: bytes) -> None:
        """Merge one that lies there as bytes.

        Raises:
            BadSketchError: these bytes are none; nothing was counted of them.
        """
        if not data or data[0] != _FORMAT:
            raise BadSketchError
        numbers = _numbers(data)
        if len(numbers) % 2 == 0:
            raise BadSketchError
        self.zeros += numbers[0]
        mine, index = self.buckets, 0
        for at in range(1, len(numbers), 2):
            step = numbers[at]
            index += -((step + 1) >> 1) if step & 1 else step >> 1
            mine[index] = mine.get(index, 0) + numbers[at + 1]
        self._bound()

    def _bound(self) -> None:
        """Join the lowest buckets: low quantiles lose their bound before high ones do."""
        extra = len(self.buckets) - MOST_BUCKETS
        if extra > 0:
            order = sorted(self.buckets)
            joined = sum(self.buckets.pop(index) for index in order[:extra])
            self.buckets[order[extra]] += joined

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sketch)
            and self.zeros == other.zeros
            and self.buckets == other.buckets
        )

    __hash__ = None  # type: ignore[assignment]


def _put(out: bytearray, number: int) -> None:
    """Write seven bits a byte, the lowest first (LEB128)."""
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _numbers(data: bytes) -> list[int]:
    found, number, shift = [], 0, 0
    if data.isascii():  # nearly always: each number is one byte
        return [*data[1:]]
    for byte in data[1:]:
        number |= (byte & 0x7F) << shift
        if byte & 0x80:
            shift += 7
            if shift > 63:
                raise BadSketchError
        else:
            found.append(number)
            number = shift = 0
    if shift:
        raise BadSketchError
    return found
