"""Control's treasury: grants leases to the workers, so that no budget is ever overspent.

For each window of a budget there is a slot in shared memory. At any moment

    opening + the leases of living workers + what dead workers spent or held <= limit

must hold before anything is granted. `opening` is what the traces say. A call is
counted once: by its worker's account while that worker's life is in the file and
the call was held in this slot (its trace names the slot's generation), by its
trace otherwise. So a worker that dies goes on counting for all it had spent and
held, its unspent lease is free at once, and when the recorder has taken in the
last frame of its life, its account is dropped and its traces count instead: in
one step, at a moment when nothing is granted.

A treasury that starts anew finds the slots and accounts in the file, asks the
traces for the rest, and first waits for the frames of dead lives that the file
does not know: nothing is granted on half a truth.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from uuid import UUID

from volano.core.clock import Clock
from volano.costs import memory as m
from volano.costs.budget import Budget, span
from volano.costs.errors import TooManyBudgetsError
from volano.costs.purse import Slot

log = logging.getLogger(__name__)

POLL_S = 0.003
LOOK_S = 0.25
REFRESH_S = 2.0
SHARE = 4
"""A lease is at most the free part of the budget, through the workers, through this."""
CALLS = 64
"""... and at most this many calls like the one that asked,"""
MOST_CALLS = 1 << 16
HASTE_US, REST_US = 200_000, 2_000_000
"""... twice as many, up to `MOST_CALLS`, each time that it asks again in haste; after a rest as
few as at first. So a busy worker hardly ever waits for a grant, and an idle one keeps little."""


class Spend(NamedTuple):
    """What recorded calls of one kind cost together. `held` are generations of slots."""

    key_id: str
    group: str
    channel: str
    currency: str
    life: str
    held: frozenset[int]
    nano: int


class Records(Protocol):
    """What is recorded, and what is not yet."""

    def spend(self, from_us: int, until_us: int) -> Iterable[Spend]:
        """Return what the recorded calls that began in this window cost."""
        ...

    def unrecorded(self) -> Mapping[str, bool]:
        """Return the lives that have frames which may not be recorded yet, and whether each is over."""
        ...


class State(NamedTuple):
    """Where a budget stands, in nano-units. `leased` is spent, held, or may be."""

    limit: int
    spent: int
    held: int
    leased: int
    from_us: int
    until_us: int


class _Slot:
    """A slot in use."""

    __slots__ = ("budget", "from_us", "generation", "index", "limit", "opening", "until_us")

    def __init__(self, index: int, generation: int, budget: Budget, opening: int):
        self.index = index
        self.generation = generation
        self.budget = budget
        self.limit = budget.amount.nano
        self.opening = opening
        self.from_us = self.until_us = 0


class Treasury:
    """The only writer of grants. Control holds one; its verbs take turns."""

    def __init__(
        self,
        path: Path,
        records: Records,
        clock: Clock,
        alive: Callable[[int, int], bool] | None = None,
    ):
        self._memory = m.Memory(path)
        self._words = self._memory.words
        self._records = records
        self._clock = clock
        self._alive = alive or (lambda pid, started: m.started_of(pid) == started)
        self._lock = threading.RLock()
        self._slots: dict[str, _Slot] = {}
        self._living: dict[int, str] = {}
        self._dead: dict[int, str] = {}
        self._bells: dict[int, int] = {}
        self._asking: set[int] = set()
        self._paces: dict[tuple[int, int], tuple[int, int]] = {}
        self._resting: dict[int, int] = {}
        self._ready = False
        self._look()

    def wish(self, budgets: Sequence[Budget]) -> dict[str, Slot]:
        """Keep these budgets from now on, in the window of now; return where each lies.

        Call it when budgets change, and at least each second: a window ends by itself.
        When the result differs from the last one, the workers need a new snapshot.

        Raises:
            TooManyBudgetsError: there is no slot left.
        """
        with self._lock:
            now = self._clock.now_us()
            self._adopt(budgets)
            wanted = {budget.id: budget for budget in budgets}
            for id_, slot in [*self._slots.items()]:
                if id_ not in wanted or self._outgrown(slot, wanted[id_], now):
                    self._retire(slot)
            for budget in budgets:
                slot = self._slots.get(budget.id) or self._allocate(budget, now)
                self._limit(slot, budget)
            return {
                id_: Slot(slot.index, slot.generation, id_, slot.budget.amount.currency)
                for id_, slot in self._slots.items()
            }

    def tick(self) -> bool:
        """Answer what workers ask. Call it every few milliseconds. False: nobody asked."""
        with self._lock:
            words = self._words
            for worker in range(m.WORKERS):
                at = m.part(worker)
                if words[at + m.PID]:
                    bell = words[at + m.BELL]
                    if bell != self._bells.get(worker):
                        self._bells[worker] = bell
                        self._asking.add(worker)
                        if worker not in self._living and worker not in self._dead:
                            self._look()
            if not self._asking or not self._ready:
                return False
            self._asking = {worker for worker in self._asking if self._answer_worker(worker)}
            return True

    def look(self) -> None:
        """See who died and whose traces are recorded now. Call it a few times a second."""
        with self._lock:
            self._look()

    def refresh(self) -> None:
        """Ask the traces again: late ones, other prices. Call it now and then, and after re-pricing."""
        with self._lock:
            self._open()

    def state(self) -> dict[str, State]:
        """Return where each budget stands, by id."""
        with self._lock:
            found = {}
            for id_, slot in self._slots.items():
                spent, held = slot.opening, 0
                for worker in (*self._living, *self._dead):
                    at = self._account(worker, slot)
                    if at is not None:
                        spent += self._words[at + m.SPENT]
                        held += self._words[at + m.HELD]
                leased = self._committed(slot)
                found[id_] = State(slot.limit, spent, held, leased, slot.from_us, slot.until_us)
            return found

    def run(self, stop: threading.Event, wish: Callable[[], None]) -> None:
        """Work until told to stop. `wish` is called each `LOOK_S`: windows end, budgets change."""
        looked = refreshed = -1.0
        while not stop.wait(POLL_S if self._slots else LOOK_S):
            try:
                self.tick()
                now = self._clock.monotonic_us() / 1e6
                if now - looked >= LOOK_S:
                    looked = now
                    self.look()
                    wish()
                if now - refreshed >= REFRESH_S:
                    refreshed = now
                    self.refresh()
            except Exception:
                log.exception("the budgets' tick failed; it is tried again")
                stop.wait(LOOK_S)

    def close(self) -> None:
        """Unmap. Slots and accounts stay for the next treasury."""
        with self._lock:
            self._memory.close()

    # slots

    def _adopt(self, budgets: Sequence[Budget]) -> None:
        """Take over the slots of a treasury before this one."""
        by_id = {UUID(budget.id).int: budget for budget in budgets}
        known = {slot.index for slot in self._slots.values()}
        words = self._words
        for index in range(m.SLOTS):
            at = m.slot(index)
            generation = words[at + m.GENERATION]
            if not generation or index in known:
                continue
            budget = by_id.get(words[at + m.ID] << 64 | words[at + m.ID + 1])
            if budget is None or budget.id in self._slots:
                words[at + m.GENERATION] = 0
                continue
            slot = self._slots[budget.id] = _Slot(index, generation, budget, words[at + m.OPENING])
            slot.from_us, slot.until_us = words[at + m.FROM_US], words[at + m.UNTIL_US]
            self._open([slot])

    def _outgrown(self, slot: _Slot, budget: Budget, now_us: int) -> bool:
        same = (budget.kind, budget.name, budget.amount.currency) == (
            slot.budget.kind, slot.budget.name, slot.budget.amount.currency
        )  # fmt: skip
        return not same or span(budget.window, now_us) != (slot.from_us, slot.until_us)

    def _retire(self, slot: _Slot) -> None:
        """Let nobody hold there any more; what is held is settled there."""
        del self._slots[slot.budget.id]
        self._paces = {key: pace for key, pace in self._paces.items() if key[1] != slot.generation}
        self._words[m.slot(slot.index) + m.GENERATION] = 0
        self._resting[slot.index] = self._clock.monotonic_us()
        for worker in self._living:
            self._words[m.part(worker) + m.RECALL_BELL] += 1

    def _allocate(self, budget: Budget, now_us: int) -> _Slot:
        index = self._free_index()
        words, at = self._words, m.slot(index)
        for worker in range(m.WORKERS):
            account = m.account(worker, index)
            if words[m.part(worker) + m.PID]:
                for word in range(m.GRANTED, m.RECALL + 1):
                    words[account + word] = 0
        generation = words[m.LAST_GENERATION] + 1
        words[m.LAST_GENERATION] = generation
        slot = self._slots[budget.id] = _Slot(index, generation, budget, 0)
        slot.from_us, slot.until_us = span(budget.window, now_us)
        number = UUID(budget.id).int
        words[at + m.LIMIT] = slot.limit
        words[at + m.FROM_US] = slot.from_us
        words[at + m.UNTIL_US] = slot.until_us
        words[at + m.ID] = number >> 64
        words[at + m.ID + 1] = number & (1 << 64) - 1
        self._open([slot])
        words[at + m.GENERATION] = generation
        return slot

    def _free_index(self) -> int:
        """Return a slot that is not in use, and in which no living worker holds anything."""
        used = {slot.index for slot in self._slots.values()}
        now = self._clock.monotonic_us()
        for index in range(m.SLOTS):
            rested = now - self._resting.get(index, -(1 << 62)) > 10_000_000
            if index not in used and rested and not self._held_in(index):
                return index
        raise TooManyBudgetsError(most=m.SLOTS)

    def _held_in(self, index: int) -> bool:
        return any(self._words[m.account(w, index) + m.HELD] for w in self._living)

    def _limit(self, slot: _Slot, budget: Budget) -> None:
        slot.budget = budget
        if slot.limit != budget.amount.nano:
            slot.limit = budget.amount.nano
            self._words[m.slot(slot.index) + m.LIMIT] = slot.limit
            if self._committed(slot) > slot.limit:
                self._recall(slot)

    # truth

    def _look(self) -> None:
        """Sort the workers into living and dead; drop those whose traces tell all."""
        words = self._words
        before = self._living, self._dead
        self._living, self._dead = {}, {}
        for worker in range(m.WORKERS):
            at = m.part(worker)
            pid = words[at + m.PID]
            if pid:
                lives = not words[at + m.LEFT] and self._alive(pid, words[at + m.STARTED])
                (self._living if lives else self._dead)[worker] = self._memory.life(worker)
        if self._ready and not self._dead and before == (self._living, self._dead):
            return
        unrecorded, was_ready = self._records.unrecorded(), self._ready
        known = {*self._living.values(), *self._dead.values()}
        self._ready = not any(over for life, over in unrecorded.items() if life not in known)
        told = [worker for worker, life in self._dead.items() if life not in unrecorded]
        for worker in told:
            del self._dead[worker]
        if told or not was_ready:
            self._open()
        for worker in told:
            self._paces = {key: pace for key, pace in self._paces.items() if key[0] != worker}
            self._asking.discard(worker)
            self._bells.pop(worker, None)
            self._memory.clear(worker)

    def _open(self, slots: Iterable[_Slot] | None = None) -> None:
        """Set openings to what the traces say, without what the accounts count."""
        counted = {*self._living.values(), *self._dead.values()}
        read: dict[tuple[int, int], list[Spend]] = {}
        for slot in [*self._slots.values()] if slots is None else slots:
            window = slot.from_us, slot.until_us
            if window not in read:
                read[window] = [*self._records.spend(*window)]
            slot.opening = sum(
                row.nano
                for row in read[window]
                if row.currency == slot.budget.amount.currency
                and slot.budget.covers(key_id=row.key_id, group=row.group, channel=row.channel)
                and not (slot.generation in row.held and row.life in counted)
            )
            self._words[m.slot(slot.index) + m.OPENING] = slot.opening

    # leases

    def _account(self, worker: int, slot: _Slot) -> int | None:
        """Return where a worker's account in a slot lies, when it has one."""
        at = m.account(worker, slot.index)
        return at if self._words[at + m.OWN_GENERATION] == slot.generation else None

    def _committed(self, slot: _Slot) -> int:
        """Return what is spent, held, or leased and may be spent without asking."""
        words, total = self._words, slot.opening
        for worker in self._living:
            at = self._account(worker, slot)
            if at is not None:
                lease = words[at + m.GRANTED] - words[at + m.RETURNED]
                total += max(lease, words[at + m.SPENT] + words[at + m.HELD])
        for worker in self._dead:
            at = self._account(worker, slot)
            if at is not None:
                total += words[at + m.SPENT] + words[at + m.HELD]
        return total

    def _spent(self, slot: _Slot) -> int:
        words, total = self._words, slot.opening
        for worker in (*self._living, *self._dead):
            at = self._account(worker, slot)
            total += 0 if at is None else words[at + m.SPENT]
        return total

    def _answer_worker(self, worker: int) -> bool:
        """Answer a worker's asks as far as can be. True: some must wait."""
        waits = False
        if worker not in self._living:
            return False
        for slot in self._slots.values():
            at = self._account(worker, slot)
            if at is not None:
                ask = self._words[at + m.ASK]
                if ask and self._words[at + m.ANSWER] >> 1 != ask:
                    waits |= not self._answer(worker, slot, at, ask)
        return waits

    def _answer(self, worker: int, slot: _Slot, at: int, ask: int) -> bool:
        """Grant, or deny, or leave it waiting for what others give back."""
        words = self._words
        wanted = words[at + m.WANTED]
        used = words[at + m.RETURNED] + words[at + m.SPENT] + words[at + m.HELD]
        lease = words[at + m.GRANTED] - used
        debt = max(0, -lease)  # it is committed already
        need = wanted - lease - debt
        if need > 0:
            free = slot.limit - self._committed(slot)
            if free < need:
                if slot.limit - self._spent(slot) >= wanted:
                    self._recall(slot, but=worker)
                    return False
                words[at + m.ANSWERED_US] = self._clock.monotonic_us()
                words[at + m.ANSWER] = ask << 1 | 1
                return True
            words[at + m.GRANTED] += debt + min(
                free, max(need, self._slice(worker, slot, wanted, free))
            )
        else:
            free = max(0, slot.limit - self._committed(slot))
            words[at + m.GRANTED] += min(
                free, max(0, self._slice(worker, slot, wanted, free) - lease)
            )
        words[at + m.ANSWERED_US] = self._clock.monotonic_us()
        words[at + m.ANSWER] = ask << 1
        return True

    def _slice(self, worker: int, slot: _Slot, wanted: int, free: int) -> int:
        """Return how much a worker that asks may keep at hand."""
        now = self._clock.monotonic_us()
        calls, asked_us = self._paces.get((worker, slot.generation), (CALLS, now - REST_US + 1))
        if now - asked_us < HASTE_US:
            calls = min(2 * calls, MOST_CALLS)
        elif now - asked_us >= REST_US:
            calls = CALLS
        self._paces[worker, slot.generation] = calls, now
        return min(free // (SHARE * max(1, len(self._living))), calls * wanted)

    def _recall(self, slot: _Slot, *, but: int = -1) -> None:
        """Call idle leases back."""
        words = self._words
        for worker in self._living:
            at = self._account(worker, slot)
            if worker == but or at is None or words[at + m.RECALL] != words[at + m.RECALLED]:
                continue
            used = words[at + m.RETURNED] + words[at + m.SPENT] + words[at + m.HELD]
            if words[at + m.GRANTED] > used:
                words[at + m.RECALL] += 1
                words[m.part(worker) + m.RECALL_BELL] += 1
