"""What else is tried when a target does not answer: another key, another target, the same later.

A Detour is one call's: nothing was passed on to its client yet. It decides and spends; the
answer goes there. How often is bounded by the retry budget of the worker, by the limits of a
call, and by the time that a client waits.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from volano.core.errors import VolanoError
from volano.gateway.call import Call
from volano.gateway.keyring import Keyring
from volano.gateway.render import Rendered, render
from volano.gateway.routes import Way
from volano.wire.http_client import Failure

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 0.5


class Step(NamedTuple):
    """Where to go on: the way's place, with other words where it is another one, after so long."""

    at: int
    rendered: Rendered | None = None
    wait_s: float = 0.0
    why: str = ""
    """What the trace tells of the try before; empty: nothing."""


class Detour:
    """The tries of one call beyond its first."""

    __slots__ = ("_call", "_stale", "_touched", "_tries", "_until", "_wait_s", "refused", "ways")

    def __init__(self, call: Call, ways: Sequence[Way]):
        self._call = call
        self.ways = ways
        self.refused = 0
        """The keys of its target that were refused or at their limit, a bit for each."""
        self._tries = self._touched = 0
        self._stale = False
        """It was asked again for a kept connection that had just been closed."""
        self._until = 0.0
        self._wait_s = FIRST_WAIT_S

    def moved(self, ways: Sequence[Way]) -> None:
        """The call has other targets from now on."""
        self.ways, self.refused = ways, 0

    def again(self, at: int, why: str, failure: Failure | None) -> Step | None:
        """Go on with another target, or with this one a little later.

        An engine is asked again only when it may not have heard the request, or when at
        most one call was lost with a connection: it may be one that is started again. A
        provider may bill what it heard (`_may_have_heard`).
        """
        step = self.elsewhere(at, why)
        if step is not None:
            return step
        if failure is None or failure.kind not in ("connect", "closed"):
            return None
        self._touched += not failure.untouched
        wait_s = 0.0 if failure.reused else self._wait_s
        if self._touched > 1 or not self._in_time(wait_s):
            return None
        if failure.kind == "closed" and not self.ways[at].target.engine:
            return self._may_have_heard(at, wait_s, why, failure)
        return self._later(at, wait_s)

    def _may_have_heard(self, at: int, wait_s: float, why: str, failure: Failure) -> Step | None:
        """Ask a provider again; it has heard nothing when a kept connection was closed meanwhile.

        That is believed once.
        """
        if failure.reused and failure.untouched and not self._stale:
            self._stale = True
            return self._later(at, wait_s)
        if self._tries - self._stale >= self._call.state.limits.retries or not self._may_retry():
            return None
        return self._later(at, wait_s, why)

    def other_key(
        self, at: int, keys: Keyring, key: int, status: int, said_s: float
    ) -> Step | None:
        """Ask the same target with another key, if one takes calls and there is a retry to spend."""
        now = self._call.state.wheel.now
        keys.rests(key, now, status, said_s)
        self.refused |= 1 << key
        if not keys.another(now, self.refused) or self._nobody_waits or not self._may_retry():
            return None
        return Step(at, why=f"{status} of key {key + 1}")

    def elsewhere(self, at: int, why: str) -> Step | None:
        """Ask the next target that can be asked this, if there is one and a retry to spend."""
        step = None if self._nobody_waits else self.past(at, why)
        return step if step is not None and self._may_retry() else None

    def past(self, at: int, why: str) -> Step | None:
        """Return the next target that takes calls and has words for this request."""
        now = self._call.state.wheel.now
        for place in range(at + 1, len(self.ways)):
            way = self.ways[place]
            if way.health.rest_until > now and way.health.spared_s(now):
                continue
            with suppress(VolanoError):
                return Step(place, render(self._call, way), why=why)
        return None

    def later(self, at: int, status: int, said_s: float) -> Step | None:
        """Ask the same target once more after the time that it names, or a short one."""
        wait_s = max(said_s, self._wait_s)
        if self._tries >= self._call.state.limits.retries or not self._in_time(wait_s):
            return None
        return self._later(at, wait_s, f"{status}") if self._may_retry() else None

    def _later(self, at: int, wait_s: float, why: str = "") -> Step:
        """Come back in a moment, with jitter so that many do not come at once."""
        self._tries += 1
        self.refused = 0
        if wait_s:
            self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)
            wait_s *= 1.0 + 0.25 * self._call.state.random.random()
        return Step(at, wait_s=wait_s, why=why)

    @property
    def _nobody_waits(self) -> bool:
        return self._call.request.finished

    def _in_time(self, wait_s: float) -> bool:
        """Whether somebody still waits for an answer that long from now."""
        state, now = self._call.state, self._call.state.loop.time()
        self._until = self._until or now + state.limits.retry_s
        return now + wait_s <= self._until and not self._nobody_waits

    def _may_retry(self) -> bool:
        state = self._call.state
        return state.retries.withdraw(state.wheel.now)
