"""Environments: the channels that a release goes through, one after the other, to the last.

`support/dev`, `support/staging`, `support` are channels like any other. An order says which comes
after which; then a release goes to the later one only when it arrived on the one before, was not
taken back from there since, and served there as long and as often as the order asks. What it
showed there goes along: the first event of the new rollout carries it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select

from volano.access.moment import duration_us
from volano.core.clock import Clock
from volano.core.principal import Principal
from volano.core.ref import check_name
from volano.releases.arrival import Arrivals, words
from volano.releases.errors import BadOrderError, NotArrivedError
from volano.releases.tables import environment_orders
from volano.store.artifact import Artifact
from volano.store.db import Database
from volano.store.ledger import Ledger

MOST = 10
Orders = list["Order"]


@dataclass(frozen=True, slots=True)
class Order:
    """The environments of a channel, which is the last of them.

    In each but the last a release serves `least_us` microseconds and answers `least_calls` calls
    before it goes on.
    """

    channel: str
    environments: tuple[str, ...]
    least_us: int
    least_calls: int
    set_us: int
    set_by: str

    def before(self, channel: str) -> str | None:
        """Return the environment before this one; None for the first, and for strangers."""
        at = self.environments.index(channel) if channel in self.environments else 0
        return self.environments[at - 1] if at else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, with a sentence."""
        way = " → ".join(self.environments)
        says = f"releases go through {way}" if way else "releases go where they like"
        return {**asdict(self), "says": says}


class Environments:
    """The orders of environments, and the guard that holds releases to them."""

    def __init__(self, *, db: Database, ledger: Ledger, clock: Clock, arrivals: Arrivals):
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._arrivals = arrivals

    def order(
        self,
        channel: str,
        *,
        order: Sequence[str] = (),
        least_time: str = "0",
        least_calls: int = 0,
        off: bool = False,
        by: Principal,
    ) -> Order:
        """Say through which channels a release goes, one after the other, to this one.

        `least_time` (`2h`, `1d`) and `least_calls` are what it serves in each before it goes on.
        With `off` it goes where it likes again.

        Raises:
            BadOrderError: not two or more names with this channel last, or one has another order.
            BadDurationError: `least_time` cannot be read.
        """
        last, names = check_name(channel), () if off else tuple(map(check_name, order))
        if not off:
            _check(last, names)
        now = self._clock.now_us()
        made = Order(last, names, duration_us(least_time), least_calls, now, str(by))
        with self._db.write() as conn:
            conn.execute(delete(environment_orders).where(environment_orders.c.channel == last))
            for other in _all(conn):
                if taken := [name for name in names if name in other.environments]:
                    why = f"`{taken[0]}` is in the order of `{other.channel}`"
                    raise BadOrderError(channel=last, why=why)
            if not off:
                row = {**asdict(made), "environments": json.dumps(names, ensure_ascii=False)}
                conn.execute(insert(environment_orders).values(row))
            said = {"order": list(names), "least_us": made.least_us, "least_calls": least_calls}
            self._ledger.append(
                "channel.environments", f"channel/{last}", (), said, by=by, conn=conn
            )
        return made

    def list(self) -> Orders:
        """Return all orders, by the name of their last channel."""
        with self._db.read() as conn:
            return _all(conn)

    def check(
        self, release: Artifact, channel: str, *, after: str = "", emergency: str = ""
    ) -> Mapping[str, Any]:
        """Let a release go to a channel; return what its new rollout should tell of the way there.

        `after` is an environment that it must have arrived on although no order says so.
        `carried` is what it showed in the environments before; `skipped` says which it went
        without, for which reason (`emergency`).

        Raises:
            NotArrivedError: it has not arrived on the environment before, or did not serve enough.
        """
        carried: dict[str, Mapping[str, Any]] = {}
        skipped: list[str] = []
        for environment, order in self._before(channel, after):
            arrival = self._arrivals.of(release, environment)
            problem, following = arrival.lacks(*_least(order))
            if problem and not emergency.strip():
                following = following.format(ref=release.ref, channel=environment)
                raise NotArrivedError(ref=release.ref, channel=channel, why=problem, next=following)
            skipped += [environment] if problem else []
            carried |= {one["rollout"]: one for one in arrival.carried}
        told: dict[str, Any] = {"carried": [*carried.values()]} if carried else {}
        if skipped:
            told["skipped"] = {"environments": skipped, "reason": emergency.strip()[:2000]}
        return told

    def arrived(self, release: Artifact) -> Iterable[str]:
        """Say where a release arrived, and what it showed there: a line for each environment."""
        for name in dict.fromkeys(name for order in self.list() for name in order.environments):
            for one in self._arrivals.of(release, name).carried[-1:]:
                yield words(one)

    def _before(self, channel: str, after: str) -> Iterable[tuple[str, Order | None]]:
        """Return the environments that come before a channel, each with the order that says so."""
        orders = [(order.before(channel), order) for order in self.list()]
        found: dict[str, Order | None] = {name: order for name, order in orders if name}
        if after:
            found.setdefault(check_name(after), None)
        return found.items()


def _check(last: str, names: Sequence[str]) -> None:
    if not 2 <= len(names) <= MOST:
        raise BadOrderError(channel=last, why=f"an order has 2 to {MOST} names")
    if len(set(names)) != len(names):
        raise BadOrderError(channel=last, why="a name stands in it twice")
    if names[-1] != last:
        raise BadOrderError(channel=last, why=f"it ends with `{names[-1]}`")


def _least(order: Order | None) -> tuple[int, int]:
    return (order.least_us, order.least_calls) if order else (0, 0)


def _all(conn: Connection) -> Orders:
    query = select(environment_orders).order_by(environment_orders.c.channel)
    return [_read(row) for row in conn.execute(query).mappings()]


def _read(row: RowMapping) -> Order:
    return Order(**{**row, "environments": tuple(json.loads(row["environments"]))})
