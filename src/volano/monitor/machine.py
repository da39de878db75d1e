"""Machine: CPU, memory, disk and GPU of this host, and what engines take of it, as measures.

They are asked, drawn and alerted on as KPIs are, but come from `Host`: what is looked at every
five seconds and remembered for an hour, since volano is up. A value is the mean of the looks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from volano.monitor.errors import UnknownDimensionError, UnknownMeasureError, WholeHostError
from volano.monitor.host import Look
from volano.monitor.kpi import KPI, KPIS, Unit, guess
from volano.monitor.series import Point

ENGINE = "engine"
REMEMBERED_US = 3_600_000_000
Looks = Callable[[int, int], Sequence[Look]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """One measure of the machine; a share from 0 to 1. `field` is its name in a look or an engine's part."""

    name: str
    says: str
    formula: str
    field: str
    of_engines: bool = False
    unit: Unit = "share"
    better: str = "lower"
    kind: str = "machine"

    def to_dict(self) -> dict[str, str]:
        """What doors show of it."""
        return {
            "name": self.name, "says": self.says, "formula": self.formula, "unit": self.unit,
            "better": self.better, "kind": self.kind,
        }  # fmt: skip

    def check(self, names: Sequence[str]) -> None:
        """See that it can be asked by these.

        Raises:
            WholeHostError, UnknownDimensionError: it cannot.
        """
        for name in names:
            if not self.of_engines:
                raise WholeHostError(measure=self.name, name=str(name)[:60])
            if name != ENGINE:
                meant = guess(name, [ENGINE])
                raise UnknownDimensionError(name=str(name)[:60], guess=meant, known=ENGINE)

    def read(self, look: Look, engine: str | None = None) -> float | None:
        """Return what a look says: of the host, of one engine, or of all engines together."""
        if not self.of_engines:
            return _number(look, self.field)
        parts = [p for name, p in look.engines.items() if engine in (None, name)]
        found = [value for part in parts if (value := _number(part, self.field)) is not None]
        return sum(found) if found else None


_SHARE = "mean of the looks, one every 5 s; {}"
_ALL = (
    Gauge("host_cpu", "The share of this host's CPU that is busy.",
          _SHARE.format("1 - idle / all ticks of /proc/stat"), "cpu"),
    Gauge("host_cpu_waits", "The share of time in which work waits for CPU.",
          _SHARE.format("PSI of CPU, some, over 10 s"), "cpu_waits"),
    Gauge("host_memory", "The share of this host's memory that is taken.",
          _SHARE.format("1 - MemAvailable / MemTotal"), "memory"),
    Gauge("host_memory_waits", "The share of time in which work waits for memory.",
          _SHARE.format("PSI of memory, some, over 10 s"), "memory_waits"),
    Gauge("host_disk", "The share of the disk under the state folder that is full.",
          _SHARE.format("used / (used + free to us)"), "disk"),
    Gauge("host_gpu", "The share of time in which the busiest GPU works.",
          _SHARE.format("utilization.gpu of nvidia-smi"), "gpu"),
    Gauge("host_gpu_memory", "The share of the fullest GPU's memory that is taken.",
          _SHARE.format("memory.used / memory.total of nvidia-smi"), "gpu_memory"),
    Gauge("engine_cpu", "The share of this host's CPU that engines take.",
          _SHARE.format("CPU time of the process / that of all CPUs"), "cpu", of_engines=True),
    Gauge("engine_memory", "The share of this host's memory that engines take.",
          _SHARE.format("resident memory of the process / MemTotal"), "memory", of_engines=True),
)  # fmt: skip
GAUGES = {one.name: one for one in _ALL}


def measure(name: str) -> KPI | Gauge:
    """Return what alerts may ask for: a technical KPI, or a gauge.

    Raises:
        UnknownMeasureError: there is none of this name.
    """
    found = KPIS.get(name) or GAUGES.get(name)
    if found is None:
        raise UnknownMeasureError(name=name[:60], guess=guess(name, [*KPIS, *GAUGES]))
    return found


class Machine:
    """What is remembered of this machine, for those who judge and draw it."""

    def __init__(self, looks: Looks):
        self._looks = looks

    def ask(
        self,
        name: str,
        *,
        by: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        since_us: int,
        until_us: int,
        each_us: int | None = None,
    ) -> Sequence[Point]:
        """Return a gauge by engine or as a whole; stretches of which nothing is known are left out.

        `count` is how many looks are in a value.

        Raises:
            UnknownMeasureError, WholeHostError, UnknownDimensionError: as they say.
        """
        if name not in GAUGES:
            raise UnknownMeasureError(name=name[:60], guess=guess(name, GAUGES))
        gauge, where = GAUGES[name], where or {}
        gauge.check([*by, *where])
        wanted = where.get(ENGINE, ())
        wanted = [wanted] if isinstance(wanted, str) else [*wanted]
        found: dict[tuple[int, tuple[str, ...]], list[float]] = {}
        for look in self._looks(since_us, until_us):
            at = look.at_us // each_us * each_us if each_us else since_us
            engines = [one for one in look.engines if not wanted or one in wanted]
            values: dict[tuple[str, ...], float | None]
            if by:
                values = {(one,): gauge.read(look, one) for one in engines}
            elif wanted:
                some = [v for one in engines if (v := gauge.read(look, one)) is not None]
                values = {(): sum(some) if some else None}
            else:
                values = {(): gauge.read(look)}
            for key, value in values.items():
                if value is not None:
                    found.setdefault((at, key), []).append(value)
        return [Point(at, key, fmean(some), len(some)) for (at, key), some in sorted(found.items())]

    def newest(self, now_us: int) -> Look | None:
        """Return the newest look, None where nothing was looked at within an hour."""
        looks = self._looks(now_us - REMEMBERED_US, now_us + 1)
        return looks[-1] if looks else None


def _number(of: Any, field: str) -> float | None:
    value: float | None = getattr(of, field)
    return value
