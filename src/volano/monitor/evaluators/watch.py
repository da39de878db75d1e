"""Watch: reads recorded calls in order, has the drawn ones looked at, and tells their scores.

In this order, so that it may be killed anywhere: an evaluation is a row; its scores are
feedback with ids that hang on evaluator, version, trace and score; the row says so; and the
cursor moves on with the counts. What is done twice changes nothing; what was asked of a model
and not written down, the few calls in flight, is asked again.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import Protocol

from volano.core.clock import Clock
from volano.core.errors import UnavailableError, VolanoError
from volano.monitor.evaluators.book import Backfill, Book, Evaluation
from volano.monitor.evaluators.evaluator import Evaluator
from volano.monitor.evaluators.looking import Around, Looking
from volano.traces.trace import Trace

log = logging.getLogger(__name__)

EACH_S = 3.0
PAGE, AT_ONCE = 200, 4
_BACK_OFF_S = (0, 10, 30, 60, 120, 300)
_END = 1 << 62


class Voice(Protocol):
    """Where scores go: metrics and feedback."""

    def __call__(self, found: Evaluation) -> None:
        """Make feedback of the scores; the same again changes nothing."""
        ...


class Watch:
    """Looks by itself, one evaluator after the other, until closed."""

    def __init__(
        self, book: Book, around: Around, voice: Voice, clock: Clock, *, each_s: float = EACH_S
    ):
        self._book, self._around, self._voice, self._clock = book, around, voice, clock
        self._each_s = each_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evaluators", daemon=True)
        self.trouble: dict[str, str] = {}
        self._again: dict[str, tuple[int, int]] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Look no more; what is under way is waited for a few seconds."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def once(self) -> int:
        """Read on for each evaluator that is not paused; return how many calls were looked at."""
        looked = 0
        for one, place in self._book.live():
            if self._stop.is_set():
                break
            self.tell(one)
            if place.paused_us is None and not self._resting(one):
                looked += self._look(one, place.seq)
        return looked

    def tell(self, one: Evaluator) -> None:
        """Make feedback of what is not feedback yet."""
        while untold := self._book.untold(one.name):
            for found in untold:
                self._voice(found)
                self._book.tell(found)

    def _look(self, one: Evaluator, seq: int) -> int:
        looked = 0
        try:
            with Looking(one, self._book, self._around) as looking:
                while not self._stop.is_set():
                    before = seq
                    seq, n = self._on(one, seq, looking)
                    looked += n
                    if seq == before:
                        break
                looked += self._back(one, looking)
        except UnavailableError as error:
            self._rest(one, error.message)
        except VolanoError as error:
            self._rest(one, error.message)
            log.warning("evaluator %s: %s", one.ref, error.message)
        else:
            self.trouble.pop(one.name, None)
            self._again.pop(one.name, None)
        self.tell(one)
        return looked

    def _on(self, one: Evaluator, seq: int, looking: Looking) -> tuple[int, int]:
        """Read the next page; return how far, and how many were looked at."""
        page = self._around.traces.tail(where=one.where, after=f"{seq}-{_END}", limit=PAGE)
        calls = sorted((row for row in page.rows if isinstance(row, Trace)), key=lambda c: c.seq)
        now = self._clock.now_us()
        ready = []
        for call in calls:
            if 0 <= now - call.ended_us < one.wait_us:
                break
            ready.append(call)
        whole = len(ready) == len(calls)
        end = int((page.next or f"{seq}-").partition("-")[0]) if whole else seq
        end = max(end, ready[-1].seq) if ready else end
        fit = [call for call in ready if _is_users(call)]
        drawn = self._new(one, fit)
        late = [call for call in drawn if now - call.ended_us > one.lag_us]
        for call in late:
            self._book.keep(looking.blank(call, "late"))
        fresh = [call for call in drawn if now - call.ended_us <= one.lag_us]
        self._each(fresh, looking)
        if end > seq:
            self._book.passed(one, end, len(fit))
        return end, len(fresh)

    def _back(self, one: Evaluator, looking: Looking) -> int:
        """Read one page of a past period; where the budget ends, it goes on another day."""
        for period in self._book.waiting(one.name)[:1]:
            calls = self._around.traces.list(
                where=one.where, since_us=period.since_us, until_us=period.until_us, limit=PAGE,
                before_seq=period.before_seq,
            )  # fmt: skip
            drawn = self._new(one, [*filter(_is_users, calls)])
            return self._period(period, calls, drawn, looking)
        return 0

    def _period(
        self, period: Backfill, calls: Sequence[Trace], drawn: Sequence[Trace],
        looking: Looking,
    ) -> int:  # fmt: skip
        looked = 0
        for call in drawn:
            if self._stop.is_set():
                return looked
            found = looking.at(call)
            if found.state == "budget":
                self._book.went_on(period, call.seq + 1)
                return looked
            self._keep(found)
            looked += 1
        self._book.went_on(period, calls[-1].seq if len(calls) == PAGE else None)
        return looked

    def _new(self, one: Evaluator, calls: Sequence[Trace]) -> list[Trace]:
        """Return the drawn calls: of each trace the first, and none that has its evaluation."""
        drawn: dict[str, Trace] = {}
        for call in calls:
            if one.draws(call.id):
                drawn.setdefault(call.id, call)
        known = self._book.known(one, list(drawn)) if drawn else set()
        return [call for id_, call in drawn.items() if id_ not in known]

    def _each(self, calls: Sequence[Trace], looking: Looking) -> None:
        """Look at several at once; each is written down when it is done, also where another fails."""
        if not calls:
            return
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="evaluator") as pool:
            todo = [pool.submit(self._look_at, call, looking) for call in calls]
            done, left = wait(todo, return_when=FIRST_EXCEPTION)
            for future in left:
                future.cancel()
            for future in done:
                future.result()

    def _look_at(self, call: Trace, looking: Looking) -> None:
        self._keep(looking.at(call))

    def _keep(self, found: Evaluation) -> None:
        self._book.keep(found)
        if found.scores:
            self._voice(found)
            self._book.tell(found)

    def _resting(self, one: Evaluator) -> bool:
        """Whether it waits after trouble; a clock that jumped back ends the wait."""
        until, _n = self._again.get(one.name, (0, 0))
        now = self._clock.now_us()
        return now < until <= now + _BACK_OFF_S[-1] * 10**6

    def _rest(self, one: Evaluator, why: str) -> None:
        n = min(self._again.get(one.name, (0, 0))[1] + 1, len(_BACK_OFF_S) - 1)
        self._again[one.name] = self._clock.now_us() + _BACK_OFF_S[n] * 10**6, n
        self.trouble[one.name] = why

    def _run(self) -> None:
        while not self._stop.wait(self._each_s):
            try:
                self.once()
            except Exception:
                log.exception("a look at live answers failed; it is tried again")


def _is_users(call: Trace) -> bool:
    """Whether a user sent it: not somebody who looks at answers, and no shadow got a copy."""
    return not call.replayed and not call.shadowed
