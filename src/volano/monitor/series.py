"""Series: any measure, by any dimension, over any window, from the rollups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from volano.monitor.errors import UnknownDimensionError
from volano.monitor.kpi import guess, kpi
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
    """The technical KPIs of one workspace, for those who judge and draw them."""

    def __init__(self, traces: Traces):
        self._traces = traces

    def ask(
        self,
        measure: str,
        *,
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        since_us: int,
        until_us: int,
        each_us: int | None = None,
        currency: str = "",
    ) -> Sequence[Point]:
        """Return the measure by these dimensions; stretches in which nothing ended are left out.

        Money is of this `currency`, where one is said: of calls that cost in another one there
        is a sum, and no mean.

        Raises:
            UnknownMeasureError, UnknownDimensionError: as they say.
        """
        wanted = kpi(measure)
        seconds = (each_us or until_us - since_us) / 1e6
        found = self.sums(
            by=by, where=where, since_us=since_us, until_us=until_us, each_us=each_us,
            sketches=wanted.sketches,
        )  # fmt: skip
        if currency and wanted.unit == "money":
            found = [_only(one, currency, mixed=measure == "cost") for one in found]
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


def _only(sums: Sums, currency: str, *, mixed: bool) -> Sums:
    """Return the sums with the money of one currency; without any where others would have to be added."""
    fits = mixed or {*sums.nano} == {currency}
    return replace(sums, nano={currency: sums.nano.get(currency, 0)} if sums.nano and fits else {})


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
