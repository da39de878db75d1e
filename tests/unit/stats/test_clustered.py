import math
import random

import numpy as np
import pytest
from scipy import optimize, stats

from volano.stats.binomial import SLACK, proportion_interval
from volano.stats.bootstrap import ratio_of_medians, ratio_of_sums, resampled
from volano.stats.clustered import mean_interval, quantile_interval, spread
from volano.stats.errors import StatsInputError
from volano.stats.gap import gap, tango
from volano.stats.multiple import benjamini_hochberg
from volano.stats.power import detectable, rows_needed, variance_of_difference


@pytest.mark.parametrize("n", [20, 50, 100, 300])
def test_a_proportion_covers_at_every_truth(n):
    intervals = [proportion_interval(x, n) for x in range(n + 1)]
    for step in range(1, 200):
        p = step / 200
        mass = stats.binom.pmf(range(n + 1), n, p)
        covered = sum(m for m, (low, high) in zip(mass, intervals, strict=True) if low <= p <= high)
        assert covered >= 0.95 - SLACK - 1e-6


def test_proportions_at_the_edge_keep_a_width_and_their_mirror():
    assert proportion_interval(50, 50)[1] == 1
    assert 0.9 < proportion_interval(50, 50)[0] < 0.95
    low, high = proportion_interval(3, 40)
    assert proportion_interval(37, 40) == (pytest.approx(1 - high), pytest.approx(1 - low))
    assert proportion_interval(0, 0) == (0, 1)


def test_without_clusters_unbounded_means_are_students():
    rng = random.Random(1)
    values = [rng.gauss(5, 2) for _ in range(30)]
    found = mean_interval(values, share=False)
    low, high = stats.t.interval(0.95, 29, loc=found.value, scale=stats.sem(values))
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_equal_clusters_are_students_over_their_means():
    rng = random.Random(2)
    values, keys = [], []
    for cluster in range(12):
        level = rng.random()
        values += [level + rng.gauss(0, 0.2) for _ in range(5)]
        keys += [f"c{cluster}"] * 5
    means = [sum(values[at : at + 5]) / 5 for at in range(0, 60, 5)]
    found = mean_interval(values, keys, share=False)
    low, high = stats.t.interval(0.95, 11, loc=sum(means) / 12, scale=stats.sem(means))
    assert spread(values, keys).df == pytest.approx(11)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_one_cluster_says_nothing():
    found = mean_interval([1.0, 0.0, 1.0, 1.0], ["a"] * 4)
    assert found.high - found.low > 0.7
    assert math.isinf(mean_interval([1.0, 2.0], ["a", "a"], share=False).high)


def test_a_median_lies_between_its_bounds():
    values = [float(n * n) for n in range(101)]
    found = quantile_interval(values, 0.5)
    assert found.low < found.value == 2500 < found.high
    assert "beyond" in quantile_interval([1.0, 2.0, 3.0], 0.95).method


def test_tango_agrees_with_an_independent_solution():
    b, c, n = 5, 14, 120

    def statistic(d):
        linear = -b - c + (2 * n - c + b) * d
        q = (math.sqrt(linear**2 - 8 * n * (-b * d * (1 - d))) - linear) / (4 * n)
        return (c - b - n * d) / math.sqrt(n * (2 * q + d * (1 - d)))

    z = stats.norm.ppf(0.975)
    low = optimize.brentq(lambda d: statistic(d) - z, -0.9, (c - b) / n)
    high = optimize.brentq(lambda d: statistic(d) + z, (c - b) / n, 0.9)
    assert tango(b, c, n, 0.95) == (pytest.approx(low, abs=1e-9), pytest.approx(high, abs=1e-9))


def test_a_difference_without_bounds_is_the_paired_t_test():
    rng = random.Random(3)
    a = [rng.gauss(100, 20) for _ in range(40)]
    b = [v + rng.gauss(3, 8) for v in a]
    found, other = gap(a, b, share=False), stats.ttest_rel(b, a)
    assert found.p == pytest.approx(other.pvalue, abs=1e-9)
    assert found.low == pytest.approx(other.confidence_interval().low, abs=1e-9)


def test_no_row_that_differs_leaves_room_on_both_sides():
    found = gap([1.0] * 30, [1.0] * 30)
    assert (found.value, found.p) == (0, 1)
    assert -0.15 < found.low < 0 < found.high < 0.15


def test_mirrored_sides_mirror_the_difference():
    rng = random.Random(4)
    a, b = ([float(rng.random() < p) for _ in range(80)] for p in (0.7, 0.8))
    keys = [n // 4 for n in range(80)]
    one, other = gap(a, b, keys), gap(b, a, keys)
    assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-other.low))


@pytest.mark.parametrize("bad", [([], []), ([1.0], []), ([1.5], [0.0]), ([math.nan], [0.0])])
def test_what_is_no_pair_of_shares_is_refused(bad):
    with pytest.raises(StatsInputError):
        gap(*bad)


def test_ratios_have_intervals_and_are_the_same_each_time():
    rng = random.Random(5)
    a = [rng.lognormvariate(5, 0.4) for _ in range(80)]
    b = [v * rng.uniform(1.1, 1.3) for v in a]
    found = resampled([a, b], ratio_of_medians, smooth=False, null=1)
    assert 1.0 < found.low < found.value < found.high < 1.5
    assert found == resampled([a, b], ratio_of_medians, smooth=False, null=1)
    assert found.p < 0.01


def test_cost_per_success_is_resampled_by_cluster():
    costs, keys = [float(1 + n // 10 % 3) for n in range(100)], [n // 10 for n in range(100)]
    wins = [float(n // 10 % 2) for n in range(100)]
    alone, together = (resampled([wins, costs], ratio_of_sums, k) for k in (None, keys))
    assert together.method == "BCa bootstrap"
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_ratios_of_few_clusters_are_covered():
    """300 draws of ten clusters: without the t of so few, 88 % instead of 93 %."""
    rng, keys, held = np.random.default_rng(4), [at // 5 for at in range(50)], 0
    for _ in range(300):
        row = np.repeat(rng.standard_normal(10), 5) + rng.standard_normal((2, 50))
        found = resampled(np.exp(row * 0.7).tolist(), ratio_of_sums, keys, null=1, draws=500)
        held += found.low <= 1 <= found.high
    assert held / 300 >= 0.91


@pytest.mark.parametrize("clusters", [2, 3, 4])
def test_two_or_three_clusters_leave_all_open_that_was_drawn(clusters):
    rng = random.Random(clusters)
    rows = [[rng.lognormvariate(0, 2) for _ in range(5 * clusters)] for _ in range(2)]
    found = resampled(rows, ratio_of_sums, [at // 5 for at in range(5 * clusters)], null=1)
    assert found.low <= found.value <= found.high


def test_benjamini_hochberg_agrees_with_scipy():
    rng = random.Random(6)
    values = [rng.random() ** 2 for _ in range(25)]
    assert benjamini_hochberg(values) == pytest.approx(stats.false_discovery_control(values))
    assert benjamini_hochberg([]) == []


def test_rows_needed_find_what_they_were_planned_for():
    n = rows_needed(0.03, 0.1, design=1.4)
    assert detectable(n, 0.1, design=1.4) <= 0.03 < detectable(n - 1, 0.1, design=1.4)
    assert variance_of_difference(0.1, 0.2, 0.3, 5) == pytest.approx(0.2)
    with pytest.raises(StatsInputError):
        rows_needed(0, 0.1)


def test_the_planned_rows_reach_the_planned_power():
    rng = random.Random(7)
    n = rows_needed(0.1, 0.25)
    found = sum(
        gap([0.0] * n, [min(1.0, max(0.0, rng.gauss(0.1, 0.5))) for _ in range(n)], share=False).p
        < 0.05
        for _ in range(20)
    )
    assert n == 197
    assert found >= 12


@pytest.mark.parametrize(("n", "share"), [(20, 0.5), (100, 0.95), (200, 0.95)])
def test_the_interval_of_a_quantile_covers_it_as_often_as_it_says(n, share):
    draw = random.Random(7)
    hits = 0
    for _ in range(1500):
        found = quantile_interval([draw.expovariate(1) for _ in range(n)], share)
        hits += found.low <= -math.log(1 - share) <= found.high
    assert 0.93 <= hits / 1500 <= 0.97  # between whole ranks only: 87.8 % for n = 100, p95


def test_the_ends_of_a_medians_interval_are_fractional_order_statistics():
    found = quantile_interval([float(at) for at in range(1, 11)], 0.5)
    rank = optimize.brentq(lambda r: stats.beta.sf(0.5, r, 11 - r) - 0.025, 0.01, 5)
    assert (found.low, found.high) == pytest.approx((rank, 11 - rank), abs=1e-5)


def test_a_tail_that_few_values_cannot_bound_says_so():
    found = quantile_interval([float(at) for at in range(50)], 0.95)
    assert found.high == 49
    assert "beyond the data" in found.method
