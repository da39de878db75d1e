"""The tests that drift stands on: exact, blind to who talks much, and able to see."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.stats.distance import Counts, Mmd, Ranks
from volano.stats.grams import BUCKETS, features, weigh
from volano.stats.intervals import wilson
from volano.stats.multiple import Purse, holm
from volano.stats.needed import needed_for_shares
from volano.stats.shuffle import Shuffle
from volano.stats.topics import nearest, telling, topics


@pytest.fixture
def random():
    """Draws that are a test's own: what others drew before it is no part of them."""
    return np.random.default_rng(11)


def halves(n, m):
    return np.arange(n + m) >= n


# ---- features


def test_features_do_not_depend_on_spelling_case_or_machine():
    a, b, c = features(["Café  AU lait", "cafe\u0301 au\tlait", "café au lait"])
    assert (a == b).all()
    assert (a == c).all()
    assert np.flatnonzero(features(["ab"])[0]).tolist() == [203, 387, 592, 774, 920]


@given(st.text(max_size=60))
@settings(max_examples=30)
def test_any_text_has_features(text):
    [row] = features([text])
    assert row.shape == (BUCKETS,)
    assert bool(row.any()) == bool(text)


def test_a_long_text_is_read_at_both_ends():
    a, b = features(["x" * 50_000, "x" * 49_990 + "the end is other"])
    assert (a != b).any()


# ---- p-values


def rate(p_values, level):
    hits = sum(p <= level for p in p_values)
    return hits, wilson(hits, len(p_values), 0.99)


def test_p_values_are_exact_where_nothing_changed(random):
    """Of 400 windows of one distribution, about a twentieth have p <= 0.05; never many more."""
    p_values = []
    for n in range(400):
        values = random.lognormal(size=140)
        shuffle = Shuffle(np.arange(140), halves(100, 40), seed=n)
        p_values.append(shuffle.chance(Ranks(values).measure, draws=199).p)
    _, (low, _) = rate(p_values, 0.05)
    assert low <= 0.05
    assert np.mean(np.array(p_values) <= 0.5) > 0.4, "not merely cautious"


def clustered(random):
    """Thirty users against ten, each with a taste of their own and ten calls."""
    taste = random.normal(size=40)
    return np.repeat(taste, 10) + 0.2 * random.normal(size=400)


def test_talkative_users_are_no_drift(random):
    by_unit, by_call = [], []
    for n in range(200):
        values, users = clustered(random), np.repeat(np.arange(40), 10)
        second = halves(300, 100)
        ranks = Ranks(values)
        by_unit.append(Shuffle(users, second, seed=n).chance(ranks.measure, draws=99).p)
        by_call.append(Shuffle(np.arange(400), second, seed=n).chance(ranks.measure, draws=99).p)
    assert rate(by_unit, 0.05)[1][0] <= 0.05
    assert rate(by_call, 0.05)[0] > 80, "single calls as units cry wolf: that is why"


def test_users_who_come_back_are_swapped_with_themselves(random):
    """The same users on both sides, unlike each other: found when all of them move a little."""
    taste = random.normal(size=60) * 5
    users = np.tile(np.arange(60), 2)
    second = halves(60, 60)
    same = np.concatenate([taste, taste + 0.1 * random.normal(size=120)[60:]])
    moved = np.concatenate([taste, taste + 1 + 0.1 * random.normal(size=60)])
    mean = lambda values: lambda labels: (values @ labels) - (values @ (1 - labels))  # noqa: E731
    assert Shuffle(users, second).chance(mean(same)).p > 0.01
    assert Shuffle(users, second).chance(mean(moved)).p <= 0.001
    assert Shuffle(np.arange(120), second).chance(mean(moved)).p > 0.05


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=40).filter(
        lambda rows: len({side for _, side in rows}) == 2
    )
)
@settings(max_examples=60)
def test_dealing_moves_whole_units_and_keeps_how_many_there_are(rows):
    units = [u for u, _ in rows]
    second = np.array([s for _, s in rows])
    dealt = Shuffle(units, second, seed=1).draw(8)
    assert set(np.unique(dealt)) <= {0.0, 1.0}
    sides = {u: {s for v, s in rows if v == u} for u in units}
    alone = [u for u in sides if len(sides[u]) == 1]
    for column in dealt.T:
        there = {}
        for unit, was, now in zip(units, second, column, strict=True):
            there.setdefault((unit, bool(was)), set()).add(now)
        assert all(len(side) == 1 for side in there.values())
        assert sum(column[units.index(u)] for u in alone) == sum(True in sides[u] for u in alone)
        assert all(there[u, True] != there[u, False] for u in sides if len(sides[u]) == 2)


def test_one_measure_of_all_columns_is_that_of_each():
    second = halves(30, 20)
    labels = Shuffle(np.arange(50), second).draw(5)
    rows = weigh(features([f"{n} " * (n % 7 + 1) for n in range(50)]))
    for thing in (Mmd(rows), Ranks(np.arange(50) % 13), Counts([str(n % 4) for n in range(50)])):
        every = thing.measure(labels)
        for at in range(5):
            assert np.isclose(every[at], thing.measure(labels[:, at : at + 1])[0], atol=1e-6)


def test_gaps_are_shares():
    second = halves(4, 4)
    label = second.astype(np.float32)[:, None]
    assert Ranks([1, 2, 3, 4, 11, 12, 13, 14]).gap(label) == 1
    assert Ranks([1, 2, 3, 4, 1, 2, 3, 14]).gap(label) == 0.25
    assert Counts(["a", "a", "b", "b", "a", "a", "a", "b"]).gap(label) == 0.25


# ---- many questions, many looks


def test_holm_is_holms():
    assert np.allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
    assert np.allclose(holm([0.01, 0.02], [3, 1]), [0.04 / 3, 0.02])


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=60))
def test_all_that_is_ever_spent_is_alpha_and_its_refills(gaps):
    purse, spent, now = Purse(0.05, 10**12, 0.05, 0), 0.0, 0
    for gap in gaps:
        now += gap
        level, purse = purse.spend(now)
        spent += level
        assert level <= 0.05
    assert spent <= 0.05 * (1 + now / 10**12) + 1e-12


def test_a_clock_that_goes_back_refills_nothing():
    _, purse = Purse(0.05, 10**12, 0.05, 10**13).spend(10**13)
    level, purse = purse.spend(10**12)
    assert level <= 0.0125
    assert purse.at_us == 10**13


def test_the_size_needed_is_enough(random):
    """At the size that is asked for, a shift as large is found four times in five."""
    second = halves(400, 50)
    values = random.normal(size=450)
    null = Shuffle(np.arange(450), second).chance(Ranks(values).gap, draws=199)
    n = needed_for_shares(null, level=0.05, first=400, second=50, shift=0.3)
    assert n is not None
    found = 0
    for seed in range(60):
        after = np.where(random.random(n) < 0.3, 9.0, random.normal(size=n))
        ranks = Ranks(np.concatenate([random.normal(size=400), after]))
        found += Shuffle(np.arange(400 + n), halves(400, n), seed=seed).chance(
            ranks.gap, draws=99
        ).p <= 0.05  # fmt: skip
    assert found >= 42


# ---- what moved

TALK = [
    *(f"where is my parcel number {n}" for n in range(20)),
    *(f"сколько стоит подписка на {n} дней" for n in range(20)),
    *(f"请问我的订单{n}什么时候退款" for n in range(20)),
]


def test_topics_are_the_same_each_time_and_tell_languages_apart():
    rows = weigh(features(TALK))
    first, second = topics(rows, 3), topics(rows, 3)
    assert (first == second).all()
    assert [len(set(first[at : at + 20])) for at in (0, 20, 40)] == [1, 1, 1]
    assert len(set(first)) == 3
    assert nearest(rows, np.flatnonzero(first == first[40]), 2)[0] >= 40


def test_telling_words_are_of_any_language():
    assert "退款" in telling(TALK[40:], TALK[:40], 30)
    assert telling(TALK[20:40], TALK[:20])[0] in {"сколько", "стоит", "подписка", "дней", "на"}
    assert telling([], TALK) == []


def test_mmd_finds_another_language():
    rows = weigh(features(TALK[:40]))
    assert Shuffle(np.arange(40), halves(20, 20)).chance(Mmd(rows).measure).p <= 0.002
