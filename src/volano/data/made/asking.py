"""Asking: all questions of a step in the order of their rows, several at once, within the purse.

What is known is not asked again. When the purse is empty, the gateway's budget
is spent or the gateway is gone, the rest goes without: each says why.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from volano.core.canon import canonical
from volano.data.made.answers import Answers
from volano.data.made.asker import Answer, Asker, Unanswered
from volano.data.made.purse import Purse

GIVE_UP = 20
"""After so many questions in a row without an answer, the gateway is taken for gone."""
NO_PROMPT = "no prompt"
GONE = "the gateway does not answer"
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for a row: the `place` is the asker's own; `key` is the digest of all of it.

    `why` says why nothing can be asked.
    """

    place: Any
    messages: Sequence[Mapping[str, str]]
    key: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question. `open`: another time there may be an answer."""

    place: Any
    answer: Answer | None
    reason: str = ""
    detail: str = ""
    open: bool = False


Found = Future[Answer] | Answer | Outcome


def question(
    place: Any, messages: Sequence[Mapping[str, str]], about: Any, why: str = ""
) -> Question:
    """Return a question; `about` is all else that the answer follows from."""
    key = hashlib.sha256(canonical([about, list(messages)])).hexdigest()
    return Question(place, messages, key, why)


@dataclass(slots=True)
class Asking:
    """One pass over all questions."""

    answers: Answers
    asker: Callable[[Callable[[float], None]], Asker]
    purse: Purse
    options: Mapping[str, Any]
    concurrency: int
    _over: str = field(default="", init=False)
    _failed: int = field(default=0, init=False)

    def outcomes(self, questions: Iterable[Question]) -> Iterator[Outcome]:
        """Yield what comes of each question, in their order.

        Raises:
            GatewayRefusedError: the key or the channel is no good.
            DiskFullError: answers cannot be kept; nothing more is asked.
        """
        leaving = threading.Event()

        def pause(seconds: float) -> None:
            if leaving.wait(seconds):
                raise Unanswered("stopped")

        asker = self.asker(pause)
        pool = ThreadPoolExecutor(self.concurrency, thread_name_prefix="asking")
        try:
            yield from self._outcomes(questions, asker, pool)
        finally:
            leaving.set()
            pool.shutdown(wait=True, cancel_futures=True)
            asker.close()

    def _outcomes(
        self, questions: Iterable[Question], asker: Asker, pool: ThreadPoolExecutor
    ) -> Iterator[Outcome]:
        waiting: deque[tuple[Question, Found]] = deque()
        asked: dict[str, Future[Answer]] = {}

        def settle() -> Outcome:
            one, found = waiting.popleft()
            if asked.get(one.key) is found:
                del asked[one.key]
            return self._settled(one, found)

        for one in questions:
            while waiting and (
                len(waiting) >= self.concurrency * _AHEAD or self.purse.unsure(len(waiting))
            ):
                yield settle()
            if one.why:
                waiting.append((one, Outcome(one.place, None, NO_PROMPT, one.why)))
                continue
            spent = self.purse.over()
            known: Future[Answer] | Answer | None = (
                None if spent else asked.get(one.key) or self.answers.get(one.key)
            )
            if spent or (known is None and self._over):
                without = Outcome(one.place, None, spent or self._over, open=not spent)
                waiting.append((one, without))
                continue
            self.purse.admit()
            if known is None:
                known = asked[one.key] = pool.submit(self._ask, asker, one)
            waiting.append((one, known))
        while waiting:
            yield settle()

    def _ask(self, asker: Asker, one: Question) -> Answer:
        if self._over:
            raise Unanswered(self._over)
        answer = asker.ask(one.messages, self.options)
        self.answers.put(one.key, answer)
        return answer

    def _settled(self, one: Question, found: "Found") -> Outcome:
        if isinstance(found, Outcome):
            return found
        try:
            answer = found if isinstance(found, Answer) else found.result()
        except Unanswered as why:
            self._failed += not why.lasting
            if why.over:
                self._over = why.reason
            elif self._failed >= GIVE_UP:
                self._over = self._over or GONE
            return Outcome(one.place, None, why.reason, why.detail, open=not why.lasting)
        self._failed = 0
        self.purse.pay(answer)
        return Outcome(one.place, answer)
