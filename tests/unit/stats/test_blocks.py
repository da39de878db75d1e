import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.betting import BettingTest
from volano.stats.blocks import BlockTest
from volano.stats.errors import StatsInputError

STREAMS = 500
BAR = 0.05 + 3 * math.sqrt(0.05 * 0.95 / STREAMS)
stream = st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=80)


def compared(n, *, loss=0.0, share=0.5, margin=0.0, seed=0, swing=0.0):
    rng, test = random.Random(seed), BlockTest(margin)
    for i in range(n):
        mine = rng.random() < share
        value = rng.betavariate(8, 2) - (loss if mine else 0) - swing * (1 + math.sin(i / 90)) / 2
        test.observe(mine, min(1.0, max(0.0, value)))
    return test


@pytest.mark.slow
@pytest.mark.parametrize(
    ("share", "swing", "margin", "loss"),
    [(0.5, 0, 0, 0), (0.05, 0, 0, 0), (0.2, 0.4, 0, 0), (0.5, 0, 0.03, 0.03)],
)
def test_no_difference_is_seldom_called_one(share, swing, margin, loss):
    """Also where both drift, and at the edge of what is tolerated; looked at after every unit."""
    wrong = sum(
        compared(500, share=share, swing=swing, margin=margin, loss=loss, seed=seed).rejected
        for seed in range(STREAMS)
    )
    assert wrong / STREAMS <= BAR


def test_coins_that_are_alike_are_seldom_called_different():
    wrong = 0
    for seed in range(STREAMS):
        rng, test = random.Random(seed), BlockTest()
        for _ in range(300):
            test.observe(rng.random() < 0.3, float(rng.random() < 0.5))
        wrong += test.rejected
    assert wrong / STREAMS <= BAR


def test_a_twentieth_less_is_found_within_three_hundred_units():
    found = []
    for seed in range(20):
        rng, test = random.Random(seed), BlockTest()
        while not test.rejected and test.counts[1] < 2000:
            mine = rng.random() < 0.1
            test.observe(mine, max(0.0, rng.betavariate(8, 2) - (0.05 if mine else 0)))
        found.append(test.counts[1])
    assert sorted(found)[10] <= 300


def test_pairs_are_the_bet_of_the_paper():
    """Arms that take turns make pairs: the martingale of `betting` on (d + 1) / 2."""
    rng, test, bet = random.Random(1), BlockTest(0.1), BettingTest(0.45, side="below")
    for _ in range(200):
        mine, other = rng.random(), rng.random()
        test.observe(False, other)
        test.observe(True, mine)
        bet.observe((mine - other + 1) / 2)
    assert test.blocks == 200
    assert test.e_value == pytest.approx(bet.e_value)


@given(stream)
def test_one_arm_proves_nothing(values):
    test = BlockTest()
    for _, value in values:
        test.observe(True, value)
    assert test.blocks == 0
    assert not test.rejected


@given(stream, stream)
def test_a_rejection_stays(values, later):
    test = BlockTest()
    for _ in range(100):
        test.observe(False, 1.0)
        test.observe(True, 0.0)
    for mine, value in [*values, *later]:
        test.observe(mine, value)
    assert test.rejected


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_value_outside_its_range_is_refused(value):
    with pytest.raises(StatsInputError):
        BlockTest().observe(True, value)
