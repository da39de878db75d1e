"""Which clusters failed tells whether failures come in lumps, and intervals heed it."""

import math

import numpy as np
import pytest

from volano.stats.clustered import mean_interval
from volano.stats.gap import gap
from volano.stats.lumps import BEFORE, lumped

SIZES = [1, 2, 3, 5, 10, 15] * 3


def failures(counts):
    """Return the rows of clusters of ten, of which so many failed."""
    rows = [float(at < count) for count in counts for at in range(10)]
    return [rows], [at // 10 for at in range(len(rows))]


def test_the_chance_is_that_of_bayes_rule():
    scipy = pytest.importorskip("scipy.stats")
    counts = [0, 4, 1, 0, 0, 3]
    p, whole = (sum(counts) + 0.5) / 61, 1 / 0.3 - 1
    lumps = math.prod(scipy.betabinom.pmf(x, 10, whole * p, whole * (1 - p)) for x in counts)
    alone = math.prod(scipy.binom.pmf(x, 10, p) for x in counts)
    want = BEFORE * lumps / (BEFORE * lumps + (1 - BEFORE) * alone)
    assert lumped(*failures(counts), 0.3) == pytest.approx(want, abs=1e-9)


def test_failures_apart_speak_against_lumps_and_together_for_them():
    assert lumped(*failures([1] * 10 + [0] * 10), 0.3) < 0.01
    assert lumped(*failures([5, 5] + [0] * 18), 0.3) > 0.999
    assert lumped(*failures([0] * 20), 0.3) == pytest.approx(BEFORE, abs=0.1)


def test_rows_without_a_cluster_are_no_lump():
    rows, names = failures([5, 5] + [0] * 18)
    assert lumped(rows, ["" for _ in names], 0.3) == pytest.approx(BEFORE)
    assert lumped(rows, [None for _ in names], 0.3) == pytest.approx(BEFORE)


def test_failures_apart_have_the_nearer_ends():
    names = [at // 10 for at in range(200)]
    apart, together = [1.0] * 200, [1.0] * 200
    for at in range(4):
        apart[at * 10] = together[at] = 0.0
    near, far = mean_interval(apart, names), mean_interval(together, names)
    assert near.high - near.low < 0.05  # 0.066 where nothing is learnt from where they failed
    assert far.high - far.low > 2 * (near.high - near.low)
    ones = [1.0] * 200
    assert gap(ones, together, names).low < 2 * gap(ones, apart, names).low < 0


@pytest.mark.parametrize("kind", ["share", "pair"])
def test_independent_rows_in_unequal_clusters_are_not_covered_far_too_often(kind):
    """400 draws of 108 rows, 0.9 (and 0.95): a caution that learns nothing covers 99 %."""
    rng, names = np.random.default_rng(7), np.repeat(np.arange(len(SIZES)), SIZES).tolist()
    held = 0
    for _ in range(400):
        first, second = (rng.random(len(names)) < p for p in (0.9, 0.95))
        if kind == "share":
            found, truth = mean_interval(first.astype(float).tolist(), names), 0.9
        else:
            found, truth = gap(first.astype(float).tolist(), second.astype(float).tolist(), names), 0.05  # fmt: skip
        held += found.low <= truth <= found.high
    assert 0.93 <= held / 400 <= 0.98


def test_scores_between_are_taken_for_lumps_wherever_they_fell():
    """Half steps have no law of lumps: they are not the nearer for having fallen apart."""
    names, ones = [at // 10 for at in range(200)], [1.0] * 200
    fell, halves = [1.0] * 200, [1.0] * 200
    for at in range(4):
        fell[at * 10], halves[at * 10] = 0.0, 0.5
    learnt, cautious = gap(ones, fell, names), gap(ones, halves, names)
    assert (cautious.high - cautious.low) / 0.5 > 1.2 * (learnt.high - learnt.low)
