"""Flight: questions go out, several at once; answers are written down, then the next go out.

All runs in one thread, on one event loop, without a task for each question. The order is what
makes a killed suite cheap to take up: an answer is in the journal before another question takes
its place. So never more than `concurrency` questions are unwritten, and after kill -9 only
those can be asked twice.
"""

import asyncio
import heapq
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from volano.core.errors import VolanoError
from volano.core.lazy import lazy
from volano.evals.answered import Answered
from volano.evals.errors import MoneySpentError
from volano.evals.money import Spending
from volano.evals.pace import NONE, Pace, Patience

if TYPE_CHECKING:
    import uvloop
else:
    uvloop = lazy("uvloop")

TELL_S = 0.5
"""How often progress is told, and whether to go on is asked."""

Messages = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class Question:
    """One row in one repetition, on its way. `failed` counts the tries that were not answered.

    `stretch` names the questions that stand together, with no answer of the same target that is
    known from before between them; None where nothing of the target is known.
    """

    id: str
    messages: Messages
    repetition: int = 0
    failed: int = 0
    held: int = 0
    stretch: tuple[str, int] | None = None


NOT_OF_ROW = frozenset((408, 429, 502, 503, 504, 529))
"""Statuses that say that nobody can be asked now, whatever is asked: too much, or nobody behind."""


@dataclass(frozen=True, slots=True)
class Away:
    """No answer came. `error` says why; `after_s` how long the other side wants to be left alone.

    `spoke`: the other side is there and this row is what it cannot answer (status 500, or what
    cannot be read); a refused connection, silence, and the statuses of `NOT_OF_ROW` say nothing of it.
    """

    error: VolanoError
    after_s: float | None = None
    spoke: bool = False


Outcome = Answered | Away | BaseException
Landed = Callable[[Question, Outcome], None]
After = Callable[[Sequence[Answered]], None]


def nothing(_answers: Sequence[Answered]) -> None:
    """Do nothing after an answer."""


class Line(Protocol):
    """Carries questions to whoever answers. Lives on one event loop."""

    def open(self, loop: asyncio.AbstractEventLoop, landed: Landed) -> None:
        """Get ready; `landed` is to be called on this loop, once for each question sent."""
        ...

    def send(self, question: Question) -> None:
        """Send one question."""
        ...

    def close(self) -> None:
        """Let everything go; questions in flight land no more."""
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a flight is."""

    done: int
    of: int
    errors: int
    spent_nano: int
    currency: str
    rate: float


@dataclass
class Terms:
    """Under which conditions questions are asked."""

    concurrency: int
    pace: Pace = field(default_factory=Pace)
    patience: Patience = NONE
    spending: Spending = field(default_factory=lambda: Spending(None))
    max_tokens: int = 0
    seed: int = 0


class Flight:
    """Asks all questions of an iterator, once.

    `write` puts answers where they are safe; `tell` hears how far it is, and may raise to
    end it. `after` sees answers that are written while the next questions are on their way: it
    must be quick. `done` of `of` answers were there before.
    """

    def __init__(
        self,
        questions: Iterable[Question],
        line: Line,
        terms: Terms,
        *,
        write: Callable[[Sequence[Answered]], None],
        tell: Callable[[Standing], None],
        after: After = nothing,
        done: int = 0,
        of: int = 0,
    ):
        self._questions: Iterator[Question] = iter(questions)
        self._line = line
        self._terms = terms
        self._write = write
        self._tell = tell
        self._after = after
        self._done, self._of, self._before = done, of, done
        self._errors = 0
        self._flying = 0
        self._again: list[tuple[float, int, Question]] = []
        self._count = 0
        self._put_back: Question | None = None
        self._landed: list[tuple[Question, Outcome]] = []
        self._lost: list[tuple[Question, Away]] = []
        self._heard = False
        self._failed: BaseException | None = None
        self._dry = False
        self._chance = random.Random(terms.seed)
        self._timer: asyncio.TimerHandle | None = None
        self._began = time.monotonic()

    def run(self) -> None:
        """Ask everything.

        Raises:
            UnavailableError: nobody answers; what was answered is written.
            MoneySpentError: the next call could cost more than is left.
            JournalWriteError: an answer cannot be written down.
        """
        if _in_a_loop():  # a notebook's: it cannot run another
            with ThreadPoolExecutor(1, thread_name_prefix="eval") as aside:
                aside.submit(self._fly).result()
        else:
            self._fly()
        if self._failed is not None:
            raise self._failed

    def _fly(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._line.open(self._loop, self._land)
        self._ticking = self._loop.call_later(TELL_S, self._tick)
        try:
            self._fill()
            await self._over.wait()
        finally:
            self._ticking.cancel()
            self._line.close()
            for _ in range(3):  # connections end on the loop's next rounds
                await asyncio.sleep(0)
        if self._failed is None:
            self._say()

    def _land(self, question: Question, outcome: Outcome) -> None:
        if not self._landed:
            self._loop.call_soon(self._settle)
        self._landed.append((question, outcome))

    def _settle(self) -> None:
        """Write down what has landed since the last time, then send as many again."""
        landed, self._landed = self._landed, []
        self._flying -= len(landed)
        fresh: list[Answered] = []
        for question, outcome in landed:
            if isinstance(outcome, Answered):
                self._heard = True
                fresh += self._recover(self._tried)
                fresh.append(self._paid(question, outcome))
            elif isinstance(outcome, Away):
                self._terms.spending.let_go(question.held)
                fresh += self._missed(question, outcome)
            else:
                self._stop(outcome)
        self._keep(fresh)
        self._fill()
        self._loop.call_soon(self._after, fresh)  # once what `_fill` sent has left

    def _keep(self, fresh: Sequence[Answered]) -> None:
        if not fresh:
            return
        try:
            self._write(fresh)
        except BaseException as error:  # noqa: BLE001 - it is raised from `run`, in the caller's thread
            self._stop(error)
            return
        self._done += len(fresh)
        self._errors += sum(one.error is not None for one in fresh)

    def _paid(self, question: Question, one: Answered) -> Answered:
        spending = self._terms.spending
        if spending.price is None:
            return one
        paid = spending.settle(
            question.held, one.prompt_tokens, one.completion_tokens, one.latency_us or 0
        )
        return one.but(cost_nano=paid, currency=spending.price.currency)

    def _missed(self, question: Question, away: Away) -> list[Answered]:
        """Ask again later, or give the row up; return those that are errors of their own by that."""
        question.failed += 1
        now = self._loop.time()
        patience = self._terms.patience
        if away.after_s is not None:
            self._terms.pace.hold(now, away.after_s)
        if question.failed >= patience.tries or self._failed is not None:
            own: list[Answered] = []
            if self._failed is None:
                own = self._recover(lambda one, said: _apart(one, said, question, away))
            self._lost.append((question, away))
            if len(self._lost) >= patience.away:
                self._stop(away.error)
            return own
        pause = patience.pause(question.failed, self._chance)
        self._count += 1
        heapq.heappush(self._again, (now + max(pause, away.after_s or 0), self._count, question))
        return []

    def _recover(self, which: Callable[[Question, Away], bool]) -> list[Answered]:
        """Somebody answers: these rows that got no answer before are errors of their own."""
        lost = [one for one in self._lost if which(*one)]
        self._lost = [one for one in self._lost if not which(*one)]
        return [
            Answered(
                question.id, "", "error", error=f"{away.error.code}: {away.error.message}"[:500],
                repetition=question.repetition,
            )
            for question, away in lost
        ]  # fmt: skip

    def _tried(self, question: Question, _away: Away) -> bool:
        """Whether a row was asked as often as it may be: what is lost while all ends is asked again."""
        return question.failed >= self._terms.patience.tries

    def _stop(self, error: BaseException) -> None:
        """Begin nothing new; what is in flight is waited for."""
        self._failed = self._failed or error

    def _fill(self) -> None:
        if self._failed is None:
            self._send()
        if self._flying:
            return
        if self._failed is None and (self._again or not self._dry):
            return  # a timer will come back
        if self._failed is None and not self._heard:
            silent = [away for one, away in self._lost if not (away.spoke and one.stretch)]
            self._failed = silent[-1].error if silent else None
        if self._failed is None:
            self._keep(self._recover(_all))
        self._over.set()

    def _send(self) -> None:
        terms, now = self._terms, self._loop.time()
        while self._flying + len(self._again) < terms.concurrency or self._due(now):
            if wait := terms.pace.wait(now):
                self._wake(wait)
                return
            question = self._next(now)
            if question is None:
                break
            if not self._held(question):
                self._put_back = question
                if not self._flying:
                    self._stop(self._broke())
                return
            terms.pace.went(now)
            self._flying += 1
            self._line.send(question)
        if self._again:
            self._wake(max(0.0, self._again[0][0] - now))

    def _due(self, now: float) -> bool:
        return bool(self._again) and self._again[0][0] <= now

    def _next(self, now: float) -> Question | None:
        if self._put_back is not None:
            back, self._put_back = self._put_back, None
            return back
        if self._due(now):
            return heapq.heappop(self._again)[2]
        if self._flying + len(self._again) >= self._terms.concurrency:
            return None
        question = next(self._questions, None)
        self._dry = question is None
        return question

    def _held(self, question: Question) -> bool:
        spending = self._terms.spending
        if spending.price is None:
            return True
        size = sum(len(str(message).encode(errors="replace")) for message in question.messages)
        question.held = spending.worst(size, self._terms.max_tokens)
        return spending.hold(question.held)

    def _broke(self) -> MoneySpentError:
        return MoneySpentError(money=self._terms.spending.most, done=self._done, of=self._of)

    def _wake(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self._fill)

    def _tick(self) -> None:
        self._ticking = self._loop.call_later(TELL_S, self._tick)
        self._say()

    def _say(self) -> None:
        took = max(1e-9, time.monotonic() - self._began)
        spending = self._terms.spending
        try:
            self._tell(
                Standing(
                    self._done, self._of, self._errors, spending.spent_nano,
                    spending.price.currency if spending.price else "",
                    (self._done - self._before) / took,
                )
            )  # fmt: skip
        except BaseException as error:  # noqa: BLE001 - cancelled: raised from `run`
            self._failed = error
            self._over.set()


def _all(_question: Question, _away: Away) -> bool:
    return True


def _apart(one: Question, said: Away, other: Question, then: Away) -> bool:
    """Whether an answer known from before stands between two rows that the other side said no to."""
    known = one.stretch is not None and other.stretch is not None
    return known and said.spoke and then.spoke and one.stretch != other.stretch


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
