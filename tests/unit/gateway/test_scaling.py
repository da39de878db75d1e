"""How many replicas: by what waits, by the time to first token, and not by every moment."""

import pytest

from volano.gateway.scaling import Bounds, Load, State, loads, look

BOUNDS = Bounds(least=1, most=3, queue=4, first_s=0.5, calm_s=60.0)
SLOTS = 8


def over(state, seen, *, bounds=BOUNDS, complete=True, every_s=5.0):
    """Return how many were wanted after each look; `seen` are loads."""
    wanted, now_s = [], 1000.0
    for load in seen:
        state, _ = look(state, load, bounds, slots=SLOTS, complete=complete, now_s=now_s)
        wanted.append(state.wanted)
        now_s += every_s
    return wanted


def streams(first_s, count):
    """Loads of so many looks, four streams each, whose first tokens came after so long."""
    return [Load(1, 4 * n * first_s, 4 * n) for n in range(count)]


def test_calls_that_wait_at_two_looks_start_one_more_and_the_next_has_its_turn_later():
    assert over(State(1), [Load(12)] * 2) == [1, 2]
    assert over(State(1), [Load(40)] * 9) == [1, 2, 2, 3, 3, 3, 3, 3, 3], "and never more than most"


@pytest.mark.parametrize("seen", [[12, 3, 12, 3], [11, 11, 11, 11]])
def test_a_moment_or_a_few_that_wait_move_nothing(seen):
    assert over(State(1), [Load(n) for n in seen]) == [1, 1, 1, 1]


def test_late_first_tokens_start_one_more_without_any_queue():
    assert over(State(1), streams(0.6, 4)) == [1, 1, 2, 2]
    assert over(State(1), streams(0.4, 9)) == [1] * 9


def test_first_tokens_are_not_looked_at_unless_asked_for():
    assert over(State(1), streams(9.0, 9), bounds=Bounds(most=3)) == [1] * 9


def test_two_streams_are_no_mean():
    assert over(State(1), [Load(1)] + [Load(1, 9.0 * 2, 2)] * 6) == [1] * 7


def test_late_first_tokens_of_answers_so_slow_that_few_end_between_looks_start_one_more():
    slow = [Load(8, 2.0 * ended, ended) for ended in (0, 1, 3, 4, 5, 7, 8)]
    assert over(State(1), slow) == [1, 1, 1, 1, 1, 2, 2]
    often = [load for load in slow for _ in range(10)]
    assert over(State(1), often, every_s=0.5)[-1] == 2


def test_one_mean_is_not_taken_for_two():
    seen = [Load(8), Load(8, 2.0 * 3, 3), *[Load(8, 2.0 * 4, 4)] * 6]
    assert over(State(1), seen) == [1] * 8


def test_late_first_tokens_hold_an_engine_until_streams_tell_again_and_not_for_ever():
    seen = [Load(2), Load(2, 2.0 * 3, 3), *[Load(2, 2.0 * 4, 4)] * 30]
    found = over(State(2), seen, complete=False)
    assert found[:20] == [2] * 20
    assert found[-1] == 1
    assert over(State(2), [*seen[:2], *[Load(0, 2.0 * 4, 4)] * 13])[-1] == 1, "nobody waits"


def test_what_was_counted_before_the_first_look_or_by_an_engine_that_left_says_nothing():
    assert over(State(1), [Load(1, 9.0 * 50, 50)] * 4) == [1] * 4
    left = [Load(1, 0.1 * 50, 50), Load(1), *streams(0.6, 3)[1:]]
    assert over(State(1), left) == [1, 1, 1, 2]


def test_nothing_more_starts_until_all_that_are_wanted_answer():
    assert over(State(2), [Load(60)] * 5, complete=False) == [2] * 5


def test_one_goes_after_a_whole_while_with_room_and_the_next_after_another():
    found = over(State(3), [Load(0)] * 30)
    assert found == [3] * 12 + [2] * 13 + [1] * 5, "and never fewer than least"


def test_a_busy_moment_begins_the_while_anew():
    seen = [Load(0)] * 11 + [Load(9)] + [Load(0)] * 12
    assert over(State(2), seen) == [2] * 24


def test_what_one_fewer_could_only_just_do_stays():
    """Else the one that is left would soon want another."""
    assert over(State(2), [Load(5)] * 30) == [2] * 30
    assert over(State(2), [Load(4)] * 30)[-1] == 1


def test_first_tokens_between_half_the_bound_and_the_bound_move_nothing():
    assert over(State(2), streams(0.3, 30)) == [2] * 30
    assert over(State(2), streams(0.2, 30))[-1] == 1


def test_loads_are_put_together_by_name():
    assert loads({"a": 3}, {"a": (1.5, 2), "b": (0.5, 1)}) == {
        "a": Load(3, 1.5, 2), "b": Load(0, 0.5, 1),
    }  # fmt: skip
    assert Load(1, 0.5, 1) + Load(2, 0.25, 1) == Load(3, 0.75, 2)
