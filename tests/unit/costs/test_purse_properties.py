"""No budget is overspent, nothing is lost or counted twice: whatever dies, and whenever."""

import json
import multiprocessing
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from support.examples import examples
from support.money import AT_US, Journal, budget, row
from volano.core.clock import ManualClock, SystemClock
from volano.costs.purse import Hold, Purse, Slot
from volano.costs.treasury import Spend, Treasury

pytestmark = pytest.mark.slow  # seconds each: real processes, or many examples


class Budgets(RuleBasedStateMachine):
    """Several workers, a treasury that restarts, a recorder that lags; two budgets, one shared."""

    def __init__(self):
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.clock, self.journal = ManualClock(AT_US), Journal()
        self.budgets = [budget(1, 1000), budget(2, 600, kind="key", name="k")]
        self.dead: set[int] = set()
        self.lives: dict[int, str] = {}
        self.purses: dict[int, Purse] = {}
        self.holds: list[tuple[int, Hold, int]] = []
        self.spool: list[tuple[int, Spend]] = []
        self.truth = [0, 0]
        self.treasury = self.opened()

    def opened(self):
        path = Path(self.folder.name) / "b.bin"
        treasury = Treasury(path, self.journal, self.clock, lambda pid, _: pid not in self.dead)
        self.slots = [*treasury.wish(self.budgets).values()]
        return treasury

    def frame(self, pid, generations, nano):
        """A frame of a call: its cost is real from now on, recorded later."""
        key = "k" if len(generations) == 2 else "other"
        self.spool.append((pid, row(self.lives[pid], generations, nano, key=key)))
        self.truth[0] += nano
        self.truth[1] += nano if key == "k" else 0

    @precondition(lambda self: len(self.purses) < 4)
    @rule()
    def start_worker(self):
        pid = 1_000_000 + len(self.lives)
        self.lives[pid] = life = f"worker-{pid}"
        self.journal.open[life] = False
        self.purses[pid] = Purse(Path(self.folder.name) / "b.bin", life, self.clock, pid=pid)

    @precondition(lambda self: self.purses)
    @rule(data=st.data(), nano=st.integers(0, 400), both=st.booleans())
    def hold(self, data, nano, both):
        pid = data.draw(st.sampled_from(sorted(self.purses)))
        slots = self.slots if both else self.slots[:1]
        purse = self.purses[pid]
        found = purse.hold(purse.pockets(slots), nano, self.clock.now_us())
        if isinstance(found, Hold):
            self.holds.append((pid, found, nano))

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), share=st.integers(0, 100), again=st.booleans())
    def settle(self, data, share, again):
        pid, hold, nano = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        actual = nano * share // 100
        self.frame(pid, hold.generations, actual)
        assert self.purses[pid].settle(hold, actual)
        if again:
            assert not self.purses[pid].settle(hold, actual)

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def cancel(self, data):
        pid, hold, _ = self.holds.pop(data.draw(st.integers(0, len(self.holds) - 1)))
        assert self.purses[pid].cancel(hold)

    @precondition(lambda self: self.purses)
    @rule(data=st.data(), share=st.integers(0, 100))
    def kill(self, data, share):
        """What it held becomes a cut trace at its hold, or the call was never made."""
        pid = data.draw(st.sampled_from(sorted(self.purses)))
        del self.purses[pid]
        for owner, hold, nano in self.holds:
            if owner == pid and nano % 3:
                self.frame(pid, hold.generations, nano if nano % 2 else nano * share // 100)
        self.holds = [held for held in self.holds if held[0] != pid]
        self.dead.add(pid)
        self.journal.open[self.lives[pid]] = True

    @rule(limit=st.integers(1, 50))
    def record(self, limit):
        """The recorder takes in some frames; a dead life whose frames are all in is done."""
        for _, found in self.spool[:limit]:
            self.journal.rows.append(found)
        self.spool = self.spool[limit:]
        waiting = {pid for pid, _ in self.spool}
        for pid in self.dead - waiting:
            self.journal.open.pop(self.lives[pid], None)

    @rule()
    def tick(self):
        self.treasury.look()
        self.treasury.tick()

    @rule()
    def refresh(self):
        self.treasury.refresh()

    @rule()
    def tend(self):
        for purse in self.purses.values():
            purse.tend()

    @rule()
    def restart_treasury(self):
        self.treasury.close()
        before = self.slots
        self.treasury = self.opened()
        assert self.slots == before

    @rule(seconds=st.sampled_from([0.001, 0.1]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @invariant()
    def never_overspent(self):
        self.treasury.look()
        for n, state in enumerate(self.treasury.state().values()):
            assert self.truth[n] <= state.spent + state.held <= state.leased <= state.limit

    def teardown(self):
        for pid, hold, nano in self.holds:
            self.frame(pid, hold.generations, nano)
            self.purses[pid].settle(hold, nano)
        self.exactly()
        for pid in [*self.purses]:
            self.dead.add(pid)
            self.journal.open[self.lives[pid]] = True
            del self.purses[pid]
        self.record(len(self.spool) + 1)
        self.treasury.look()
        for n, state in enumerate(self.treasury.state().values()):
            assert (state.spent, state.held, state.leased) == (self.truth[n], 0, self.truth[n])
        self.folder.cleanup()

    def exactly(self):
        """All is settled: what living workers' accounts say is what their calls cost."""
        self.record(len(self.spool) + 1)
        self.treasury.look()
        for n, state in enumerate(self.treasury.state().values()):
            assert (state.spent, state.held) == (self.truth[n], 0)


TestBudgets = Budgets.TestCase
TestBudgets.settings = settings(examples(60), stateful_step_count=60)


# Real processes, killed at random.

LIMIT = 400_000


def work(folder: str, life: str, slots: list[Slot], seed: int) -> None:
    """A worker: hold, leave a begin frame, work, leave the frame, settle; forever."""
    chance, clock = random.Random(seed), SystemClock()
    purse = Purse(Path(folder) / "b.bin", life)
    log = os.open(f"{folder}/{life}.log", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    open_holds: list[tuple[int, Hold]] = []
    call = 0
    while True:
        nano = chance.randint(1, 300)
        began = clock.now_us()
        found = purse.hold(purse.pockets(slots), nano, began)
        if isinstance(found, Hold):
            call += 1
            os.write(log, f"{json.dumps(['begin', call, nano, found.generations])}\n".encode())
            open_holds.append((call, found))
        elif chance.random() < 0.5:
            time.sleep(0.001)
        if len(open_holds) > 3 or (open_holds and chance.random() < 0.3):
            number, hold = open_holds.pop(chance.randrange(len(open_holds)))
            actual = 0 if chance.random() < 0.1 else chance.randint(0, hold.nano)
            os.write(log, f"{json.dumps(['end', number, actual, hold.generations])}\n".encode())
            purse.settle(hold, actual)
        purse.tend()


class Logs:
    """Reads the workers' logs as the recorder would: cut calls cost what they held."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.lives: dict[str, multiprocessing.Process] = {}
        self.read: set[str] = set()

    def rows(self, life: str, *, dead: bool) -> list[Spend]:
        path = self.folder / f"{life}.log"
        begun, ended = {}, {}
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                kind, call, nano, held = json.loads(line)
            except ValueError:
                continue
            (begun if kind == "begin" else ended)[call] = row(life, held, nano)
        return [*({**begun, **ended} if dead else ended).values()]

    def spend(self, from_us, until_us):
        return [r for life in self.lives for r in self.rows(life, dead=life in self.read)]

    def unrecorded(self):
        """The recorder sees a dead life only at its next look."""
        found = {}
        for life, process in self.lives.items():
            if life not in self.read:
                found[life] = not process.is_alive()
        return found

    def recorder(self):
        self.read |= {life for life, process in self.lives.items() if not process.is_alive()}


def test_real_processes_killed_at_random(tmp_path):
    fork = multiprocessing.get_context("fork")
    logs, clock, chance = Logs(tmp_path), SystemClock(), random.Random(7)
    path = tmp_path / "b.bin"
    kept = [budget(1, LIMIT), budget(2, LIMIT // 2, name="*")]
    treasury = Treasury(path, logs, clock)
    slots = [*treasury.wish(kept).values()]
    running: list[str] = []
    turn, used, end = 0, 0, time.monotonic() + 60
    while (turn < 600 or used <= LIMIT // 10) and time.monotonic() < end:
        turn += 1
        while len(running) < 3:
            life = f"worker-{len(logs.lives)}"
            process = fork.Process(target=work, args=(str(tmp_path), life, slots, len(logs.lives)))
            logs.lives[life] = process
            process.start()
            running.append(life)
        treasury.tick()
        if turn % 10 == 0:
            treasury.look()
            for state in treasury.state().values():
                assert state.leased <= state.limit
                used = state.spent
        if turn % 25 == 0:
            victim = running.pop(chance.randrange(len(running)))
            os.kill(logs.lives[victim].pid, signal.SIGKILL)
            logs.lives[victim].join()
        if turn % 40 == 0:
            logs.recorder()
        if turn % 70 == 0:
            treasury.close()
            treasury = Treasury(path, logs, clock)
            assert [*treasury.wish(kept).values()] == slots
        time.sleep(0.002)
    for life in running:
        os.kill(logs.lives[life].pid, signal.SIGKILL)
        logs.lives[life].join()
    treasury.look()
    for state in treasury.state().values():
        truth = sum(r.nano for life in logs.lives for r in logs.rows(life, dead=True))
        assert truth <= state.spent + state.held <= state.limit
    logs.recorder()
    treasury.look()
    for state in treasury.state().values():
        assert (state.spent, state.held, state.leased) == (truth, 0, truth)
    assert truth > LIMIT // 10
    assert len(logs.lives) > 10


def test_the_treasury_works_in_a_thread(tmp_path):
    journal = Journal()
    treasury = Treasury(tmp_path / "b.bin", journal, SystemClock())
    kept = [budget(1, 1000)]
    [slot] = treasury.wish(kept).values()
    stop = threading.Event()
    thread = threading.Thread(target=treasury.run, args=(stop, lambda: treasury.wish(kept)))
    thread.start()
    try:
        purse = Purse(tmp_path / "b.bin", "worker-1")
        journal.open["worker-1"] = False
        end = time.monotonic() + 60
        found = None
        while not isinstance(found, Hold) and time.monotonic() < end:
            found = purse.hold(purse.pockets([slot]), 10, SystemClock().now_us())
            time.sleep(0.002)
        assert isinstance(found, Hold)
    finally:
        stop.set()
        thread.join()
