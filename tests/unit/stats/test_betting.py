import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.betting import BettingTest, MeanBounds, MeanFloor
from volano.stats.errors import StatsInputError

values = st.lists(st.floats(0, 1), min_size=1, max_size=60)


def fed(watcher, stream):
    for value in stream:
        watcher.observe(value)
    return watcher


@given(values)
def test_bounds_agree_with_an_independent_package(stream):
    np, ville = pytest.importorskip("numpy"), pytest.importorskip("ville.means")
    theirs = ville.BettingCS(alpha=0.05, grid=201, intersect=True).update(np.array(stream))
    low, high = fed(MeanBounds(0.05), stream).interval
    if theirs.lower_[-1] < theirs.upper_[-1]:
        assert (low, high) == pytest.approx((theirs.lower_[-1], theirs.upper_[-1]), abs=1e-9)


def test_bounds_agree_on_long_streams_too():
    np, ville = pytest.importorskip("numpy"), pytest.importorskip("ville.means")
    rng = random.Random(5)
    for draw in (lambda: rng.betavariate(2, 5), lambda: float(rng.random() < 0.9)):
        stream = [draw() for _ in range(600)]
        theirs = ville.BettingCS(alpha=0.05, grid=201).update(np.array(stream))
        low, high = fed(MeanBounds(0.05), stream).interval
        assert (low, high) == pytest.approx((theirs.lower_[-1], theirs.upper_[-1]), abs=1e-9)


@given(values)
def test_below_is_above_seen_in_the_mirror(stream):
    below = fed(BettingTest(0.3, side="below"), stream)
    above = fed(BettingTest(0.7, side="above"), [1 - x for x in stream])
    assert below.e_value == pytest.approx(above.e_value, rel=1e-9)


@given(values, values)
def test_a_rejection_stays(stream, later):
    test = fed(BettingTest(0.2), [*stream, *[1.0] * 200])
    assert test.rejected
    assert fed(test, later).rejected


@given(values, values)
def test_the_floor_only_rises(stream, later):
    floor = fed(MeanFloor(0.05), stream)
    before = floor.bound
    assert fed(floor, later).bound >= before


def test_low_variance_is_rewarded():
    """The same mean 0.9: steady scores prove more than coins."""
    steady = fed(MeanFloor(0.05), [0.9, 0.88, 0.92] * 40)
    coins = fed(MeanFloor(0.05), [1.0, 1, 1, 1, 1, 1, 1, 1, 1, 0] * 12)
    assert steady.bound > coins.bound > 0.75


def test_it_shows_what_it_holds():
    shown = fed(BettingTest(0.5), [1.0] * 30).to_dict()
    assert shown["rejected"]
    assert shown["n"] == 30
    bounds = fed(MeanBounds(), [0.5] * 30).to_dict()
    assert bounds["low"] < bounds["mean"] < bounds["high"]


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
def test_values_outside_are_refused(value):
    for watcher in (BettingTest(0.5), MeanFloor(0.05), MeanBounds()):
        with pytest.raises(StatsInputError):
            watcher.observe(value)


@pytest.mark.parametrize("settings", [{"mean": 0}, {"mean": 0.5, "alpha": 1},
                                      {"mean": 0.5, "side": "left"}])  # fmt: skip
def test_impossible_settings_are_refused(settings):
    with pytest.raises(StatsInputError):
        BettingTest(**settings)
