"""How a target is: in flight, latency, and a circuit breaker. One Health a worker and target.

The breaker opens after `TRIPS` failures in a row, or when more than half of the
last `WINDOW` calls failed; then the target is passed over for `COOLDOWN_S`,
doubled with each opening in a row up to `LONGEST_COOLDOWN_S`. When that time is
over one call is let through: it closes the breaker, or opens it again. A target
that says when it will take calls again (429 or 503 with Retry-After) is passed
over until then, without blame; where it named the time one call is let through first, and
when it is answered the others follow. A target that is passed over is tried last, not never: the
gateway does not refuse what might still be answered.

Calls in a row that got no answer, for blame or for want of rest, are told apart from all
that (`unanswered`): the health of rollouts is judged by them (see `outage`).

Latency is an average over past answers with weights falling by half each
`HALF_LIFE_S` (EWMA over time, as in Finagle's Peak EWMA: a slower answer counts
at once, a faster one by and by).
"""

import math

from volano.gateway.keyring import Keyring

TRIPS = 5
WINDOW = 20
COOLDOWN_S = 5.0
LONGEST_COOLDOWN_S = 60.0
LONGEST_REST_S = 300.0
"""What a target's own Retry-After may ask for at most."""
SPARED_S = 60.0
"""How long a provider that named a time is not asked at all; then a call finds out."""
LEAST_SPARED_S = 1.0
"""A shorter rest is not worth a refusal."""
HALF_LIFE_S = 10.0
FORGOTTEN_S = 300.0
"""Calls without an answer that lie so far apart are not in a row: nobody knows how it was between."""


class Health:
    """What this worker has seen of a target. Times are the loop's seconds."""

    __slots__ = (
        "_named", "_recent", "_spared_until", "answered_at", "cooldown_s", "failures", "heard_at", "in_flight", "keys",
        "latency_s", "open_until", "probing", "rest_until", "streak", "unanswered",
        "unanswered_at", "unanswered_from",
    )  # fmt: skip

    def __init__(self) -> None:
        self.in_flight = 0
        self.latency_s = 0.0
        self.streak = 0
        self.failures = 0
        self.open_until = 0.0
        self.rest_until = 0.0
        self._spared_until = 0.0
        self._named = False
        self.keys: Keyring | None = None
        self.cooldown_s = COOLDOWN_S
        self.probing = False
        self._recent = 0
        self.answered_at = self.heard_at = 0.0
        self.unanswered = 0
        self.unanswered_from = 0.0
        self.unanswered_at = 0.0

    def takes(self, now: float) -> bool:
        """Whether calls should be sent there now."""
        if now < self.rest_until or now < self.open_until:
            return False
        return not (self.probing and (self.open_until or self._named))

    @property
    def state(self) -> str:
        """Closed (well), open (passed over) or half-open (on trial)."""
        if not self.open_until:
            return "closed"
        return "half-open" if self.probing else "open"

    def began(self, now: float) -> None:
        """A call is sent there."""
        self.in_flight += 1
        if (self.open_until or self._named) and now >= max(self.open_until, self.rest_until):
            self.probing = True

    def answered(self, now: float, took_s: float) -> None:
        """It answered, after `took_s` to the first content."""
        self.in_flight -= 1
        self.probing = False
        self._rested(now)
        self._recent = self._recent << 1 & _MASK
        self.streak = self.unanswered = 0
        if self.open_until:
            self.open_until = 0.0
            self._recent = 0
            self.cooldown_s = COOLDOWN_S
        if took_s >= self.latency_s or not self.answered_at:
            self.latency_s = took_s
        else:
            keep = math.exp2(-(now - self.answered_at) / HALF_LIFE_S)
            self.latency_s = self.latency_s * keep + took_s * (1.0 - keep)
        self.answered_at = self.heard_at = now

    def failed(self, now: float) -> None:
        """It did not answer, or with an error of its own."""
        self._left()
        self._rested(now)
        self._missed(now)
        self._recent = (self._recent << 1 | 1) & _MASK
        self.streak += 1
        self.failures += 1
        again = bool(self.open_until)
        if again and now < self.open_until:
            return  # a call from before the breaker opened
        if again or self.streak >= TRIPS or self._recent.bit_count() > WINDOW // 2:
            if again:
                self.cooldown_s = min(2 * self.cooldown_s, LONGEST_COOLDOWN_S)
            self.open_until = now + self.cooldown_s

    def rests(self, now: float, for_s: float, *, spared: bool = False) -> None:
        """It asks to be left alone for a while; `spared`: no call is to find out whether it must."""
        self._left()
        self._missed(now)
        self.rest_until = max(self.rest_until, now + min(for_s, LONGEST_REST_S))
        if spared:
            self._spared_until = max(self._spared_until, now + min(for_s, SPARED_S))
            self._named = True

    def spared_s(self, now: float) -> float:
        """For how many seconds it is not asked at all; 0: it may be."""
        left = self._spared_until - now
        return left if left >= LEAST_SPARED_S else 0.0

    def keyed(self, keys: Keyring) -> None:
        """It has these keys from now on: no rest that others had to keep holds for them."""
        self.keys = keys
        self.rest_until = self._spared_until = 0.0
        self._named = False

    def spoke(self, now: float) -> None:
        """It said something: whatever becomes of the call, it is there."""
        self.unanswered = 0
        self.heard_at = now
        self._rested(now)

    def dropped(self) -> None:
        """The call ended for a reason that says nothing of the target."""
        self._left()

    def _rested(self, now: float) -> None:
        """It does not ask for rest any more."""
        if self.rest_until and now >= self.rest_until:
            self.rest_until, self._named = 0.0, False

    def _missed(self, now: float) -> None:
        if not self.unanswered or now - self.unanswered_at > FORGOTTEN_S:
            self.unanswered, self.unanswered_from = 0, now
        self.unanswered += 1
        self.unanswered_at = now

    def _left(self) -> None:
        self.in_flight -= 1
        self.probing = False


_MASK = (1 << WINDOW) - 1


class RetryBudget:
    """Retries may be at most a share of the calls, so that a storm does not feed itself.

    A bucket as in Finagle's `RetryBudget`: each call pays in `SHARE` of a retry, and a retry
    takes out one. For quiet times `free` are there at first, and as many come back in
    `FREE_EACH_S`, a little at a time and never above `free`. More than `MOST` are not saved up:
    what went well an hour ago says nothing of now.
    """

    SHARE = 0.2
    FREE = 10.0
    FREE_EACH_S = 60.0
    MOST = 20.0
    __slots__ = ("_at", "_free", "left")

    def __init__(self, free: float = FREE) -> None:
        self._free = self.left = free
        self._at = 0.0

    def deposit(self) -> None:
        """A call came."""
        if self.left < self.MOST:
            self.left += self.SHARE

    def withdraw(self, now: float) -> bool:
        """Take one retry; False when there is none."""
        if self.left < self._free:
            back = (now - self._at) * self._free / self.FREE_EACH_S
            self.left = min(self._free, self.left + back)
        self._at = now
        if self.left < 1.0:
            return False
        self.left -= 1.0
        return True
