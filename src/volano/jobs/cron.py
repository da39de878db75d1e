"""Cron: at which moments a schedule is due, in the time that a clock on a wall there shows.

Expressions have the five fields of crontab (or `@daily` and the like), read by
croniter as times on a wall. What a change of the clocks does to them is ours,
as in Vixie cron: an hour that is skipped has its firings once, just behind the
gap; an hour that comes twice has them once, the first time. Only where every
hour is asked for (`*/15 * * * *`) real time counts: no firing of a doubled hour
is left out then, and none is made up for a skipped one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from croniter import croniter

from volano.jobs.schedule_errors import BadCronError, BadMomentError, BadTimeZoneError

SECOND_US = 1_000_000
_LAST_US = 32_503_680_000 * SECOND_US
"""The year 3000: nothing is due beyond it, nor before 1970."""
YEARS = 30
"""A date that does not come within so many years is none (30 February); a leap day on a Monday is."""
_DAY = timedelta(days=1)
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_CHANCE = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)
"""croniter's own words: they would give other times after each start."""


@dataclass(frozen=True)
class Cron:
    """An expression and the zone whose wall it is read on. Moments are microseconds UTC.

    Raises:
        BadCronError: it is no expression of five fields, or it never comes.
        BadTimeZoneError: there is no such zone.
    """

    text: str
    zone: str = "UTC"

    def __post_init__(self) -> None:
        fields = self.text.split()
        if len(fields) != 5 and not (len(fields) == 1 and self.text.startswith("@")):
            raise BadCronError(cron=self.text[:120], why="it needs five fields")
        if _CHANCE.search(self.text):
            raise BadCronError(cron=self.text[:120], why="`H` and `R` mean times by chance")
        try:
            next(self._walls(_ANY_DAY))
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise BadCronError(cron=self.text[:120], why=_said(error)) from error
        self._place  # noqa: B018 - it raises

    def after(self, moment_us: int) -> int:
        """Return the first moment behind this one."""
        return next(self._moments(moment_us))

    def between(self, from_us: int, to_us: int) -> Iterator[int]:
        """Yield the moments from `from_us` on and before `to_us`, in their order."""
        for moment in self._moments(from_us - 1):
            if moment >= to_us:
                return
            yield moment

    def moment(self, text: str) -> int:
        """Read a date or a moment (ISO 8601); without an offset, it is one of this zone.

        Raises:
            BadMomentError: it is none.
        """
        try:
            found = datetime.fromisoformat(text)
            moment = _us(found if found.tzinfo else found.replace(tzinfo=self._place))
        except (ValueError, OverflowError) as error:
            raise BadMomentError(text=text[:80]) from error
        if not 0 <= moment < _LAST_US:
            raise BadMomentError(text=text[:80])
        return moment

    @cached_property
    def _place(self) -> ZoneInfo:
        try:
            return ZoneInfo(self.zone)
        except (OSError, ValueError, LookupError) as error:
            raise BadTimeZoneError(zone=self.zone[:80]) from error

    @cached_property
    def _hourly(self) -> bool:
        hours = croniter.expand(self.text)[0][1]
        return "*" in hours or len(hours) == 24

    def _moments(self, after_us: int) -> Iterator[int]:
        """Yield moments in their order, each once; times on the wall may stand closer than that.

        Where clocks change nearby, the walls before `after_us` and behind the
        candidate are looked at too, as far as clocks are set.
        """
        last, after = after_us, datetime.fromtimestamp(after_us // SECOND_US, UTC)
        held: list[int] = []
        for wall in self._walls(self._wall(after) - self._shift(after)):
            held += [m for m in self._at(wall) if m > last]
            sure = _us(wall.replace(tzinfo=self._place)) - _us_of(
                self._shift(_utc(wall, self._place))
            )
            held = sorted(set(held))
            while held and held[0] <= sure:
                last = held.pop(0)
                yield last

    def _at(self, wall: datetime) -> list[int]:
        """Return the moments at which a wall shows this time."""
        first = wall.replace(tzinfo=self._place, fold=0)
        skipped = self._wall(first.astimezone(UTC)) != wall
        if not self._hourly:
            return [_us(first)]
        return [] if skipped else sorted({_us(first), _us(first.replace(fold=1))})

    def _walls(self, start: datetime) -> Iterator[datetime]:
        found = croniter(self.text, start - timedelta(seconds=1), max_years_between_matches=YEARS)
        while True:
            yield found.get_next(datetime)

    def _wall(self, moment: datetime) -> datetime:
        return moment.astimezone(self._place).replace(tzinfo=None, fold=0)

    def _shift(self, moment: datetime) -> timedelta:
        """Return by how much clocks are set within a day of this moment."""
        offsets = [
            (at.astimezone(self._place).utcoffset() or timedelta())
            for at in (moment - _DAY, moment, moment + _DAY)
        ]
        return max(offsets) - min(offsets)


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND_US


def _utc(wall: datetime, place: ZoneInfo) -> datetime:
    return wall.replace(tzinfo=place).astimezone(UTC)


def _us_of(span: timedelta) -> int:
    return int(span.total_seconds()) * SECOND_US


def _said(error: Exception) -> str:
    return str(error)[:200] or type(error).__name__
