"""How often does each test cry wolf when someone looks after every observation?

Each simulation is at the edge of its null hypothesis, where false alarms are
most likely, over R streams. Allowed: alpha + 3 sqrt(alpha (1 - alpha) / R). The
vector formulas here are written apart from the classes and compared with them
on single streams. The last tests are controls: they must fail the limit.
"""

from math import log

import pytest

np = pytest.importorskip("numpy")

from volano.stats.attribution import BETS, Attribution  # noqa: E402
from volano.stats.average import LADDER, NEVER, WEIGHTS, RunningMean  # noqa: E402
from volano.stats.betting import BettingTest  # noqa: E402
from volano.stats.proportion import Proportion  # noqa: E402

ALPHA = 0.05
CHUNK = 250
RATIOS = np.array([multiple for multiple, _ in BETS])
STAKES = np.array([weight for _, weight in BETS]) / sum(weight for _, weight in BETS)


def limit(runs, alpha=ALPHA):
    return alpha + 3 * (alpha * (1 - alpha) / runs) ** 0.5


# --- attribution ---------------------------------------------------------


def attribution_log_e(is_candidate, weight, r0):
    """log E after each failure, shape (streams, failures)."""
    odds = weight / (1 - weight)
    q0 = odds * r0 / (1 + odds * r0)
    logs = np.full(is_candidate.shape, -np.inf)
    for multiple, stake in zip(RATIOS, STAKES, strict=True):
        q = odds * r0 * multiple / (1 + odds * r0 * multiple)
        steps = np.where(is_candidate, np.log(q / q0), np.log((1 - q) / (1 - q0)))
        logs = np.logaddexp(logs, np.cumsum(steps, axis=1) + log(stake))
    return logs


def share_of_failures(weight, ratio):
    return weight * ratio / (weight * ratio + 1 - weight)


def test_the_class_and_the_vectors_agree_on_attribution():
    rng = np.random.default_rng(1)
    for r0 in (1.0, 1.2):
        weight = rng.uniform(0.01, 0.9, 300)
        y = rng.random(300) < share_of_failures(weight, 1.5)
        vector = attribution_log_e(y[None], weight[None], r0)[0]
        test = Attribution(r0, ALPHA)
        for k in range(300):
            test.observe(bool(y[k]), float(weight[k]))
            assert test.log_e == pytest.approx(vector[k], abs=1e-8)
        assert test.rejected == bool(vector.max() >= log(1 / ALPHA))


@pytest.mark.parametrize(("weight", "r0"), [(0.05, 1.0), (0.5, 1.0), (0.1, 1.2), (0.01, 1.2)])
def test_attribution_at_a_fixed_share(weight, r0):
    rng, runs = np.random.default_rng(2), 2000
    y = rng.random((runs, 400)) < share_of_failures(weight, r0)
    alarms = (attribution_log_e(y, np.full_like(y, weight, float), r0) >= log(1 / ALPHA)).any(1)
    assert alarms.mean() <= limit(runs)


def test_attribution_while_shares_ramp_and_the_error_rate_drifts():
    """1-5-10-25-50 % over 12,000 requests; failures 2 % +- 80 % in two waves, r0 = 1.2."""
    rng, runs, n = np.random.default_rng(3), 1000, 12_000
    weight = np.repeat([0.01, 0.05, 0.1, 0.25, 0.5], n // 5)
    base = 0.02 * (1 + 0.8 * np.sin(np.linspace(0, 4 * np.pi, n)))
    alarms = []
    for _ in range(runs // CHUNK):
        candidate = rng.random((CHUNK, n)) < weight
        failed = rng.random((CHUNK, n)) < base * np.where(candidate, 1.2, 1.0)
        for row in range(CHUNK):
            y, w = candidate[row, failed[row]][None], weight[failed[row]][None]
            alarms.append((attribution_log_e(y, w, 1.2) >= log(1 / ALPHA)).any())
    assert np.mean(alarms) <= limit(runs)


def test_attribution_while_shares_follow_the_evidence_itself():
    """The share rises while the evidence is low and falls while it is high: still exact."""
    rng, runs = np.random.default_rng(4), 2000
    logs = np.tile(np.log(STAKES), (runs, 1))
    ratios = RATIOS
    alarmed = np.zeros(runs, bool)
    for _ in range(400):
        e = np.logaddexp.reduce(logs, axis=1)
        alarmed |= e >= log(1 / ALPHA)
        w = np.where(e < 0, 0.5, np.where(e < 1, 0.1, 0.02))[:, None]
        y = rng.random((runs, 1)) < w
        q = w * ratios / (w * ratios + 1 - w)
        logs += np.where(y, np.log(q / w), np.log((1 - q) / (1 - w)))
    assert alarmed.mean() <= limit(runs)


def sticky_streams(rng, users, failures):
    """Failures of sticky users; 5 % of the users make 80 % of them. Both arms alike, w = 0.1."""
    chance = np.where(np.arange(users) < users // 20, 0.8 * 20, 0.2 / 0.95) / users
    who = rng.choice(users, size=failures, p=chance / chance.sum())
    return who, (rng.random(users) < 0.1)[who]


@pytest.mark.parametrize("users", [200, 2000])
def test_attribution_counts_sticky_users_once(users):
    rng, runs = np.random.default_rng(5), 1000
    alarms = []
    for _ in range(runs):
        who, y = sticky_streams(rng, users, 300)
        first = np.sort(np.unique(who, return_index=True)[1])
        w = np.full((1, len(first)), 0.1)
        alarms.append((attribution_log_e(y[first][None], w, 1.0) >= log(1 / ALPHA)).any())
    assert np.mean(alarms) <= limit(runs)


def test_sticky_users_who_move_with_the_ramp():
    """Hash u < share: users cross to the candidate as it rises; first failures only, r0 = 1.2."""
    rng, runs, users = np.random.default_rng(6), 1000, 400
    rate = np.where(np.arange(users) < 20, 1.0, 0.05)
    alarms = []
    for _ in range(runs):
        u, spent = rng.random(users), rng.exponential(size=users)
        arm, when = np.full(users, False), np.full(users, np.inf)
        steps = (0.05, 0.0, 1.0), (0.25, 1.0, 2.0), (0.5, 2.0, 8.0)
        hazard = np.zeros(users)
        for share, begin, end in steps:
            speed = rate * np.where(u < share, 1.2, 1.0)
            open_ = np.isinf(when)
            hit = begin + (spent - hazard) / speed
            now = open_ & (hit < end)
            when[now], arm[now] = hit[now], (u < share)[now]
            hazard += speed * (end - begin)
        order = np.argsort(when)[: int(np.isfinite(when).sum())]
        w = np.select([when < 1, when < 2], [0.05, 0.25], 0.5)[order][None]
        alarms.append((attribution_log_e(arm[order][None], w, 1.2) >= log(1 / ALPHA)).any())
    assert np.mean(alarms) <= limit(runs)


# --- bounds on a running mean --------------------------------------------


def average_log_e(x, p):
    """log M_n(p_n) after each value; `p` is the true running mean, same shape as `x`."""
    s, n = np.cumsum(x, axis=1), np.arange(1, x.shape[1] + 1)
    logs = np.where(s == 0, log(NEVER) - n * np.log1p(-p), -np.inf)
    for v, lam in zip(WEIGHTS, LADDER, strict=True):
        logs = np.logaddexp(logs, log(v) - lam * s - n * np.log(1 - p + p * np.exp(-lam)))
    return logs


def running(p, x):
    return np.broadcast_to(np.cumsum(p) / np.arange(1, x.shape[1] + 1), x.shape)


def test_the_class_and_the_vectors_agree_on_averages():
    rng = np.random.default_rng(7)
    x = rng.random((1, 300)) ** 3
    vector = average_log_e(x, np.full_like(x, 0.4))[0]
    mean = RunningMean()
    for k in range(300):
        mean.observe(float(x[0, k]))
        assert log(mean.e_value(0.4)) == pytest.approx(vector[k], abs=1e-6)
        below = mean.upper(ALPHA) <= 0.4
        assert below == bool(vector[k] >= log(1 / ALPHA))


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3, 0.98])
@pytest.mark.parametrize("drift", [0.0, 0.8])
def test_bounds_on_a_running_mean(rate, drift):
    """Each side, coins with a constant and a wandering chance."""
    rng, runs, n = np.random.default_rng(8), 1000, 800
    wave = 1 + drift * np.sin(np.linspace(0, 6 * np.pi, n))
    p = np.clip(rate * wave, 0, 1)
    x = (rng.random((runs, n)) < p).astype(float)
    for values, truth in ((x, p), (1 - x, 1 - p)):
        missed = (average_log_e(values, running(truth, x)) >= log(1 / ALPHA)).any(1)
        assert missed.mean() <= limit(runs)


def test_bounds_on_a_running_mean_of_scores_between():
    rng, runs, n = np.random.default_rng(9), 1000, 1500
    x = rng.beta(0.3, 0.7, (runs, n))
    missed = (average_log_e(x, np.full_like(x, 0.3)) >= log(1 / ALPHA)).any(1)
    assert missed.mean() <= limit(runs)


# --- Robbins and betting: constant means ---------------------------------


def proportion_log_e(x, p, a, b):
    """log M_n(p): the predictive chance of each outcome under the mixture, against p."""
    n = np.arange(x.shape[1])
    s = np.cumsum(x, axis=1) - x
    predicted = (a + s) / (a + b + n)
    return np.cumsum(np.where(x == 1, np.log(predicted / p), np.log((1 - predicted) / (1 - p))), 1)


@pytest.mark.parametrize("p", [0.01, 0.3])
def test_robbins_bounds(p):
    rng, runs, n = np.random.default_rng(10), 2000, 1000
    x = (rng.random((runs, n)) < p).astype(float)
    logs = proportion_log_e(x, p, 0.5, 0.5)
    watcher = Proportion()
    for k in range(200):
        watcher.observe(bool(x[0, k]))
        assert watcher.log_e(p) == pytest.approx(logs[0, k], abs=1e-8)
    assert (logs >= log(1 / ALPHA)).any(1).mean() <= limit(runs)


def betting_log_e(x, m, alpha):
    """log capital of the one-sided bet that the mean is above m, after each value."""
    runs, n = x.shape
    i = np.arange(1, n + 1)
    means = (0.5 + np.cumsum(x, 1)) / (i + 1)
    spread = (0.25 + np.cumsum((x - means) ** 2, 1)) / (i + 1)
    spread = np.concatenate([np.full((runs, 1), 0.25), spread[:, :-1]], 1)
    stakes = np.minimum(np.sqrt(2 * log(1 / alpha) / (spread * i * np.log(i + 1))), 0.5 / m)
    return np.cumsum(np.log1p(stakes * (x - m)), 1)


def score_streams(rng, runs, n):
    a_pair = (rng.random((runs, n)) < 0.4).astype(float) - (rng.random((runs, n)) < 0.4)
    return {
        "coins": ((rng.random((runs, n)) < 0.8).astype(float), 0.8),
        "judge": (rng.beta(4, 2, (runs, n)), 4 / 6),
        "paired": ((a_pair + 1) / 2, 0.5),
        "rare": ((rng.random((runs, n)) < 0.01).astype(float), 0.01),
    }


def test_betting_on_a_mean_from_both_sides():
    rng, runs = np.random.default_rng(11), 2000
    for x, mean in score_streams(rng, runs, 600).values():
        up = betting_log_e(x, mean, ALPHA)
        down = betting_log_e(1 - x, 1 - mean, ALPHA)
        watchers = BettingTest(mean), BettingTest(mean, side="below")
        for k in range(100):
            for watcher, logs in zip(watchers, (up, down), strict=True):
                watcher.observe(float(x[0, k]))
                assert log(watcher.e_value) == pytest.approx(logs[0, k], abs=1e-8)
        for logs in (up, down):
            assert (logs >= log(1 / ALPHA)).any(1).mean() <= limit(runs)


def test_capital_at_a_random_stop_is_fair_on_average():
    """Stop when the capital doubled, or at 300: the mean is at most 1 (optional stopping)."""
    rng, runs = np.random.default_rng(12), 4000
    x = (rng.random((runs, 300)) < 0.5).astype(float)
    capital = np.exp(betting_log_e(x, 0.5, ALPHA))
    doubled = (capital >= 2).argmax(1)
    at = np.where((capital >= 2).any(1), doubled, 299)
    stopped = capital[np.arange(runs), at]
    assert stopped.mean() <= 1 + 3 * stopped.std() / runs**0.5


# --- controls: what is broken must be seen to be broken ------------------


def test_control_a_peeked_z_test_cries_wolf():
    rng, runs, n = np.random.default_rng(13), 1000, 20_000
    alarms = np.zeros(runs, bool)
    looks = np.arange(100, n + 1, 100)
    for c in range(0, runs, CHUNK):
        a = np.cumsum(rng.binomial(50, 0.05, (CHUNK, len(looks))), 1)
        b = np.cumsum(rng.binomial(50, 0.05, (CHUNK, len(looks))), 1)
        half = looks / 2
        pooled = np.maximum((a + b) / looks, 1e-9)
        z = (a - b) / half / np.sqrt(pooled * (1 - pooled) * 2 / half)
        alarms[c : c + CHUNK] = (z > 1.645).any(1)
    assert alarms.mean() > 0.2


def test_control_sticky_users_counted_by_request_cry_wolf():
    rng, runs = np.random.default_rng(14), 500
    alarms = []
    for _ in range(runs):
        _, y = sticky_streams(rng, 200, 300)
        w = np.full((1, 300), 0.1)
        alarms.append((attribution_log_e(y[None], w, 1.0) >= log(1 / ALPHA)).any())
    assert np.mean(alarms) > 0.2


def test_control_a_wrong_weight_cries_wolf():
    """The share that was not the one at assignment: 5 % told, 10 % in truth."""
    rng, runs = np.random.default_rng(15), 500
    y = rng.random((runs, 200)) < 0.1
    alarms = (attribution_log_e(y, np.full_like(y, 0.05, float), 1.0) >= log(1 / ALPHA)).any(1)
    assert alarms.mean() > 0.2
