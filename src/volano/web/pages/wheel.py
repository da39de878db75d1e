"""The geometry of the flywheel's drawing, on a square of 1000 by 1000."""

from math import cos, pi, sin

CENTRE = 500.0
STATIONS = 9
RING, RIM, HUB = 330.0, 226.0, 128.0
_GAP = 11.5
"""Degrees kept free around each station."""


def arcs() -> list[str]:
    """Return the paths from each station to the next; the last one closes the loop."""
    step = 360 / STATIONS
    return [_arc(RING, index * step + _GAP, (index + 1) * step - _GAP) for index in range(STATIONS)]


def paddles() -> list[tuple[float, float, float, float]]:
    """Return the mill wheel's paddles as lines."""
    return [_spoke(RIM, RIM + 26, degree) for degree in range(0, 360, 10)]


def spokes() -> list[tuple[float, float, float, float]]:
    """Return the lines from hub to rim."""
    return [_spoke(HUB, RIM - 12, index * 360 / STATIONS) for index in range(STATIONS)]


def share(millionths: int) -> str:
    """Return the arc on the hub that shows a share of the traffic."""
    return _arc(HUB, 0, min(max(millionths / 1_000_000 * 360, 3.0), 359.9))


def _point(radius: float, degree: float) -> tuple[float, float]:
    turn = (degree - 90) * pi / 180
    return round(CENTRE + radius * cos(turn), 1), round(CENTRE + radius * sin(turn), 1)


def _arc(radius: float, begin: float, end: float) -> str:
    (x0, y0), (x1, y1) = _point(radius, begin), _point(radius, end)
    return f"M{x0} {y0}A{radius} {radius} 0 {int(end - begin > 180)} 1 {x1} {y1}"


def _spoke(inner: float, outer: float, degree: float) -> tuple[float, float, float, float]:
    return (*_point(inner, degree), *_point(outer, degree))
