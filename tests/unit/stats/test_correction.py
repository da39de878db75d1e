"""Known values of others, and coverage in simulation beside what goes wrong without it."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.correction import (
    Confusion,
    agreed,
    prediction_powered,
    prediction_powered_difference,
    rogan_gladen,
    rogan_gladen_difference,
)
from volano.stats.errors import StatsInputError

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("jc", ROOT / "benchmarks/judge_correction.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def drawn(n, more, seed=5):
    rng = np.random.default_rng(seed)
    label = (rng.random(n + more) < 0.7).astype(float)
    judged = np.where(rng.random(n + more) < 0.85, label, 1 - label)
    return label[:n], judged[:n], judged[n:]


def test_the_estimate_is_that_of_ppi_py_with_the_same_weight():
    """ppi_py 0.2.3, `ppi_mean_pointestimate(Y, Yhat, Yhat_unlabeled, lam=weight)`."""
    label, judged, more = drawn(80, 600)
    found = prediction_powered(label.tolist(), judged.tolist(), more.tolist())
    by_hand = label.mean() + found.weight * (more.mean() - judged.mean())
    assert found.value == pytest.approx(by_hand, abs=1e-12)
    assert found.value == pytest.approx(PPI_PY["same_lam"], abs=1e-9)
    assert found.value == pytest.approx(PPI_PY["tuned"], abs=0.003)
    assert (found.low, found.high) == pytest.approx(PPI_PY["ci"], abs=0.012)


def test_the_weight_is_that_of_least_variance():
    label, judged, more = drawn(120, 900)
    found = prediction_powered(label.tolist(), judged.tolist(), more.tolist())
    cov = np.cov(label, judged)

    def variance(lam):
        here = (cov[0, 0] - 2 * lam * cov[0, 1] + lam**2 * cov[1, 1]) / len(label)
        return here + lam**2 * more.var(ddof=1) / len(more)

    assert all(variance(found.weight) <= variance(found.weight + d) for d in (-0.01, 0.01))


def test_a_judge_that_knows_nothing_is_not_listened_to():
    rng = np.random.default_rng(2)
    label, judged = (rng.random(4000) < 0.6).astype(float), (rng.random(4000) < 0.5).astype(float)
    found = prediction_powered(label.tolist(), judged.tolist(), [1.0, 0.0] * 500)
    assert abs(found.weight) < 0.05
    assert found.value == pytest.approx(label.mean(), abs=0.005)


def test_a_judge_that_always_says_the_same_leaves_the_mean_of_people():
    found = prediction_powered([1.0, 0.0, 1.0, 1.0], [1.0] * 4, [1.0] * 50)
    assert (found.value, found.weight) == (0.75, 0.0)
    assert found.low < 0.75 < found.high


def test_no_error_among_few_rows_is_no_certainty():
    found = prediction_powered([1.0, 0.0] * 15, [1.0, 0.0] * 15, [1.0, 0.0] * 5000)
    assert found.value == pytest.approx(0.5)
    assert found.high - found.low > 0.05


def test_rows_of_one_cluster_count_as_one():
    label, judged, more = drawn(60, 400)
    alone = prediction_powered(label.tolist(), judged.tolist(), more.tolist())
    thrice = [np.repeat(x, 3).tolist() for x in (label, judged, more)]
    names = np.repeat(np.arange(60), 3).tolist(), np.repeat(np.arange(400), 3).tolist()
    known = prediction_powered(*thrice, clusters=names)
    assert known.value == pytest.approx(alone.value, abs=1e-9)
    assert known.high - known.low == pytest.approx(alone.high - alone.low, rel=0.08)
    blind = prediction_powered(*thrice)
    assert blind.high - blind.low < 0.7 * (known.high - known.low)


def test_a_difference_is_the_mean_of_differences():
    rng = np.random.default_rng(9)
    label = rng.choice([-1.0, 0.0, 1.0], 200, p=[0.1, 0.6, 0.3])
    judged, more = label.copy(), rng.choice([-1.0, 0.0, 1.0], 800, p=[0.1, 0.6, 0.3])
    found = prediction_powered_difference(label.tolist(), judged.tolist(), more.tolist())
    want = label.mean() + found.weight * (more.mean() - judged.mean())
    assert found.value == pytest.approx(want, abs=1e-12)
    mirrored = prediction_powered_difference(*[(-x).tolist() for x in (label, judged, more)])
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-9)


def test_rogan_and_gladen_by_hand():
    found = rogan_gladen(Confusion(90, 10, 20, 80), 600, 1000)
    assert found.value == pytest.approx((0.6 + 0.8 - 1) / 0.7)
    z = 1.959963984540054
    p, n = (600 + z * z / 2) / (1000 + z * z), 1000 + z * z
    q1, q0 = 91 / 102, 81 / 102
    rate = (p + q0 - 1) / (q0 + q1 - 1)
    v1, v0 = q1 * (1 - q1) / 102, q0 * (1 - q0) / 102
    half = z * math.sqrt(p * (1 - p) / n + (1 - rate) ** 2 * v0 + rate**2 * v1) / (q0 + q1 - 1)
    centre = rate + 2 * z * z * (rate * v1 - (1 - rate) * v0)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-9)


def test_a_judge_no_better_than_chance_corrects_nothing():
    assert rogan_gladen(Confusion(5, 5, 5, 5), 50, 100) is None
    assert rogan_gladen_difference(Confusion(4, 6, 6, 4), [0.0] * 20, [1.0] * 20) is None


def test_the_rates_of_a_table_have_wilsons_intervals():
    found = agreed(Confusion(9, 1, 0, 0))
    assert found["sensitivity"][0] == 0.9
    assert "specificity" not in found


@pytest.mark.parametrize(
    "given_",
    [([1.0], [1.0], [1.0, 0.0]), ([1.0] * 5, [1.0] * 4, [1.0] * 5), ([2.0] * 5, [1.0] * 5, [1.0] * 5),
     ([1.0] * 5, [1.0] * 5, [1.0])],
)  # fmt: skip
def test_what_cannot_be_corrected_is_refused(given_):
    with pytest.raises(StatsInputError):
        prediction_powered(*given_)


@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.floats(0, 1)), min_size=3, max_size=40),
    st.lists(st.floats(0, 1), min_size=2, max_size=40),
)
def test_every_interval_holds_its_value_and_stays_in_range(pairs, more):
    found = prediction_powered([a for a, _ in pairs], [b for _, b in pairs], more)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_corrected_means_cover_and_raw_ones_do_not(bench):
    """300 streams of 12 cells; the whole table: `python benchmarks/judge_correction.py`."""
    cells = list(
        bench.means(300, truths=(0.7, 0.95), kinds=("even", "lenient"), sizes=((100, 500),))
    )
    own = [cell for cell in cells if cell.method == "PPI++"]
    assert len(own) == 12
    mean = sum(cell.coverage for cell in own) / len(own)
    assert 0.93 <= mean <= 0.97
    assert all(abs(cell.bias) < 0.01 and 0.905 <= cell.coverage <= 0.99 for cell in own)
    raw = [cell for cell in cells if cell.method == "raw"]
    assert max(abs(cell.bias) for cell in raw) > 0.05
    assert sum(cell.coverage for cell in raw) / len(raw) < 0.6


def test_the_planted_kappa_is_there(bench):
    for kind in bench.KINDS:
        q1, q0 = bench.rates(0.7, 0.6, kind)
        assert bench.kappa_of(0.7, q1, q0) == pytest.approx(0.6, abs=1e-6)


PPI_PY = {
    "same_lam": 0.6727276690914097,
    "tuned": 0.6727430184180314,
    "ci": (0.6020538609111823, 0.7434321759248805),
}
