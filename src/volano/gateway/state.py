"""What a worker holds: the routes in use, pools, spool, counters, clock."""

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random, SystemRandom
from typing import Any, Protocol

from volano.core.clock import Clock
from volano.core.errors import VolanoError
from volano.gateway.batch import Batch
from volano.gateway.budgets import Budgets
from volano.gateway.cache import Cache
from volano.gateway.coalesce import Flights
from volano.gateway.health import Health, RetryBudget
from volano.gateway.languages import Languages
from volano.gateway.limits import Admission
from volano.gateway.routes import Origins, Routes, cachings, names, urls
from volano.gateway.seen import Seen
from volano.gateway.shared import Slot
from volano.gateway.snapshot import EMPTY, Snapshot
from volano.gateway.tally import Tally
from volano.gateway.vitals import Pulse, Vitals
from volano.traces.frame import Kind
from volano.wire.http_client import Origin, Timeouts
from volano.wire.timers import Wheel

_log = logging.getLogger("volano.gateway")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much."""

    retry_s: float = 5.0
    """An engine that died may come back this long before the call fails."""
    retries: int = 2
    """How often one target is asked again that answered with a passing error, or a provider
    that closed the connection without an answer."""
    free_retries: float = RetryBudget.FREE
    """Retries in quiet times, when they are more than a fifth of the calls; so many come back
    in a minute."""
    kept_bytes: int = 1 << 20
    """How much of a stream the trace keeps."""
    answer_bytes: int = 64 << 20
    """The largest plain answer."""
    drain_s: float = 30.0
    """How long calls under way may take after SIGTERM."""
    cache_bytes: int = 64 << 20
    """How much of answers a worker keeps, for channels with a cache."""
    coalesce_s: float = 120.0
    """How long a call waits for the answer to an identical one before it asks for itself."""
    spool_bytes: int = 4 << 30
    """How much the spool may hold that is not recorded yet."""
    budget_s: float = 2.0
    """How long a call waits for room in a budget that calls under way hold."""
    full_s: float = 0.5
    """How long new calls are refused after the spool was found full."""
    upstream: Timeouts = field(default_factory=Timeouts)
    shadow: Timeouts = field(
        default_factory=lambda: Timeouts(first_byte_s=300.0, idle_s=60.0, total_s=300.0)
    )
    """How long a copy may take: it is asked for plainly, so its first byte may be its last."""


class Records(Protocol):
    """Where frames go (`traces.Spool`)."""

    def append(self, kind: int, payload: bytes) -> None:
        """Keep one frame. Raises: a VolanoError when it cannot."""
        ...

    def append_all(self, kind: int, payloads: Sequence[bytes]) -> None:
        """Keep all of these frames or none. Raises: a VolanoError when it cannot."""
        ...


class Copying(Protocol):
    """Who copies calls that are over to a shadow (`shadow.Copies`)."""

    def offer(self, call: Any) -> None:
        """Copy this call when there is room for it. Never waits, never fails."""
        ...


class _NoCopying:
    def offer(self, call: Any) -> None:
        """Copy nothing."""


class State:
    """One worker's world. `routes` is swapped whole by `apply`; `mark` is another one then."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        name: str,
        spool: Records,
        slot: Slot,
        clock: Clock,
        limits: Limits,
        admission: Admission | None = None,
        budgets: Budgets | None = None,
        pulse: Pulse | None = None,
    ):
        self.loop = loop
        self.wheel = Wheel(loop)
        self.name = name
        self.spool = spool
        self.slot = slot
        self.clock = clock
        self.limits = limits
        self.admission = admission or Admission(Tally().claim(os.getpid()))
        self.budgets = budgets or Budgets()
        self.pulse = pulse or Vitals().claim(os.getpid(), name)
        self.random = Random(SystemRandom().getrandbits(256))
        self.origins: dict[tuple[str, str], Origin] = {}
        self.apart: Origins = {}
        self.copies: Copying = _NoCopying()
        self.healths: dict[str, Health] = {}
        self.retries = RetryBudget(limits.free_retries)
        self.routes = Routes(EMPTY, {}, {})
        self.mark = object()
        self.full_until = 0.0
        self.batch = Batch(self, int(Kind.CALL), loop)
        self.begins = Batch(self, int(Kind.BEGIN), loop)
        self.cache = Cache(limits.cache_bytes)
        self.seen = Seen(limits.cache_bytes // 8)
        self.languages = Languages()
        self.flights = Flights(self.cache, loop.call_soon, clock.monotonic_us)

    def apply(self, snapshot: Snapshot) -> None:
        """Serve by this snapshot from now on; calls under way end by the old one."""
        wanted, apart = urls(snapshot), urls(snapshot, of_shadows=True)
        self._open(self.origins, wanted, self.limits.upstream)
        self._open(self.apart, apart, self.limits.shadow)
        if cachings(snapshot) != cachings(self.routes.snapshot):
            self.cache.clear()
        served = names(snapshot)
        left = {n: one for n, one in self.healths.items() if n not in served and one.in_flight}
        self.healths = {name: self.healths.get(name) or Health() for name in served} | left
        self.routes = Routes(snapshot, self.origins, self.healths, self.apart)
        self.mark = object()
        if self.routes.asks_language:
            self.languages.want()
        self.admission.apply(snapshot.limits)
        self.budgets.apply(snapshot.budgets)
        for pools, kept in ((self.origins, wanted), (self.apart, apart)):
            for at in pools.keys() - kept:
                pools.pop(at).close()
        self.slot.applied(snapshot.generation)

    def _open(self, pools: Origins, wanted: set[tuple[str, str]], timeouts: Timeouts) -> None:
        """Make the pools that are not there yet."""
        for url, ca_file in wanted - pools.keys():
            pools[url, ca_file] = Origin(
                url, self.wheel, self.loop, timeouts=timeouts, ca_file=ca_file
            )

    def keep(self, kind: int, payload: bytes) -> bool:
        """Append a frame. False when it could not be kept and the call must not be answered."""
        try:
            self.spool.append(kind, payload)
        except VolanoError as error:
            self.pulse.lost()
            now = self.wheel.now
            refuse = self.routes.snapshot.spool_policy == "refuse"
            if now >= self.full_until:
                policy = "new calls are refused" if refuse else "calls go on unrecorded"
                _log.error("%s %s (%s)", error, error.advice, policy)
                self.full_until = now + self.limits.full_s
            return not refuse
        return True

    def keep_all(self, kind: int, payloads: Sequence[bytes]) -> bool:
        """Append frames at once; when that fails, none (False): then each is to be tried alone."""
        try:
            self.spool.append_all(kind, payloads)
        except VolanoError:
            return False
        return True

    @property
    def refusing(self) -> bool:
        """Whether the spool was full a moment ago and the policy is to refuse."""
        return self.wheel.now < self.full_until and (self.routes.snapshot.spool_policy == "refuse")

    def close(self) -> None:
        """Append what waits; close pools and timers."""
        self.begins.flush()
        self.batch.flush()
        for origin in (*self.origins.values(), *self.apart.values()):
            origin.close()
        self.wheel.close()
