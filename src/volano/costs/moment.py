"""Moments as people write them: 2026-11-01, 2026-11-01T12:00Z, or how long ago: 30d, 12h."""

import re
from datetime import UTC, datetime

from volano.costs.errors import BadTimeError

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
_AGO = re.compile(r"([1-9][0-9]{0,5})([hdw])")
_UNIT_US = {"h": HOUR_US, "d": DAY_US, "w": 7 * DAY_US}


def moment(text: str, now_us: int | None = None) -> int:
    """Return the moment in microseconds UTC. With `now_us`, `30d` is thirty days before it.

    Raises:
        BadTimeError: it is none, or before 1970.
    """
    if now_us is not None and (ago := _AGO.fullmatch(text)):
        return max(0, now_us - int(ago[1]) * _UNIT_US[ago[2]])
    try:
        at = datetime.fromisoformat(text)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        found = int(at.timestamp() * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise BadTimeError(time=ascii(text)[1:-1][:40]) from error
    if found < 0:
        raise BadTimeError(time=ascii(text)[1:-1][:40])
    return found


def written(at_us: int) -> str:
    """Return a moment as text: 2026-11-01T12:00:00Z."""
    return datetime.fromtimestamp(at_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def day_of(at_us: int) -> str:
    """Return the day of a moment: 2026-11-01."""
    return written(at_us)[:10]
