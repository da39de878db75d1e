import math

import pytest

from volano.stats.errors import StatsInputError
from volano.stats.surrogate import Surrogate


def test_what_was_measured_without_noise_is_guessed_back():
    xs = [(x / 4, y / 2) for x in range(5) for y in range(3)]
    values = [math.sin(3 * x) + y for x, y in xs]
    mean, spread = Surrogate(xs, values, [0.0] * len(xs)).guess(xs)
    assert list(mean) == pytest.approx(values, abs=0.02)
    assert max(spread) < 0.05


def test_between_points_it_is_near_and_far_away_it_is_unsure():
    xs = [(0.0,), (0.1,), (0.3,), (0.4,)]
    values = [math.sin(6 * x) for (x,) in xs]
    mean, spread = Surrogate(xs, values, [0.0] * 4).guess([(0.2,), (1.0,)])
    assert mean[0] == pytest.approx(math.sin(1.2), abs=0.1)
    assert spread[1] > 5 * spread[0]


def test_noise_draws_the_guess_away_from_one_odd_point():
    xs = [(x / 10,) for x in range(11)]
    values = [0.0] * 11
    values[5] = 1.0
    sure, _ = Surrogate(xs, values, [1e-9] * 11).guess([(0.5,)])
    noisy, _ = Surrogate(xs, values, [1.0] * 11).guess([(0.5,)])
    assert noisy[0] < 0.5 < sure[0]


def test_one_value_repeated_is_taken_as_it_is():
    mean, _ = Surrogate([(0.0,), (1.0,)], [3.0, 3.0], [0.0, 0.0]).guess([(0.5,)])
    assert mean[0] == pytest.approx(3.0)


def test_nothing_cannot_be_learned_from():
    with pytest.raises(StatsInputError):
        Surrogate([], [], [])


def test_chance_that_nobody_told_of_is_estimated():
    xs = [(x / 10,) for x in range(11)]
    values = [float(x % 2) for x in range(11)]
    blind, _ = Surrogate(xs, values, [0.0] * 11).guess([(0.5,)])
    aware, _ = Surrogate(xs, values, [0.0] * 11, chance=True).guess([(0.5,)])
    assert abs(aware[0] - 0.5) < abs(blind[0] - 0.5)
