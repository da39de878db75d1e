"""Known values from the literature, and what must hold for any answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.stats.agreement import cohen_kappa, krippendorff_alpha, weighted_kappa
from volano.stats.errors import StatsInputError

KRIPPENDORFF = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)
UNITS = [
    [int(word) for word in unit if word != "."]
    for unit in zip(*(row.split() for row in KRIPPENDORFF), strict=True)
]


def pairs(table):
    return [
        (i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)
    ]


def test_kappa_of_fleiss_levin_and_paik_table_18_1():
    found = cohen_kappa(pairs([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.value == pytest.approx(0.676, abs=0.001)
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(0.0877, abs=0.0005)


def test_kappa_of_the_textbook_fifty_grants():
    assert cohen_kappa(pairs([[20, 5], [10, 15]])).value == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("scale", "value"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_alpha_of_krippendorffs_own_example(scale, value):
    found = krippendorff_alpha(UNITS, scale)
    assert found.value == pytest.approx(value, abs=0.0006)
    assert found.low < value < found.high <= 1
    assert found.n == 11  # of twelve, one was seen once
    assert found == krippendorff_alpha(UNITS, scale)


def test_what_chance_explains_whole_has_no_value():
    assert cohen_kappa([("a", "a")] * 9) == (None, None, None, 9)
    assert krippendorff_alpha([("a", "a")] * 9) == (None, None, None, 9)
    assert cohen_kappa([]) == krippendorff_alpha([("a",)]) == (None, None, None, 0)


def test_few_that_agree_are_no_proof():
    few, many = ([("a", "a"), ("b", "b")] * n for n in (3, 300))
    for measure in (cohen_kappa, krippendorff_alpha):
        assert measure(few).value == measure(many).value == 1
        assert measure(few).low < 0.5 < 0.98 < measure(many).low


@pytest.mark.slow
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1, max_size=30))
def test_swapping_the_reviewers_changes_nothing(answers):
    for measure in (cohen_kappa, krippendorff_alpha):
        found, other = measure(answers), measure([(b, a) for a, b in answers])
        assert (found.value is None) == (other.value is None)
        if found.value is not None:
            assert found.value == pytest.approx(other.value)
            assert found.low is None or found.low <= found.value <= found.high


def test_one_unit_has_no_interval():
    for measure in (cohen_kappa, krippendorff_alpha):
        assert measure([("a", "b")]) == (0.0, None, None, 1)


def test_words_have_no_order():
    with pytest.raises(StatsInputError, match="numbers"):
        krippendorff_alpha([("a", "b")], "ordinal")


def test_weighted_kappa_of_two_words_is_plain_kappa():
    words = pairs([[20, 5], [10, 15]])
    assert weighted_kappa(words) == cohen_kappa(words)


def test_weighted_kappa_by_hand():
    """Linear weights 1, 1/2, 0."""
    table = [[4, 1, 0], [1, 3, 1], [1, 1, 4]]
    told = [(a / 2, b / 2) for a, b in pairs(table)]
    n = sum(map(sum, table))
    row, column = [sum(r) / n for r in table], [sum(c) / n for c in zip(*table, strict=True)]
    near = [[1 - abs(i - j) / 2 for j in range(3)] for i in range(3)]
    observed = sum(near[i][j] * table[i][j] / n for i in range(3) for j in range(3))
    chance = sum(near[i][j] * row[i] * column[j] for i in range(3) for j in range(3))
    found = weighted_kappa(told)
    assert found.value == pytest.approx((observed - chance) / (1 - chance), abs=1e-12)
    assert found.low < found.value < found.high
    assert found.value > cohen_kappa(told).value
