"""New texts that are scattered are seen, one test of two measures is exact, rounding decides nothing."""

from functools import lru_cache

import numpy as np
import pytest

from volano.stats.distance import Mmd
from volano.stats.errors import StatsInputError
from volano.stats.grams import features, weigh
from volano.stats.intervals import wilson
from volano.stats.needed import POWER, needed_for_novelty, needed_for_texts
from volano.stats.novelty import Novelty
from volano.stats.sharpest import Sharpest
from volano.stats.shuffle import Shuffle

SCRIPTS = {
    "german": "abcdefghijklmnoprstuvwzäöüß",
    "hungarian": "abcdeghijklmnoprstuvzáéíóöőúüű",
    "russian": "абвгдежзийклмнопрстуфхцчшыьэюя",
    "chinese": "".join(map(chr, range(0x4E00, 0x4E00 + 900))),
}


@lru_cache(maxsize=2000)
def words(script, of, n):
    """Return words of a subject, always the same."""
    own = np.random.default_rng(of)
    return [
        "".join(own.choice(list(SCRIPTS[script]), 2 if script == "chinese" else 6))
        for _ in range(n)
    ]


def people(random, script, subjects):
    """Return a text about each of these subjects: a few of the subject's words, some of everybody's."""
    space, common = "" if script == "chinese" else " ", words(script, 10**6, 12)
    return [
        space.join(
            [
                *random.choice(common, 3),
                *random.choice(words(script, int(one), 6), 3, replace=False),
            ]
        )
        for one in subjects
    ]


def p_values(texts, first, units, seed):
    """Return the p-values of MMD alone, and of it with novelty."""
    mmd = Mmd(weigh(features(texts)))
    shuffle = Shuffle(units, np.arange(len(texts)) >= first, seed=seed)
    both = Sharpest((mmd.measure, Novelty(mmd.kernel, units).measure), shuffle)
    return (
        shuffle.chance(mmd.measure, draws=199).p,
        shuffle.chance(both.measure, draws=199, slack=both.slack).p,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_new_subjects_are_found_when_each_is_asked_of_once(script):
    random, alone, together = np.random.default_rng(3), 0, 0
    for seed in range(20):
        old = random.integers(0, 12, 300 + 20)
        new = random.permutation(np.arange(100, 1000))[:20]
        found = p_values(
            people(random, script, [*old, *new]), 300, np.arange(340).astype(str), seed
        )
        alone, together = alone + (found[0] <= 0.05), together + (found[1] <= 0.05)
    assert together >= 18
    assert alone <= 15, "MMD alone does not see them: that is why there is novelty"


def test_two_measures_are_one_test_at_the_level_of_one():
    """Nothing changed: users with two subjects each, four texts; a twentieth of windows cry."""
    random, cries, by_call = np.random.default_rng(4), 0, 0
    for seed in range(80):
        subjects = np.concatenate([random.choice(random.integers(0, 40, 2), 4) for _ in range(45)])
        texts = people(random, "hungarian", subjects)
        cries += p_values(texts, 120, np.repeat(np.arange(45), 4), seed)[1] <= 0.05
        if seed < 30:
            by_call += p_values(texts, 120, np.arange(180), seed)[1] <= 0.05
    assert wilson(cries, 80, 0.99)[0] <= 0.05
    assert wilson(by_call, 30, 0.99)[0] > 0.05, "texts as units cry wolf: that is why users are"


def test_what_one_asked_oneself_is_no_company():
    kernel = np.full((8, 8), 0.1, np.float32)
    kernel[:2, :2] = 1
    np.fill_diagonal(kernel, 0)
    near = Novelty(kernel, ["a", "a", *"bcdefg"]).near
    assert np.allclose(near, near[-1]), "the pair of one user is as alone as anybody"
    near = Novelty(kernel, list("abcdefgh")).near
    assert near[0] > near[-1]


def test_rounding_does_not_break_ties():
    """Of three kinds of text few distances are possible; sums in other orders differ in the last bit."""
    kinds = weigh(features(["where is my parcel", "hol a csomagom", "где моя посылка"]))
    random, broken = np.random.default_rng(5), 0
    for seed in range(40):
        mmd = Mmd(kinds[random.choice(3, 60, p=[0.8, 0.1, 0.1])])
        exact = object.__new__(Mmd)
        exact.kernel = np.round(mmd.kernel.astype(float), 6)
        second, units = np.arange(60) >= 40, np.arange(60)
        plain = Shuffle(units, second, seed=seed).chance(mmd.measure, draws=199).p
        true = Shuffle(units, second, seed=seed).chance(exact.measure, draws=199, slack=1e-6).p
        with_slack = Shuffle(units, second, seed=seed).chance(mmd.measure, draws=199, slack=1e-6).p
        assert with_slack == true
        broken += plain < true
    assert broken > 4, "without slack rounding does decide: that is why"


def test_where_all_texts_are_the_same_nothing_is_far():
    alone, both = p_values(["hello"] * 50, 30, np.arange(50), 0)
    assert alone == both == 1


def test_the_size_that_novelty_needs_is_enough():
    """At the size that is asked for, half of a window on new subjects is found four times in five."""
    random = np.random.default_rng(8)
    subjects = random.integers(0, 40, 320)
    mmd = Mmd(weigh(features(people(random, "russian", subjects))))
    units = np.arange(320)
    novelty, shuffle = Novelty(mmd.kernel, units), Shuffle(units, units >= 300)
    null = Sharpest((novelty.measure,), shuffle).alone[0]
    whole, variance = novelty.whole(subjects, units < 300)
    n = needed_for_novelty(
        null, level=0.05, first=300, second=20, shift=0.5, whole=whole, variance=variance
    )
    assert n is not None
    assert 4 <= n < 60
    found = 0
    for seed in range(30):
        old, new = random.integers(0, 40, 300 + n - n // 2), random.integers(100, 1000, n // 2)
        alone = Novelty(
            Mmd(weigh(features(people(random, "russian", [*old, *new])))).kernel, np.arange(300 + n)
        )
        dealt = Shuffle(np.arange(300 + n), np.arange(300 + n) >= 300, seed=seed)
        found += dealt.chance(alone.measure, draws=99).p <= 0.05
    assert wilson(found, 30, 0.99)[1] >= POWER


def test_nothing_far_needs_no_number():
    mmd = Mmd(weigh(features(["hello"] * 50)))
    shuffle = Shuffle(np.arange(50), np.arange(50) >= 30)
    novelty = Novelty(mmd.kernel, np.arange(50))
    both = Sharpest((mmd.measure, novelty.measure), shuffle)
    cells = np.arange(50) % 5
    far = {"level": 0.05, "first": 30, "second": 20, "shift": 0.5}
    whole, witness = mmd.whole(cells, ~shuffle.second)
    gap, variance = novelty.whole(cells, ~shuffle.second)
    assert needed_for_texts(both.alone[0], whole=max(0.0, whole), witness=witness, **far) is None
    assert needed_for_novelty(both.alone[1], whole=gap, variance=variance, **far) is None


def test_a_unit_for_each_row():
    with pytest.raises(StatsInputError):
        Novelty(np.zeros((3, 3), np.float32), ["a", "b"])


def test_the_kernel_does_not_know_in_which_order_rows_came():
    """Else permutations of labels would not be alike with those of rows, and p no longer exact."""
    rows = weigh(features(people(np.random.default_rng(6), "german", range(60))))
    order = np.random.default_rng(7).permutation(60)
    assert np.allclose(Mmd(rows).kernel[np.ix_(order, order)], Mmd(rows[order]).kernel, atol=1e-6)
