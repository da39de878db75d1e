"""Asking: every call of a search goes through here: counted, written down, and never paid twice.

The journal has two lines a call: one before it is made, one with its answer.
After a crash the search is run again from its seed; calls with an answer in
the journal cost nothing, those without one were in flight: they count, and are
made once more. The key of a call is the digest of who is asked, the messages,
the settings, and which draw it is.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.errors import UnavailableError, VolanoError
from volano.core.ports.chat import Answer, Chat
from volano.costs.price import Price, cost, worst_case
from volano.evals.answered import Answered
from volano.evals.wording.purse import Purse
from volano.wire.exchange import Usage

Messages = Sequence[dict[str, Any]]
T = TypeVar("T")
PAUSES_S = (1.0, 4.0)
"""How long is waited before a call that nobody answered is made again."""


class Book(Protocol):
    """What `Journal` is to this module; tests and benchmarks keep theirs in memory."""

    done: list[dict[str, Any]]

    def append(self, answers: Iterable[Mapping[str, Any]]) -> None:
        """Write lines; when this returns they are on the disk."""
        ...


@dataclass(frozen=True)
class Asked:
    """Who is asked. `name` stands in the key of each call; `price` is None where none is known."""

    name: str
    chat: Chat
    price: Price | None = None


class Asker:
    """Makes the calls of one search, several at a time."""

    def __init__(
        self, book: Book, purse: Purse, *, at_once: int = 4,
        sleep: Callable[[float], None] = time.sleep,
    ):  # fmt: skip
        self.purse = purse
        self.used: set[str] = set()
        """Keys of all calls that this attempt wanted: the same after a crash as without one."""
        self._book, self._at_once, self._sleep = book, at_once, sleep
        self._lock = threading.Lock()
        self._known: dict[str, Answered] = {}
        self._flying: dict[str, threading.Lock] = {}
        self._take_up(book.done)

    def ask(
        self, who: Asked, messages: Messages, settings: Mapping[str, Any], *, draw: int = 0
    ) -> Answered:
        """Return the answer to a call, from the journal where it is there.

        What the other side refuses is an answer with an `error`.

        Raises:
            BudgetSpentError: the call may not be made.
            UnavailableError: nobody answers, after three tries.
        """
        key = key_of(who.name, messages, settings, draw)
        with self._lock:
            self.used.add(key)
            turn = self._flying.setdefault(key, threading.Lock())
        with turn:  # the same call wanted twice at once is made once
            if key not in self._known:
                self._known[key] = self._patiently(key, who, messages, settings)
            return self._known[key]

    def batch(
        self, wanted: Sequence[tuple[Asked, Messages, Mapping[str, Any]]], *, draws: int = 1
    ) -> None:  # fmt: skip
        """Make sure, before the first of them, that all these calls may be made, `draws` times each.

        Raises:
            BudgetSpentError: they may not.
        """
        keys = {
            key_of(who.name, messages, settings, draw)
            for who, messages, settings in wanted
            for draw in range(draws)
        }
        if fresh := keys - self._known.keys():
            self.purse.covers(len(fresh))

    def each(self, work: Sequence[Callable[[], T]]) -> list[T]:
        """Do pieces of work several at a time; at the first that fails no more begin."""
        failed = threading.Event()

        def one(piece: Callable[[], T]) -> T | None:
            if failed.is_set():
                return None
            try:
                return piece()
            except BaseException:
                failed.set()
                raise

        with ThreadPoolExecutor(self._at_once, thread_name_prefix="wording") as pool:
            futures = [pool.submit(one, piece) for piece in work]
        for future in futures:
            if (error := future.exception()) is not None:
                raise error
        return [future.result() for future in futures]  # type: ignore[misc]

    def counted(self, who: Asked) -> Chat:
        """Return a Chat whose calls are counted like all others: for scorers that ask a model."""

        def chat(messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:
            got = self.ask(who, messages, settings)
            if got.error is not None:
                raise UnavailableError(got.error)
            return Answer(got.answer, got.finish_reason, got.prompt_tokens, got.completion_tokens)

        return chat

    def _patiently(
        self, key: str, who: Asked, messages: Messages, settings: Mapping[str, Any]
    ) -> Answered:
        for pause in (*PAUSES_S, None):
            try:
                return self._once(key, who, messages, settings)
            except UnavailableError:
                if pause is None:
                    raise
                self._sleep(pause)
        raise AssertionError("the last pause is None")

    def _once(
        self, key: str, who: Asked, messages: Messages, settings: Mapping[str, Any]
    ) -> Answered:
        hold = _most(who.price, messages, settings)
        self.purse.take(hold)
        self._write({"begin": key, "hold": hold})
        began = time.perf_counter_ns()
        spent = hold  # also when nobody answers: it may be billed all the same
        try:
            try:
                got = who.chat(messages, **settings)
            except UnavailableError:
                raise
            except VolanoError as error:
                why = f"{error.code}: {error.message}"[:500]
                answered = Answered(key, "", "error", error=why)
            else:
                answered = _answered(key, got, (time.perf_counter_ns() - began) // 1000, who)
                spent = hold if answered.cost_nano is None else answered.cost_nano
            self._write({"end": key, "spent": spent, "answer": answered.to_dict()})
            return answered
        finally:
            self.purse.settle(hold, spent)

    def _write(self, line: Mapping[str, Any]) -> None:
        with self._lock:
            self._book.append([line])

    def _take_up(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Count what earlier attempts made: answered calls at their cost, others at their hold."""
        open_holds: dict[str, list[int]] = {}
        made = spent = 0
        for line in lines:
            if "begin" in line:
                made += 1
                open_holds.setdefault(line["begin"], []).append(int(line["hold"]))
            elif "end" in line:
                open_holds[line["end"]].pop()
                spent += int(line["spent"])
                self._known[line["end"]] = Answered.from_dict(line["answer"])
        self.purse.already(made, spent + sum(sum(holds) for holds in open_holds.values()))


def key_of(name: str, messages: Messages, settings: Mapping[str, Any], draw: int) -> str:
    """Return what names a call: equal for equal questions, however they came about."""
    said = {"who": name, "messages": [dict(one) for one in messages],
            "settings": dict(settings), "draw": draw}  # fmt: skip
    return str(Digest.of(canonical(said)))


def _most(price: Price | None, messages: Messages, settings: Mapping[str, Any]) -> int:
    """Return the most that a call can cost, in nano-units; 0 where no price is known."""
    if price is None:
        return 0
    body = len(canonical([dict(one) for one in messages]))
    found = worst_case(price, body, settings.get("max_tokens"), context_tokens=price.context)
    return found or 0


def _answered(key: str, got: Answer, latency_us: int, who: Asked) -> Answered:
    nano, currency = None, ""
    if who.price is not None and got.prompt_tokens is not None:
        usage = Usage(input=got.prompt_tokens, output=got.completion_tokens or 0)
        nano, currency = cost(who.price, usage, duration_us=latency_us), who.price.currency
    return Answered(
        key, got.text, got.finish_reason, got.prompt_tokens, got.completion_tokens,
        latency_us=latency_us, cost_nano=nano, currency=currency, model=who.name,
    )  # fmt: skip
