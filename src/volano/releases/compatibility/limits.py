"""Limits: what a check of a release still takes, and the gates that there are."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from volano.releases.errors import BadCheckError

GATES = ("suites", "schema", "variables", "flips", "replay", "context", "envelope")
ASKING = frozenset(("replay", "envelope"))
"""The gates that recorded requests are asked again for."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken. Rows marked critical (by the column `critical`) take nothing.

    `new_fields`: answers may have fields that the old schema closed out. `flips`: so many rows
    may fall; None: as many as do, told. `failures`: so many of the requests that the old
    release answers well may the new one fail. `cost`, `latency`: sum and 95th percentile, at
    most so many times the old ones'. `least`: from fewer requests nothing is concluded.
    """

    new_fields: bool = False
    critical: str = "critical"
    flips: int | None = None
    failures: int = 0
    cost: float = 1.5
    latency: float = 2.0
    least: int = 10
    suites: str = ""

    @property
    def wanted(self) -> tuple[str, ...]:
        """The names of the suites that it must have passed."""
        return tuple(filter(None, (name.strip() for name in self.suites.split(","))))

    def __post_init__(self) -> None:
        if not (0 < self.cost <= 1000 and 0 < self.latency <= 1000):
            raise BadCheckError(
                why="cost and latency are bounded by more than 0 and at most 1000 times"
            )
        if min(self.flips or 0, self.failures) < 0 or self.least < 1:
            raise BadCheckError(
                why="rows and requests are counted from 0 on, and at least 1 is needed"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def limits_of(given: Mapping[str, Any]) -> Limits:
    """Return the limits that were said; what was not is as usual.

    Raises:
        BadCheckError: one cannot be.
    """
    known = {one.name for one in fields(Limits)}
    return Limits(
        **{name: value for name, value in given.items() if name in known and value is not None}
    )


def gates_of(names: Iterable[str]) -> tuple[str, ...]:
    """Return the named gates in their order, all when none is named.

    Raises:
        BadCheckError: there is no such gate.
    """
    said = [part.strip() for name in names for part in str(name).split(",")]
    said = [name for name in said if name]
    for name in said:
        if name not in GATES:
            raise BadCheckError(why=f"there is no gate `{name[:40]}` (known: {', '.join(GATES)})")
    return tuple(name for name in GATES if not said or name in said)
