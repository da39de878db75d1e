import pytest

from support.money import AT_US, Journal, budget, row
from volano.core.clock import ManualClock
from volano.costs import memory
from volano.costs.purse import LATER, Hold, Purse, Spent
from volano.costs.treasury import Treasury


class House:
    """A treasury and its workers in one process; a worker's death is said, not done."""

    def __init__(self, path):
        self.path = path / "budgets.bin"
        self.clock = ManualClock(AT_US)
        self.journal = Journal()
        self.dead: set[int] = set()
        self.workers = 0
        self.open()

    def open(self):
        self.treasury = Treasury(self.path, self.journal, self.clock, self._alive)

    def _alive(self, pid, started):
        return pid not in self.dead

    def worker(self):
        self.workers += 1
        life = f"worker-{self.workers}"
        self.journal.open[life] = False
        purse = Purse(self.path, life, self.clock, pid=1_000_000 + self.workers)
        self.treasury.look()
        return purse

    def kill(self, number):
        self.dead.add(1_000_000 + number)
        self.journal.open[f"worker-{number}"] = True
        self.treasury.look()

    def recorded(self, number):
        del self.journal.open[f"worker-{number}"]
        self.treasury.look()

    def hold(self, purse, slots, nano, others=()):
        """As a caller does: try again until it is yes or no."""
        for _ in range(20):
            found = purse.hold(purse.pockets(slots), nano, self.clock.now_us())
            if found is not LATER:
                return found
            self.treasury.tick()
            for other in others:
                other.tend()
            self.clock.advance(0.003)
        return LATER


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def only(states):
    [state] = states.values()
    return state


def test_a_call_holds_and_settles(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    hold = house.hold(purse, [slot], 300)
    assert isinstance(hold, Hold)
    assert hold.generations == [slot.generation]
    assert only(house.treasury.state())[:3] == (1000, 0, 300)
    assert purse.settle(hold, 120)
    assert not purse.settle(hold, 120)
    assert only(house.treasury.state())[:3] == (1000, 120, 0)


def test_the_first_try_asks_and_does_not_wait(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    pockets = purse.pockets([slot])
    assert purse.hold(pockets, 10, AT_US) is LATER
    assert purse.hold(pockets, 10, AT_US) is LATER
    house.treasury.tick()
    assert isinstance(purse.hold(pockets, 10, AT_US), Hold)


def test_a_spent_budget_says_no_and_a_raised_one_yes(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    purse.settle(house.hold(purse, [slot], 900), 900)
    assert house.hold(purse, [slot], 101) == Spent(slot.budget)
    assert isinstance(house.hold(purse, [slot], 100), Hold)
    assert house.treasury.wish([budget(1, 2000)]) == {slot.budget: slot}
    house.clock.advance(1)
    assert isinstance(house.hold(purse, [slot], 1000), Hold)


def test_what_calls_under_way_hold_is_worth_waiting_for(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    a, b = house.worker(), house.worker()
    held = house.hold(a, [slot], 900)
    assert house.hold(b, [slot], 500, [a, b]) is LATER
    a.settle(held, 100)
    assert isinstance(house.hold(b, [slot], 500, [a, b]), Hold)


def test_idle_leases_come_back_to_who_needs_them(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    a, b = house.worker(), house.worker()
    a.cancel(house.hold(a, [slot], 1000))
    assert only(house.treasury.state()).leased == 1000
    assert isinstance(house.hold(b, [slot], 1000, [a]), Hold)


def test_all_budgets_hold_or_none(house):
    slots = house.treasury.wish(
        [budget(1, 1000), budget(2, 50, kind="key", name="k"), budget(3, 1000, name="*")]
    )
    purse = house.worker()
    assert house.hold(purse, slots.values(), 100) == Spent(budget(2, 50).id)
    assert {state.held for state in house.treasury.state().values()} == {0}
    assert isinstance(house.hold(purse, slots.values(), 50), Hold)


def test_the_dead_count_for_what_they_held_until_their_traces_are_there(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    purse.settle(house.hold(purse, [slot], 100), 60)
    house.hold(purse, [slot], 300)
    house.journal.rows.append(row("worker-1", [slot.generation], 60))
    house.kill(1)
    assert only(house.treasury.state())[:4] == (1000, 60, 300, 360)
    house.journal.rows.append(row("worker-1", [slot.generation], 250))
    house.recorded(1)
    assert only(house.treasury.state())[:4] == (1000, 310, 0, 310)


def test_a_worker_takes_the_part_of_one_whose_traces_are_there(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    house.hold(house.worker(), [slot], 300)
    house.kill(1)
    assert house.worker().worker == 1
    house.recorded(1)
    again = house.worker()
    assert again.worker == 0
    assert isinstance(house.hold(again, [slot], 1000), Hold)


def test_a_new_treasury_goes_on_where_the_old_one_was_killed(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    a, b = house.worker(), house.worker()
    held = house.hold(a, [slot], 300)
    b.settle(house.hold(b, [slot], 200), 150)
    house.kill(2)
    house.open()
    assert house.treasury.wish([budget(1, 1000)]) == {slot.budget: slot}
    assert only(house.treasury.state())[:3] == (1000, 150, 300)
    a.settle(held, 200)
    assert house.hold(a, [slot], 651) == Spent(slot.budget)
    assert isinstance(house.hold(a, [slot], 650), Hold)


def test_nothing_is_granted_while_frames_of_unknown_lives_wait(house):
    house.journal.open["worker-9"] = True
    house.open()
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    assert house.hold(purse, [slot], 10) is LATER
    house.journal.rows.append(row("worker-9", [77], 995))
    house.recorded(9)
    assert house.hold(purse, [slot], 10) == Spent(slot.budget)


def test_calls_that_were_not_held_count_by_their_traces(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    purse.settle(house.hold(purse, [slot], 100), 100)
    house.journal.rows += [
        row("worker-1", [slot.generation], 100),
        row("worker-1", [], 40),
        row("worker-1", [], 500, channel="other"),
    ]
    house.treasury.refresh()
    assert only(house.treasury.state()).spent == 140


def test_a_window_ends_and_the_next_one_is_empty(house):
    day = budget(1, 1000, window="day")
    [slot] = house.treasury.wish([day]).values()
    purse = house.worker()
    late = house.hold(purse, [slot], 1000)
    house.clock.advance(86_400)
    assert purse.hold(purse.pockets([slot]), 1, house.clock.now_us()) is LATER
    [new] = house.treasury.wish([day]).values()
    assert new != slot
    assert purse.hold(purse.pockets([slot]), 1, house.clock.now_us()) is LATER
    assert isinstance(house.hold(purse, [new], 1000), Hold)
    assert purse.settle(late, 700)
    assert only(house.treasury.state())[:3] == (1000, 0, 1000)


def test_a_slot_is_not_used_again_while_somebody_holds_there(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    hold = house.hold(purse, [slot], 1000)
    house.treasury.wish([])
    house.clock.advance(60)
    [second] = house.treasury.wish([budget(2, 1000)]).values()
    assert second.index != slot.index
    purse.settle(hold, 5)
    house.treasury.wish([])
    house.clock.advance(60)
    [third] = house.treasury.wish([budget(3, 1000)]).values()
    assert third.index == slot.index
    assert isinstance(house.hold(purse, [third], 1000), Hold)


def test_a_call_that_cost_more_than_it_held_is_counted_whole(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    purse.settle(house.hold(purse, [slot], 100), 990)
    assert house.hold(purse, [slot], 11) == Spent(slot.budget)
    assert isinstance(house.hold(purse, [slot], 10), Hold)


def test_a_worker_that_leaves_is_done(house):
    [slot] = house.treasury.wish([budget(1, 1000)]).values()
    purse = house.worker()
    purse.settle(house.hold(purse, [slot], 100), 70)
    purse.close()
    house.treasury.look()
    house.journal.rows.append(row("worker-1", [slot.generation], 70))
    assert only(house.treasury.state())[:4] == (1000, 70, 0, 70)
    house.recorded(1)
    assert only(house.treasury.state())[:4] == (1000, 70, 0, 70)


def test_a_torn_file_is_made_anew(tmp_path):
    (tmp_path / "b").write_bytes(b"x" * 100)
    assert memory.Memory(tmp_path / "b").claim(1, 1, "w") == 0


def test_a_file_of_another_layout_is_made_anew(tmp_path):
    memory.Memory(tmp_path / "b").claim(1, 1, "w")
    with (tmp_path / "b").open("r+b") as file:
        file.write(b"vlbudge0")
    assert memory.Memory(tmp_path / "b").claim(1, 1, "w") == 0
