import pytest

from volano.evals.compare import broken, compare
from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.stats.intervals import paired_difference

NAMES = ("r@1", "r@2")


def scored(values, name="exact_match"):
    return {f"row{n}": {name: float(value)} for n, value in enumerate(values)}


def test_pairs_are_what_counts():
    a, b = [1] * 70 + [0] * 30, [1] * 68 + [0] * 2 + [1] * 25 + [0] * 5
    (change,) = compare(scored(a), scored(b), names=NAMES)
    expected = paired_difference(a, b)
    assert (change.difference, change.low, change.high) == tuple(expected)
    assert (change.better, change.worse, change.n) == (25, 2, 100)
    assert change.verdict == "better"
    assert compare(scored(b), scored(a), names=NAMES)[0].verdict == "worse"
    assert broken(scored(a), scored(b), "exact_match") == ["row68", "row69"]


def test_the_same_answers_are_undecided():
    (change,) = compare(scored([1, 0, 1]), scored([1, 0, 1]), names=NAMES)
    assert (change.difference, change.verdict) == (0, "undecided")
    assert change.low < 0 < change.high


def test_other_rows_are_refused_with_counts():
    with pytest.raises(OtherRowsError) as caught:
        compare(scored([1, 0, 1]), scored([1, 0]), names=NAMES)
    assert "1 only in the first, 0 only in the second" in caught.value.message
    assert "`r@1` and `r@2`" in caught.value.message


def test_without_a_common_score_there_is_nothing_to_say():
    with pytest.raises(NoCommonScoreError):
        compare(scored([1]), scored([1], "other"), names=NAMES)
