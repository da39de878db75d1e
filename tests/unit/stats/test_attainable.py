"""What the benchmark calls impossible: against a search of every set there is."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def attainable():
    spec = importlib.util.spec_from_file_location("attainable", ROOT / "benchmarks/attainable.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_twenty_rows_that_fail_once_in_a_hundred_cannot_be_covered_as_said(attainable):
    law = attainable.law_of_count(0.01, 0.0, [1] * 20)
    assert law[0] == pytest.approx(0.99**20)
    assert attainable.nearest_run(law, 0.93, 0.97) == pytest.approx(0.99**20 + 20 * 0.01 * 0.99**19)
    common = attainable.law_of_count(0.5, 0.0, [1] * 20)
    assert 0.93 <= attainable.nearest_run(common, 0.93, 0.97) <= 0.97


def test_clusters_have_the_law_of_correlated_rows(attainable):
    law = attainable.law_of_count(0.1, 0.3, [5, 5, 10])
    at = np.arange(21)
    assert law.sum() == pytest.approx(1)
    mean = law @ at
    assert mean == pytest.approx(2)
    effect = (5 * (1 + 0.3 * 4) * 2 + 10 * (1 + 0.3 * 9)) / 20
    assert law @ (at - mean) ** 2 == pytest.approx(20 * 0.09 * effect)


def test_the_law_of_pairs_is_the_trinomial_one(attainable):
    law = attainable.law_of_pairs([0.1, 0.2, 0.7], 0.0, [1] * 6)
    want = math.factorial(6) / (math.factorial(3) * 2) * 0.1 * 0.2**2 * 0.7**3
    assert law[1, 2] == pytest.approx(want, abs=1e-12)
    alike = attainable.law_of_pairs([0.1, 0.2, 0.7], 0.3, [3, 3])
    assert (alike.sum(0) @ np.arange(alike.shape[1])) == pytest.approx(1.2, abs=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_the_staircases_are_all_sets_that_a_rule_can_have(attainable, seed):
    """Of three pairs: every set of outcomes that holds what lies between any two of its own."""
    points = [(b, c) for b in range(4) for c in range(4 - b)]
    masses = np.random.default_rng(seed).dirichlet([0.3] * len(points))
    law = np.zeros((4, 4))
    law[tuple(np.array(points).T)] = masses

    def under(x, y):
        return x[0] >= y[0] and x[1] <= y[1]

    best = math.inf
    for bits in range(1 << len(points)):
        one = {point for at, point in enumerate(points) if bits >> at & 1}
        if all(y in one for x in one for z in one if under(x, z)
               for y in points if under(x, y) and under(y, z)):  # fmt: skip
            covered = sum(law[point] for point in one)
            best = min(best, max(0.93 - covered, covered - 0.97, 0.0))
    found = attainable.nearest_staircase(law, 0.93, 0.97)
    assert max(0.93 - found, found - 0.97, 0.0) == pytest.approx(best, abs=2e-5)
