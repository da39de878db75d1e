from itertools import product
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.errors import StatsInputError
from volano.stats.intervals import paired_difference, paired_means, paired_proportions, wilson

cells = st.integers(0, 300)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_scipy(counts):
    stats = pytest.importorskip("scipy.stats")
    k, n = counts
    theirs = stats.binomtest(k, n).proportion_ci(method="wilson")
    assert wilson(k, n) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_wilson_has_width_at_the_edges():
    assert wilson(0, 20)[0] == 0.0
    assert wilson(0, 20)[1] == pytest.approx(0.161, abs=1e-3)
    assert wilson(20, 20)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n", "c"), [(3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0), (1, 2, 0)])
def test_wilson_refuses_impossible_counts(k, n, c):
    with pytest.raises(StatsInputError):
        wilson(k, n, c)


def test_paired_proportions_agrees_with_the_published_example():
    """Newcombe 1998, table II, method 10: cells 36, 12, 2, 0 -> 0.0569 to 0.3404."""
    d = paired_proportions(both=36, only_first=2, only_second=12, neither=0)
    assert (d.value, round(d.low, 4), round(d.high, 4)) == (0.2, 0.0569, 0.3404)


@given(cells, cells, cells, cells)
def test_swapping_first_and_second_mirrors_the_interval(both, a, b, neither):
    if both + a + b + neither == 0:
        return
    there = paired_proportions(both=both, only_first=a, only_second=b, neither=neither)
    back = paired_proportions(both=both, only_first=b, only_second=a, neither=neither)
    assert there == pytest.approx((-back.value, -back.high, -back.low), abs=1e-12)
    assert -1 <= there.low <= there.value <= there.high <= 1
    assert there.low < there.high


def test_paired_proportions_covers_the_truth_nineteen_times_in_twenty():
    """Exact: every table of 15 rows, weighted by its chance, for several truths."""
    n = 15
    tables = [t for t in product(range(n + 1), repeat=3) if sum(t) <= n]
    spans = {t: paired_proportions(both=t[0], only_first=t[1], only_second=t[2],
                                   neither=n - sum(t)) for t in tables}  # fmt: skip
    coverages = []
    for p in [(0.6, 0.05, 0.15), (0.7, 0.1, 0.1), (0.3, 0.2, 0.3), (0.8, 0.02, 0.1)]:
        truth, rest, covered = p[2] - p[1], 1 - sum(p), 0.0
        for (e, f, g), span in spans.items():
            h = n - e - f - g
            ways = comb(n, e) * comb(n - e, f) * comb(n - e - f, g)
            chance = ways * p[0] ** e * p[1] ** f * p[2] ** g * rest**h
            covered += chance * (span.low <= truth <= span.high)
        coverages.append(covered)
    assert min(coverages) > 0.92
    assert sum(coverages) / len(coverages) > 0.945


def test_paired_difference_says_how_much_better_the_second_is():
    d = paired_difference([0, 0, 1, 1] * 50, [1, 0, 1, 1] * 50)
    assert d.value == 0.25
    assert 0.15 < d.low < 0.25 < d.high < 0.35


def test_paired_means_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    a = [0.1, 0.5, 0.9, 0.3, 0.7, 0.25]
    b = [0.4, 0.45, 1.0, 0.35, 0.9, 0.5]
    theirs = stats.ttest_rel(b, a).confidence_interval(0.95)
    d = paired_difference(a, b)
    assert (d.low, d.high) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


def test_equal_differences_do_not_claim_certainty():
    d = paired_means([0.5] * 10, [0.5] * 10)
    assert d.value == 0
    assert d.low == -d.high
    assert d.high == pytest.approx(1 - 0.025**0.1)
    one = paired_means([0.25], [0.5])
    assert one.low < 0 < one.high


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1], [1, 0]), ([2], [1]), ([float("nan")], [1]), ([-0.1], [0])]
)
def test_paired_difference_refuses_what_is_no_pair_of_scores(a, b):
    with pytest.raises(StatsInputError):
        paired_difference(a, b)
