import math
import random

import pytest

from volano.stats.assignment import WEIGHT, Assignment
from volano.stats.errors import StatsInputError


def test_it_is_the_dirichlet_mixture():
    """Against the closed form: a ratio of multivariate beta functions."""
    weights, rng = (0.5, 0.3, 0.2), random.Random(1)
    test = Assignment(weights)
    for _ in range(500):
        test.observe(rng.choices(range(3), weights)[0])
    prior = [WEIGHT * w for w in weights]
    closed = sum(
        math.lgamma(a + s) - math.lgamma(a) - s * math.log(w)
        for a, s, w in zip(prior, test.counts, weights, strict=True)
    ) + math.lgamma(WEIGHT) - math.lgamma(WEIGHT + 500)  # fmt: skip
    assert math.log(test.e_value) == pytest.approx(closed, abs=1e-9)


def test_an_honest_split_is_believed_at_every_look():
    rejected = 0
    for seed in range(400):
        rng, test = random.Random(seed), Assignment((0.8, 0.2), alpha=0.05)
        for _ in range(500):
            test.observe(int(rng.random() < 0.2))
        rejected += test.rejected
    assert rejected / 400 <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_a_wrong_split_is_found_and_stays_found():
    rng, test = random.Random(3), Assignment((0.5, 0.5))
    for _ in range(10_000):
        test.observe(int(rng.random() < 0.47))
    assert test.rejected
    assert test.p_value < 0.001
    for n in range(20_000):
        test.observe(n % 2)
    assert test.rejected


def test_an_arm_that_is_out_changes_nothing_for_the_others():
    rng, test = random.Random(4), Assignment((0.5, 0.25, 0.25))
    for _ in range(600):
        test.observe(rng.choices(range(3), (2, 1, 1))[0])
    test.close(2)
    before = test.counts[2]
    for _ in range(6000):
        test.observe(rng.choices(range(2), (2, 1))[0])
        test.observe(2)
    assert test.counts[2] == before
    assert not test.rejected


def test_a_split_that_is_none_is_refused():
    for weights in ((1.0,), (0.5, 0), (0.5, -0.5)):
        with pytest.raises(StatsInputError):
            Assignment(weights)
