"""A worker's purse: hold before the call, settle after it, without a system call.

    pockets = [purse.pocket(slot) for slot in ...]      once a snapshot
    hold = purse.hold(pockets, worst_case, began_us)    before the upstream is asked
    purse.settle(hold, actual)                          when it is known what it cost
    purse.cancel(hold)                                  when the upstream was never asked

A worker spends from *leases*: control grants it slices of each budget, and when
half of one is used the worker asks for more ahead of need. When a lease does not
suffice, `hold` asks control by the worker's own words in shared
memory and says `LATER`: try again in a few milliseconds, off a timer. It says
`Spent` when control answered that the budget has no room, whatever calls under
way may give back. `LATER` again and again means that calls under way hold the
rest, or that control is away: the caller's deadline decides.

A hold counts against all its budgets or none. Killed between any two
instructions, a worker leaves words that say at least what it spent: `settle`
adds the actual cost before it lets go of what was held.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from volano.core.clock import Clock, SystemClock
from volano.costs import memory as m
from volano.costs.budget import covers

FRESH_US = 50_000
"""How long a "no" of control's is believed without asking again."""
_NEVER = 1 << 63


class Slot(Struct, frozen=True):
    """Where a budget's present window lies; goes to the workers in their snapshot."""

    index: int
    generation: int
    budget: str = ""
    currency: str = "USD"


class Allotment(Struct, frozen=True):
    """A budget as the workers see it: whose it is, and its slot. Goes into the snapshot."""

    kind: str
    name: str
    slot: Slot

    def covers(self, *, key_id: str, group: str, channel: str) -> bool:
        """Whether a call is spent from it."""
        return covers(self.kind, self.name, key_id=key_id, group=group, channel=channel)


class Later:
    """Not yet: try again in a few milliseconds."""

    __slots__ = ()


LATER: Final = Later()


class Spent(Struct, frozen=True):
    """No: the budget has no room for this amount."""

    budget: str


class Pocket:
    """A worker's account in one slot. Its own words are kept as integers too: only it writes them."""

    __slots__ = (
        "account",
        "ask",
        "generation",
        "head",
        "held",
        "high",
        "low",
        "name",
        "opened",
        "recalled",
        "returned",
        "spent",
        "until_us",
        "used",
        "wanted",
    )

    def __init__(self, slot: Slot, account: int):
        self.name = slot.budget
        self.generation = slot.generation
        self.head = m.slot(slot.index)
        self.account = account
        self.opened = False
        self.until_us = _NEVER
        self.spent = self.held = self.returned = 0
        self.used = _NEVER
        """What was granted and cannot be held any more: spent + held + returned."""
        self.ask = self.wanted = self.recalled = 0
        self.high = self.low = 0
        """The most room since the last ask; below half of it more is asked for, ahead of need."""


class Hold:
    """An amount that is kept back in each of its pockets until it is settled."""

    __slots__ = ("nano", "open", "pockets")

    def __init__(self, nano: int, pockets: Sequence[Pocket]):
        self.nano = nano
        self.pockets = pockets
        self.open = True

    @property
    def generations(self) -> list[int]:
        """What the frames of this call must carry, so that it is counted once."""
        return [pocket.generation for pocket in self.pockets]


class Purse:
    """One worker's end. `life` is the life of its spool, by which its traces are known."""

    def __init__(
        self, path: Path, life: str, clock: Clock | None = None, *, pid: int | None = None
    ):
        self._memory = m.Memory(path)
        self._words = self._memory.words
        self._clock = clock or SystemClock()
        pid = os.getpid() if pid is None else pid
        self.worker = self._memory.claim(pid, m.started_of(pid) or 0, life)
        self._part = m.part(self.worker)
        self._pockets: dict[tuple[int, int], Pocket] = {}
        self._recalls = 0

    def pocket(self, slot: Slot) -> Pocket:
        """Return the pocket of a slot; the same one for the same generation."""
        key = slot.index, slot.generation
        found = self._pockets.get(key)
        if found is None:
            found = self._pockets[key] = Pocket(slot, m.account(self.worker, slot.index))
        return found

    def pockets(self, slots: Iterable[Slot]) -> tuple[Pocket, ...]:
        """Return the pockets of a call's budgets."""
        return tuple(map(self.pocket, slots))

    def hold(self, pockets: Sequence[Pocket], nano: int, began_us: int) -> Hold | Later | Spent:
        """Keep an amount back in all pockets, or in none.

        `began_us` is when the call began: a budget's window that was over by then
        takes no more, `LATER` until the next snapshot names the new one. So look the
        pockets up again before each try.
        """
        words = self._words
        for pocket in pockets:
            if words[pocket.head] != pocket.generation or began_us >= pocket.until_us:
                return LATER
            room = words[pocket.account] - pocket.used  # GRANTED
            if room < nano:
                return self._ask_for(pockets, nano, began_us)
            if room > pocket.high:
                pocket.high, pocket.low = room, room >> 1
            elif room < pocket.low:
                pocket.high = 0
                self._ask(pocket, nano)
        for pocket in pockets:
            pocket.used += nano
            pocket.held += nano
            words[pocket.account + 10] = pocket.held  # HELD
        return Hold(nano, pockets)

    def settle(self, hold: Hold, actual: int) -> bool:
        """Spend what the call cost and let go of the rest. False: it was settled before.

        More than was held is counted all the same, and leaves the lease in debt.
        """
        if not hold.open:
            return False
        hold.open = False
        words, nano = self._words, hold.nano
        for pocket in hold.pockets:
            account = pocket.account
            if words[account + 8] != pocket.generation:  # OWN_GENERATION: the slot has moved on
                continue
            pocket.spent += actual
            words[account + 9] = pocket.spent  # SPENT first: never less than the truth
            pocket.held -= nano
            words[account + 10] = pocket.held  # HELD
            pocket.used += actual - nano
        return True

    def cancel(self, hold: Hold) -> bool:
        """Let go: nothing was spent. False: it was settled before."""
        return self.settle(hold, 0)

    def tend(self) -> None:
        """Give back what control calls back. Call it every 10 ms or so; costs one look."""
        bell = self._words[self._part + m.RECALL_BELL]
        if bell == self._recalls:
            return
        self._recalls = bell
        for key, pocket in [*self._pockets.items()]:
            if self._words[pocket.head] != pocket.generation:
                if not pocket.held:
                    del self._pockets[key]
            elif pocket.opened:
                self._give_back(pocket)

    def close(self) -> None:
        """Say that this worker is done, and unmap. What is still held stays counted."""
        self._words[self._part + m.LEFT] = 1
        self._memory.close()

    def _ask_for(self, pockets: Sequence[Pocket], nano: int, began_us: int) -> Later | Spent:
        """Ask control for each pocket that does not suffice; say no when one is known to be empty."""
        for pocket in pockets:
            if self._words[pocket.head] != pocket.generation:
                continue
            if not pocket.opened:
                self._open(pocket)
            if began_us >= pocket.until_us:
                continue
            if self._words[pocket.account + m.GRANTED] - pocket.used < nano:
                if self._denied(pocket, nano):
                    return Spent(pocket.name)
                self._ask(pocket, nano)
        return LATER

    def _open(self, pocket: Pocket) -> None:
        """Make the account this generation's; control looks at it from the last word on."""
        words, account = self._words, pocket.account
        for at in range(m.OWN_GENERATION, m.RECALLED + 1):
            words[account + at] = 0
        pocket.opened = True
        pocket.until_us = words[pocket.head + m.UNTIL_US]
        pocket.used = 0
        words[account + m.OWN_GENERATION] = pocket.generation

    def _denied(self, pocket: Pocket, nano: int) -> bool:
        words, account = self._words, pocket.account
        if not pocket.ask or words[account + m.ANSWER] != pocket.ask << 1 | 1:
            return False
        age_us = self._clock.monotonic_us() - words[account + m.ANSWERED_US]
        return nano >= pocket.wanted and age_us < FRESH_US

    def _ask(self, pocket: Pocket, nano: int) -> None:
        """Ask, unless an ask is under way: then this amount's turn comes after its answer."""
        words, account = self._words, pocket.account
        if pocket.ask and words[account + m.ANSWER] >> 1 != pocket.ask:
            return
        pocket.ask += 1
        pocket.wanted = nano
        words[account + m.WANTED] = nano
        words[account + m.ASK] = pocket.ask
        words[self._part + m.BELL] += 1

    def _give_back(self, pocket: Pocket) -> None:
        words, account = self._words, pocket.account
        call = words[account + m.RECALL]
        if call == pocket.recalled:
            return
        idle = words[account + m.GRANTED] - pocket.used
        if idle > 0:
            pocket.returned += idle
            pocket.used += idle
            words[account + m.RETURNED] = pocket.returned
        pocket.recalled = call
        words[account + m.RECALLED] = call
