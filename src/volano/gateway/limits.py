"""May this call come in? Requests and tokens a minute, and calls at once, over all workers.

    meters = admission.meters(key, "support")           its key, its groups, its channel
    found = admission.admit(meters, estimate(body, 500))
    if isinstance(found, Denied): refuse with 429
    ...
    admission.settle(found, tokens)                      the true number
    admission.release(found)                             the call is over

The window slides by buckets of 2 seconds (`tally`): it covers the last 60
seconds whole, and up to 2 more. So no span of 60 seconds ever holds more than the
limit, and a client that asks evenly can use 60/62 of it at the worst.

**Races.** A worker first counts the call in its own cell, then reads the cells of
all, and takes its own back when the sum is over the limit. Whoever of two workers
reads last sees both; both may say no where one would have fitted, which the next
call makes good. Between writing and reading stands a lock of this process, taken
and given back: on x86-64 a full memory barrier, so that the limit is never
passed. On a machine where it is less, at most one call for each other worker can
slip by at the same instant. After the reads the clock is asked again: a call
whose bucket closed meanwhile is counted anew, as others may have summed it up.

**Tokens.** The estimate counts at once, in the bucket of the call's beginning.
What was too much is given back there; what was too little counts when it is
known. So a span may hold more tokens than the limit by what the calls under way
were underestimated.

No system call is made: the clock is read in user space (vDSO), the rest is
memory. Who lives is looked up once a second (`sweep`), and when a worker joins.
"""

import threading
import time
from collections.abc import Mapping, Sequence

from volano.access.limit import subjects_of
from volano.gateway.denied import (
    CALLS_AT_ONCE,
    REQUESTS_A_MINUTE,
    TOKENS_A_MINUTE,
    Denied,
    both,
    lines,
)
from volano.gateway.snapshot import Key, Limit
from volano.gateway.tally import (
    BUCKET_NS,
    CALLS,
    COUNT,
    RING,
    TOKENS,
    WINDOW,
    Monotonic,
    Seat,
    slot_begin,
    tag,
)

CONCURRENCY_RETRY_S = 1.0
ANSWER_TOKENS = 256
"""What an answer is taken to be as long as nothing is known of it."""
_KEPT = 1 << 16
_AT_ONCE_NS = 10_000_000
_TRIES = 3
_MASK = RING - 1
_MOST = COUNT >> 1
"""What a bucket holds after a correction: there is room for what is counted on top."""


def estimate(body: bytes, answer_tokens: int | None = None) -> int:
    """Guess a call's tokens: four bytes of its body are one, and the longest answer it asks for."""
    return len(body) // 4 + (ANSWER_TOKENS if answer_tokens is None else max(0, answer_tokens))


class Meter:
    """One limited subject as a worker counts it."""

    __slots__ = (
        "at", "begin", "closed_requests", "closed_tokens", "concurrency", "epoch", "limit", "mark",
        "rpm", "subject", "tpm", "use",
    )  # fmt: skip

    def __init__(self, subject: str, limit: Limit):
        self.subject = subject
        self.limit = limit
        self.begin = slot_begin(limit.slot)
        self.use = limit.use
        self.rpm, self.tpm, self.concurrency = limit.rpm, limit.tpm, limit.concurrency
        self.epoch = self.mark = self.at = -1  # of the present bucket
        self.closed_requests = self.closed_tokens = 0

    def counts_like(self, limit: Limit) -> bool:
        """Whether the same things are counted in the same place under this limit."""
        return (limit.slot, limit.use) == (self.limit.slot, self.use) and all(
            (mine is None) == (other is None)
            for mine, other in (
                (self.rpm, limit.rpm), (self.tpm, limit.tpm),
                (self.concurrency, limit.concurrency),
            )
        )  # fmt: skip


class Granted:
    """A call that came in. `headers` says what is left, of the tightest limit that holds for it."""

    __slots__ = ("_now", "epoch", "meters", "open", "requests", "settled", "token_room", "tokens")

    def __init__(self, meters: Sequence[Meter], now: int, epoch: int, tokens: int):
        self.meters = meters
        self._now = now
        self.epoch = epoch
        self.tokens = tokens
        self.requests: tuple[int, int] | None = None
        self.token_room: tuple[int, int] | None = None
        self.open = True
        self.settled = False

    def headers(self) -> bytes:
        """The header lines `x-ratelimit-…`; none where nothing is limited."""
        if self.requests is None and self.token_room is None:
            return b""
        empty_at = (self.epoch + WINDOW) * BUCKET_NS - self._now
        if self.requests is not None and self.token_room is not None:
            return both(self.requests, self.token_room, empty_at)
        return lines(b"requests", self.requests, empty_at) + lines(
            b"tokens", self.token_room, empty_at
        )


class Admission:
    """A worker's gate. `apply` takes the limits of a snapshot; `sweep` is called once a second."""

    def __init__(self, seat: Seat, now: Monotonic = time.monotonic_ns):
        self._seat = seat
        self._tally = seat.tally
        self._words = seat.tally.words
        self._own = seat.offset
        self._now = now
        self._meters: dict[str, Meter] = {}
        self.limits_anything = False
        self._known: dict[tuple[str, str], tuple[Meter, ...]] = {}
        self._rates: list[int] = []
        self._others: list[int] = []
        self._other_calls: list[int] = []
        self._joined = -1
        self._epoch = -1
        barrier = threading.Lock()
        self._take, self._give = barrier.acquire, barrier.release

    def apply(self, limits: Mapping[str, Limit]) -> None:
        """Hold to these limits from now on; what was used so far counts on."""
        kept: dict[str, Meter] = {}
        for subject, limit in limits.items():
            meter = self._meters.get(subject)
            if meter is None or not meter.counts_like(limit):
                meter = Meter(subject, limit)
            meter.limit = limit
            meter.rpm, meter.tpm, meter.concurrency = limit.rpm, limit.tpm, limit.concurrency
            kept[subject] = meter
        self._meters, self._known = kept, {}
        self.limits_anything = bool(kept)

    def meters(self, key: Key, channel: str) -> tuple[Meter, ...]:
        """Whose limits hold for a call of this key on this channel, the nearest first."""
        found = self._known.get((key.id, channel))
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            subjects = subjects_of(key.id, key.group, channel) if self._meters else ()
            found = tuple(self._meters[s] for s in subjects if s in self._meters)
            self._known[key.id, channel] = found
        return found

    def sweep(self) -> None:
        """Look again which workers live: what a dead one held is given back."""
        self._joined = self._tally.joined
        self._rates, calls = self._tally.cells(self._now() // BUCKET_NS, self._seat.number)
        self._others = [cell for cell in self._rates if cell != self._own]
        self._other_calls = [cell for cell in calls if cell != self._own]

    def admit(self, meters: Sequence[Meter], tokens_estimate: int) -> Granted | Denied:
        """Count the call with all its meters, or with none."""
        for tries in range(_TRIES):
            now = self._now()
            epoch = now // BUCKET_NS
            granted = Granted(meters, now, epoch, tokens_estimate)
            if not meters:
                return granted
            if self._tally.joined != self._joined:
                self.sweep()
            if epoch != self._epoch:
                self._use(epoch)
            for count, meter in enumerate(meters, 1):
                over = self._reserve(meter, granted)
                if over is not None:
                    self._take_back(granted, count)
                    return over
            if tries == _TRIES - 1 or self._now() // BUCKET_NS == epoch:
                break
            self._take_back(granted, len(meters))
        return granted

    def settle(self, granted: Granted, tokens: int) -> None:
        """Count the true number of tokens instead of the estimate. Once; later ones do nothing."""
        if granted.settled:
            return
        granted.settled = True
        more = tokens - granted.tokens
        if more == 0:
            return
        epoch = granted.epoch if more < 0 else self._now() // BUCKET_NS
        if epoch > self._epoch:
            self._use(epoch)
        for meter in granted.meters:
            if meter.tpm is not None:
                self._correct(meter, epoch, more)

    def release(self, granted: Granted) -> None:
        """The call is over, however it ended. Once; later ones do nothing."""
        if not granted.open:
            return
        granted.open = False
        self._end_calls(granted.meters)

    def _use(self, epoch: int) -> None:
        """Note that something is counted in this bucket."""
        self._epoch = epoch
        self._seat.used(epoch)

    def _reserve(  # noqa: C901 - counting and looking stand together, as each call waits for both
        self, meter: Meter, granted: Granted
    ) -> Denied | None:
        """Count first, then read the sums. What is over is still counted when this returns.

        The own cell's part of a sum is what was just written there: nobody else writes it.
        """
        if meter.epoch != granted.epoch:
            self._close(meter, granted.epoch)
        words, mark, own, asked = self._words, meter.mark, self._own, granted.tokens
        at = meter.at + own
        calls = requests = tokens = 1
        # Written over what a former bucket or subject left in the own cell.
        if meter.rpm is not None:
            word = words[at]
            words[at] = word = word + 1 if word >> 32 == mark else mark << 32 | 1
            requests = word & COUNT
        if meter.tpm is not None:
            if asked > meter.tpm:
                asked = meter.tpm + 1  # as `_counted`
            word = words[at + TOKENS]
            words[at + TOKENS] = word = word + asked if word >> 32 == mark else mark << 32 | asked
            tokens = word & COUNT
        if meter.concurrency is not None:
            at = meter.begin + own + CALLS
            word = words[at]
            words[at] = word = word + 1 if word >> 32 == meter.use else meter.use << 32 | 1
            calls = word & COUNT
        if self._others:
            self._take()  # the barrier
            self._give()
            calls += self._sum(meter.begin + CALLS, meter.use, self._other_calls)
            requests += self._sum(meter.at, meter.mark, self._others)
            tokens += self._sum(meter.at + TOKENS, meter.mark, self._others)
        if meter.concurrency is not None and calls > meter.concurrency:
            return self._too_many_calls(meter, calls - 1)
        if meter.rpm is not None:
            left = meter.rpm - meter.closed_requests - requests
            if left < 0:
                return self._too_fast(meter, granted, REQUESTS_A_MINUTE, asked=1)
            if granted.requests is None or left < granted.requests[1]:
                granted.requests = (meter.rpm, left)
        if meter.tpm is not None:
            left = meter.tpm - meter.closed_tokens - tokens
            if left < 0:
                return self._too_fast(meter, granted, TOKENS_A_MINUTE, asked=granted.tokens)
            if granted.token_room is None or left < granted.token_room[1]:
                granted.token_room = (meter.tpm, left)
        return None

    def _sum(self, at: int, mark: int, cells: list[int]) -> int:
        """Add up a word of these cells, where it is marked so."""
        words, total = self._words, 0
        for cell in cells:
            word = words[at + cell]
            if word >> 32 == mark:
                total += word & COUNT
        return total

    def _close(self, meter: Meter, epoch: int) -> None:
        """A new bucket began: sum up, once, what all have counted in those before it."""
        meter.mark, meter.at = tag(meter.use, epoch), meter.begin + (epoch & _MASK)
        closed, use = self._tally.closed, meter.use
        rings = [meter.begin + cell for cell in self._rates]
        if meter.rpm is not None:
            meter.closed_requests = sum([closed(ring, use, epoch) for ring in rings])
        if meter.tpm is not None:
            meter.closed_tokens = sum([closed(ring + TOKENS, use, epoch) for ring in rings])
        meter.epoch = epoch

    def _take_back(self, granted: Granted, count: int) -> None:
        """Count the call out again, of the first meters that had it counted."""
        words = self._words
        for meter in granted.meters[:count]:
            mine = meter.at + self._own
            if meter.rpm is not None:
                words[mine] -= 1
            if meter.tpm is not None:
                words[mine + TOKENS] -= _counted(granted.tokens, meter.tpm)
        self._end_calls(granted.meters[:count])

    def _end_calls(self, meters: Sequence[Meter]) -> None:
        words = self._words
        for meter in meters:
            if meter.concurrency is not None:
                at = meter.begin + self._own + CALLS
                word = words[at]
                if word >> 32 == meter.use and word & COUNT:
                    words[at] = word - 1

    def _correct(self, meter: Meter, epoch: int, more: int) -> None:
        """Count tokens more or less in this bucket of the own cell, while it is in the ring."""
        at = meter.begin + self._own + TOKENS + (epoch & _MASK)
        mark = meter.mark if epoch == meter.epoch else tag(meter.use, epoch)
        word = self._words[at]
        if word >> 32 == mark:
            counted = word & COUNT
        elif more > 0:
            counted = 0
        else:
            return  # its bucket has left the window, and the estimate with it
        exact = counted + more
        if not 0 <= exact <= _MOST:
            exact = min(max(0, exact), _MOST)
        self._words[at] = mark << 32 | exact
        if epoch < meter.epoch < epoch + WINDOW:
            meter.closed_tokens += exact - counted

    def _too_many_calls(self, meter: Meter, used: int) -> Denied:
        assert meter.concurrency is not None
        return Denied(
            meter.subject, CALLS_AT_ONCE, limit=meter.concurrency, used=used, asked=1,
            retry_after_s=CONCURRENCY_RETRY_S, reset_ns=0,
        )  # fmt: skip

    def _too_fast(self, meter: Meter, granted: Granted, measure: str, *, asked: int) -> Denied:
        """Find out when so many of the window's counts have left it that the call fits."""
        limit = meter.rpm if measure == REQUESTS_A_MINUTE else meter.tpm
        assert limit is not None
        ring = meter.begin + (0 if measure == REQUESTS_A_MINUTE else TOKENS)
        rings = [ring + cell for cell in self._rates]
        buckets = self._tally.by_bucket(rings, meter.use, granted.epoch)
        buckets[-1] -= _counted(asked, limit)  # this call's own
        used = left = sum(buckets)
        gone = newest = -1  # the last bucket that must leave; the newest that counts anything
        for at, count in enumerate(buckets):
            if left + asked > limit:
                left, gone = left - count, at
            if count:
                newest = at
        end_ns = granted.epoch * BUCKET_NS + BUCKET_NS - self._now()  # of the oldest bucket
        retry_ns = end_ns + gone * BUCKET_NS if gone >= 0 else _AT_ONCE_NS
        reset_ns = end_ns + newest * BUCKET_NS
        return Denied(
            meter.subject, measure, limit=limit, used=used, asked=asked,
            retry_after_s=None if asked > limit else max(retry_ns, 1) / 1e9, reset_ns=reset_ns,
        )  # fmt: skip


def _counted(tokens: int, limit: int) -> int:
    """What of an estimate is counted: never so much that a word would run over."""
    return tokens if tokens <= limit else limit + 1
