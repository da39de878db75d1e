"""A budget: how much a key, a group or a channel may spend in a window of time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from volano.core.money import Money

Kind = Literal["key", "group", "channel"]
Window = Literal["day", "week", "month", "total"]
KINDS: tuple[Kind, ...] = ("key", "group", "channel")
WINDOWS: tuple[Window, ...] = ("day", "week", "month", "total")
_END_US = 1 << 62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls of the subject may spend `amount` in each window, and no more.

    A group's budget is for all that is below it: `shop` covers `shop/support`. The
    name `*` means every key, group or channel together: the whole workspace.
    """

    id: str
    kind: Kind
    name: str
    amount: Money
    window: Window
    created_us: int = 0

    def covers(self, *, key_id: str, group: str, channel: str) -> bool:
        """Whether a call of this key, group and channel is spent from it."""
        return covers(self.kind, self.name, key_id=key_id, group=group, channel=channel)


def covers(kind: str, name: str, *, key_id: str, group: str, channel: str) -> bool:
    """Whether a call is spent from the budget of this subject."""
    if name == "*":
        return True
    if kind == "group":
        return group == name or group.startswith(f"{name}/")
    return name == (key_id if kind == "key" else channel)


def span(window: Window, at_us: int) -> tuple[int, int]:
    """Return the window around a moment: [from, until) in microseconds UTC.

    Days, weeks (from Monday) and months are those of the calendar, in UTC.
    """
    if window == "total":
        return 0, _END_US
    at = _EPOCH + timedelta(microseconds=at_us)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if window == "day":
        return _us(day), _us(day + timedelta(days=1))
    if window == "week":
        monday = day - timedelta(days=day.weekday())
        return _us(monday), _us(monday + timedelta(days=7))
    first = day.replace(day=1)
    return _us(first), _us((first + timedelta(days=32)).replace(day=1))


def _us(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
