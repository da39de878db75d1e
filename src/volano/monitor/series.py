"""Series: any measure, by any dimension, over any window, from the rollups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.core.clock import Clock
from volano.monitor.amount import BadAmountError, shown, window
from volano.monitor.errors import BadWindowError, UnknownDimensionError
from volano.monitor.kpi import KPIS, guess, kpi
from volano.traces.keeper import Traces
from volano.traces.rollup import DIMENSIONS
from volano.traces.sums import Sums

_SPELT = {"key": "key_id"}
ASKED_BY = tuple("key" if name == "key_id" else name for name in DIMENSIONS)
"""The dimensions as people say them."""


@dataclass(frozen=True, slots=True)
class Point:
    """A measure in a stretch that begins at `at_us`; `value` is None where nothing was there."""

    at_us: int
    by: tuple[str, ...]
    value: float | None
    count: int


def dimension(name: str) -> str:
    """Return the column of a dimension.

    Raises:
        UnknownDimensionError: there is no such thing.
    """
    if name not in ASKED_BY:
        known = ", ".join(ASKED_BY)
        raise UnknownDimensionError(name=name[:60], guess=guess(name, ASKED_BY), known=known)
    return _SPELT.get(name, name)


def conditions(where: Mapping[str, Any]) -> dict[str, str | Sequence[str]]:
    """Return what a filter means for the rollups; of calls where it does not say of what.

    Raises:
        UnknownDimensionError: it names something else.
    """
    found = {dimension(name): value for name, value in where.items() if value not in (None, "")}
    return {"source": "call", **found}


class Series:
    """The KPIs of one workspace."""

    def __init__(self, traces: Traces, clock: Clock):
        self._traces = traces
        self._clock = clock

    def list(self) -> Sequence[dict[str, str]]:
        """Return what can be measured, each with its formula."""
        return [one.to_dict() for one in KPIS.values()]

    def show(
        self,
        measure: str,
        *,
        window: str = "1h",
        each: str = "",
        by_what: str = "",
        where: Sequence[str] = (),
    ) -> Sequence[dict[str, Any]]:
        """Return a measure over the last while, by a dimension, in steps of `each`.

        `where` are filters such as channel=support.

        Raises:
            UnknownMeasureError, UnknownDimensionError, BadWindowError: as they say.
        """
        wanted, now = kpi(measure), self._clock.now_us()
        span_us = _window(window)
        each_us = _window(each) if each else None
        if each_us and span_us // each_us > 5_000:
            raise BadWindowError(window=window, why="it has more than 5,000 steps")
        points = self.ask(
            measure, by=[by_what] if by_what else (), where=pairs(where),
            since_us=now - span_us, until_us=now, each_us=each_us,
        )  # fmt: skip
        return [
            {
                **({"at_us": point.at_us} if each_us else {}),
                **({by_what: point.by[0]} if by_what else {}),
                "value": point.value,
                "shown": shown(point.value, wanted.unit),
                "calls": point.count,
            }
            for point in points
        ]

    def ask(
        self,
        measure: str,
        *,
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        since_us: int,
        until_us: int,
        each_us: int | None = None,
    ) -> Sequence[Point]:
        """Return the measure by these dimensions; stretches in which nothing ended are left out.

        Raises:
            UnknownMeasureError, UnknownDimensionError: as they say.
        """
        wanted = kpi(measure)
        seconds = (each_us or until_us - since_us) / 1e6
        found = self.sums(
            by=by, where=where, since_us=since_us, until_us=until_us, each_us=each_us,
            sketches=wanted.sketches,
        )  # fmt: skip
        return [Point(one.at_us, one.by, wanted.of(one, seconds), one.count) for one in found]

    def sums(
        self,
        *,
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        since_us: int,
        until_us: int,
        each_us: int | None = None,
        sketches: bool = False,
    ) -> Sequence[Sums]:
        """Return what formulas are made of."""
        return self._traces.sums(
            by=[dimension(name) for name in by], where=conditions(where or {}),
            since_us=since_us, until_us=until_us, each_us=each_us, sketches=sketches,
        )  # fmt: skip


def pairs(given: Sequence[str]) -> dict[str, str]:
    """Read filters such as channel=support.

    Raises:
        UnknownDimensionError: one is none.
    """
    found = {}
    for text in given:
        name, _, value = text.partition("=")
        dimension(name)
        found[name] = value
    return found


def _window(text: str) -> int:
    try:
        return window(text)
    except BadAmountError as error:
        raise BadWindowError(window=text[:40], why=error.message) from error
