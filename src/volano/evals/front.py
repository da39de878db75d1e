"""Front: which candidates no other beats, and how much a front is worth.

An axis is a name and whether bigger is better. Values may have intervals: then
a candidate leaves the front only when another is as good on every axis, and
better on one by more than both intervals could explain. Without intervals this
is Pareto's dominance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Axes = Sequence[tuple[str, bool]]
"""(name, bigger is better) of each objective."""


@dataclass(frozen=True, slots=True)
class Point:
    """A candidate: its values by axis, and the interval of those that are estimates."""

    name: str
    values: Mapping[str, float]
    reach: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def low(self, axis: str) -> float:
        """Return the least that the value may be."""
        return self.reach.get(axis, (self.values[axis],) * 2)[0]

    def high(self, axis: str) -> float:
        """Return the most that the value may be."""
        return self.reach.get(axis, (self.values[axis],) * 2)[1]


def dominates(a: Point, b: Point, axes: Axes) -> bool:
    """Whether `a` is as good as `b` on all axes by its values, and surely better on one."""
    as_good = all(
        a.values[name] >= b.values[name] if bigger else a.values[name] <= b.values[name]
        for name, bigger in axes
    )
    return as_good and any(
        a.low(name) > b.high(name) if bigger else a.high(name) < b.low(name)
        for name, bigger in axes
    )


def front(points: Sequence[Point], axes: Axes) -> list[Point]:
    """Return the points that none of the others dominates, in their order."""
    return [
        point
        for point in points
        if not any(dominates(other, point, axes) for other in points if other is not point)
    ]


def hypervolume(
    points: Sequence[Mapping[str, float]], axes: Axes, worst: Mapping[str, float]
) -> float:
    """Return the volume that the points dominate, above `worst` (one value for each axis).

    Zitzler & Thiele (1998): the larger the better; it grows with every point that
    moves the front. Computed by slicing along the last axis (Knowles 2002), exact,
    for some hundred points on up to four axes. What is not better than `worst`
    on every axis adds nothing.
    """
    moved = [
        tuple((p[name] - worst[name]) * (1 if bigger else -1) for name, bigger in axes)
        for p in points
    ]
    return _volume([one for one in set(moved) if min(one) > 0], len(axes))


def _volume(points: Sequence[tuple[float, ...]], n: int) -> float:
    """Return the volume of the union of the boxes from the origin to each point."""
    if not points:
        return 0.0
    if n == 1:
        return max(point[0] for point in points)
    if n == 2:
        return _area(points)
    total, last = 0.0, 0.0
    rest = sorted(points, key=lambda point: point[n - 1])
    for at, point in enumerate(rest):
        height = point[n - 1] - last
        if height > 0:
            total += height * _volume([one[: n - 1] for one in rest[at:]], n - 1)
            last = point[n - 1]
    return total


def _area(points: Sequence[tuple[float, ...]]) -> float:
    total, highest = 0.0, 0.0
    for x, y in sorted(points, key=lambda point: (-point[0], -point[1])):
        if y > highest:
            total += x * (y - highest)
            highest = y
    return total


def ends(
    points: Sequence[Mapping[str, float]], axes: Axes
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the worst and the best value on each axis, to scale a front to a box."""
    worst, best = {}, {}
    for name, bigger in axes:
        values = sorted((point[name] for point in points), reverse=not bigger)
        worst[name], best[name] = values[0], values[-1]
    return worst, best
