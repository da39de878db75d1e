"""A Reference: the window that later ones are compared with, and how often that is done."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from volano.monitor.drift.errors import BadMomentError, BadStretchError
from volano.stats.multiple import Purse

_STRETCH = re.compile(r"([1-9][0-9]{0,6})\s*(m|h|d)")
_UNIT_US = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_MOST_US = 3650 * _UNIT_US["d"]


@dataclass(frozen=True, slots=True)
class Reference:
    """One pinned window. `ref` is the artifact that holds its sample.

    `channel` and `release` narrow it, empty means all; `by` names the slices that are looked at
    besides the whole; `shift` is the share of the traffic that must not move unseen; `every_us` 0
    means that nobody looks by themselves. `units` is how many users, sessions or lone calls the
    `n` calls come from.
    """

    id: str
    name: str
    ref: str
    channel: str
    release: str
    since_us: int
    until_us: int
    n: int
    units: int
    by: tuple[str, ...]
    shift: float
    window_us: int
    every_us: int
    purse: Purse
    created_us: int
    created_by: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "id": self.id, "name": self.name, "ref": self.ref, "channel": self.channel,
            "release": self.release, "since_us": self.since_us, "until_us": self.until_us,
            "n": self.n, "units": self.units, "by": list(self.by), "shift": self.shift,
            "window": spelled(self.window_us),
            "every": spelled(self.every_us) if self.every_us else "never",
            "alpha": self.purse.alpha, "period": spelled(self.purse.period_us),
            "created_us": self.created_us, "created_by": self.created_by,
        }  # fmt: skip


def stretch(text: str) -> int:
    """Return a length of time such as `6h` in microseconds.

    Raises:
        BadStretchError: it is none, or longer than ten years.
    """
    found = _STRETCH.fullmatch(text.strip())
    if found is None or int(found[1]) * _UNIT_US[found[2]] > _MOST_US:
        raise BadStretchError(stretch=ascii(text)[1:-1][:40])
    return int(found[1]) * _UNIT_US[found[2]]


def spelled(us: int) -> str:
    """Return a length of time as `stretch` reads it."""
    unit = next(unit for unit in "dhm" if us % _UNIT_US[unit] == 0 or unit == "m")
    return f"{us // _UNIT_US[unit]}{unit}"


def moment(text: str) -> int:
    """Return a date or time of ISO 8601 in microseconds UTC.

    Raises:
        BadMomentError: it is none.
    """
    try:
        at = datetime.fromisoformat(text.strip())
        return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1_000_000)
    except (ValueError, OverflowError, OSError) as error:
        raise BadMomentError(moment=ascii(text)[1:-1][:40]) from error
