"""Purse: what a search may spend. Every call is counted before it is made, and never one too many."""

import threading

from volano.core.money import Money
from volano.evals.wording.errors import BudgetSpentError


class Purse:
    """Calls, and money where a limit on it is set. Several threads may take from it.

    `made` calls and `spent_nano` begin with what earlier attempts at the same search used.
    `reserved` calls and `reserved_nano` are kept back for the judgement at the end.
    """

    def __init__(self, calls: int, money_nano: int | None = None, currency: str = "USD"):
        self.calls, self.money_nano, self.currency = calls, money_nano, currency
        self.made, self.spent_nano, self._held_nano = 0, 0, 0
        self.reserved, self.reserved_nano = 0, 0
        self._lock = threading.Condition()

    def already(self, calls: int, spent_nano: int) -> None:
        """Count what earlier attempts used."""
        self.made += calls
        self.spent_nano += spent_nano

    def covers(self, calls: int) -> None:
        """Make sure that so many calls more may be made, before the first of them is.

        Raises:
            BudgetSpentError: they may not.
        """
        with self._lock:
            self._check(calls, 0)

    def take(self, hold_nano: int) -> None:
        """Count one call, and hold the most that it can cost.

        Where only the holds of calls in flight are in the way, it waits for them: they
        mostly cost less than was held.

        Raises:
            BudgetSpentError: there is no room for it.
        """
        with self._lock:
            while self._held_nano and self._waits(hold_nano):
                self._lock.wait()
            self._check(1, hold_nano)
            self.made += 1
            self._held_nano += hold_nano

    def settle(self, hold_nano: int, cost_nano: int) -> None:
        """Put what a call cost in the place of what was held for it."""
        with self._lock:
            self._held_nano -= hold_nano
            self.spent_nano += cost_nano
            self._lock.notify_all()

    def keep(self, calls: int, nano: int = 0) -> None:
        """Keep this much back from now on."""
        with self._lock:
            self.reserved, self.reserved_nano = calls, nano

    def _waits(self, hold_nano: int) -> bool:
        """Whether there would be room if calls in flight cost nothing, and is none now."""
        if self.money_nano is None or self.made >= self.calls - self.reserved:
            return False
        room = self.money_nano - self.reserved_nano - self.spent_nano - hold_nano
        return 0 <= room < self._held_nano

    def _check(self, calls: int, hold_nano: int) -> None:
        if self.made + calls > self.calls - self.reserved:
            kept = f", {self.reserved} of them kept for the judgement" if self.reserved else ""
            raise BudgetSpentError(what=f"{self.made} of {self.calls} calls were made{kept}")
        if self.money_nano is None:
            return
        out = self.spent_nano + self._held_nano + hold_nano
        if out > self.money_nano - self.reserved_nano:
            limit = Money(self.money_nano, self.currency)
            raise BudgetSpentError(
                what=f"{Money(self.spent_nano, self.currency)} of {limit} are spent, and the next "
                f"call may cost {Money(hold_nano, self.currency)}"
            )
