"""Spending: a model is asked only where the day's budget holds the most that it can cost.

The hold is written down before the model is asked, and taken back to the true cost after:
whatever ends this process in between, the day has never cost more than its budget.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

from volano.core.ports.chat import Answer, Chat
from volano.costs.price import MARGIN_TOKENS, Price, cost
from volano.monitor.evaluators.evaluator import Evaluator
from volano.wire.exchange import Usage

UNSAID_TOKENS = 8_192
"""Held for an answer where a request sets no limit of its own."""
PriceOf = Callable[[str], Price | None]
"""The price of a model by name; one that costs nothing for models of our own; None: not known."""


def payable(one: Evaluator, price: Price | None) -> str:
    """Return why a model cannot be asked within a budget of money; empty where it can."""
    if one.nano is None:
        return ""
    if price is None:
        return "no price of its model is known, and the budget is in money"
    if price.currency != one.currency and (price.rates.input or price.rates.output):
        return f"its price is in {price.currency}, the budget in {one.currency}"
    return ""


class SpentError(Exception):
    """The day's budget does not hold another call. Control flow, never shown."""


class Days(Protocol):
    """Where a day's spending is kept."""

    def hold(self, one: Evaluator, calls: int, nano: int) -> str:
        """Write down calls and money before they are spent; return the day, empty without room."""
        ...

    def give_back(self, one: Evaluator, day: str, nano: int, calls: int = 0) -> None:
        """Take back what a hold was too much."""
        ...


class Meter:
    """Counts what one call's evaluation costs, and asks the budget first. Threads may share it."""

    def __init__(self, one: Evaluator, days: Days):
        self._one, self._days = one, days
        self.calls, self.nano, self.currency = 0, 0, one.currency

    def spend(
        self,
        price: Price | None,
        most: Usage,
        work: Callable[[], Any],
        used: Callable[[Any], Usage],
    ) -> Any:
        """Do `work`, one call to a model with at most this usage, where the budget holds it.

        Raises:
            SpentError: it does not.
        """
        [found] = self.together(1, price, most, work, used)
        return found

    def together(
        self,
        times: int,
        price: Price | None,
        most: Usage,
        work: Callable[[], Any],
        used: Callable[[Any], Usage],
    ) -> Generator[Any]:
        """Do `work` so many times, where the budget holds all of them: half would be worth nothing.

        Whoever stops before the last one gets the others back.

        Raises:
            SpentError: it does not.
        """
        bound = 0 if price is None else cost(price, most)
        held = bound if self._one.nano is not None else 0
        day = self._days.hold(self._one, times, times * held)
        if not day:
            raise SpentError
        left = times
        try:
            while left:
                left -= 1
                self.calls += 1
                found = work()  # where it fails nobody knows what it cost: the hold stays
                true = 0 if price is None else cost(price, used(found))
                self.nano += true
                if price is not None and true:
                    self.currency = price.currency
                if held > true:
                    self._days.give_back(self._one, day, held - true)
                yield found
        finally:
            if left:
                self._days.give_back(self._one, day, left * held, left)


class Metered:
    """A chat that asks a meter first."""

    def __init__(self, chat: Chat, meter: Meter, price: Price | None):
        self._chat, self._meter, self._price = chat, meter, price

    def __call__(self, messages: Sequence[dict[str, Any]], **settings: Any) -> Answer:
        """Return the answer.

        Raises:
            SpentError: the budget does not hold it.
            UnavailableError: the other side does not answer.
        """
        size = MARGIN_TOKENS + sum(len(str(one.get("content")).encode()) for one in messages)
        most = Usage(input=size, output=int(settings.get("max_tokens") or UNSAID_TOKENS))

        def used(answer: Answer) -> Usage:
            if answer.prompt_tokens is None or answer.completion_tokens is None:
                return most
            return Usage(input=answer.prompt_tokens, output=answer.completion_tokens)

        found: Answer = self._meter.spend(
            self._price, most, lambda: self._chat(messages, **settings), used
        )
        return found


class Once:
    """Opens each model once, for all threads of a pass."""

    def __init__(self, open_chat: Callable[[str], Chat]):
        self._open, self._lock = open_chat, threading.Lock()
        self._chats: dict[str, Chat] = {}

    def __call__(self, name: str) -> Chat:
        """Return the chat with a model of this name."""
        with self._lock:
            if name not in self._chats:
                self._chats[name] = self._open(name)
            return self._chats[name]
