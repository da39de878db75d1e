"""Columns are compared row by row: on the same rows overlapping intervals say nothing."""

from volano.evals.playground.ahead import ahead, best


def column(good, of):
    return {row: float(row < good) for row in range(of)}


def test_a_column_that_is_right_where_another_is_wrong_is_ahead_though_intervals_overlap():
    """60 and 48 of 100: intervals of each overlap, but no row is worse."""
    assert ahead([column(48, 100), column(60, 100)]) == 1


def test_few_rows_and_equal_columns_have_nobody_ahead():
    assert ahead([column(1, 3), column(2, 3)]) is None
    assert ahead([column(0, 4), column(4, 4)]) is None
    assert ahead([{0: 5.0, 1: 7.0}, {0: 6.0, 1: 8.0}], share=False, bigger=False) is None
    assert ahead([column(50, 100), column(50, 100)]) is None


def test_the_best_must_be_better_than_each_other_one():
    assert ahead([column(20, 100), column(60, 100), column(59, 100)]) is None
    assert ahead([column(20, 100), column(60, 100), column(30, 100)]) == 1


def test_where_less_is_better_the_least_is_ahead():
    assert best([column(48, 100), column(60, 100)], bigger=False) == 0
    assert ahead([column(48, 100), column(60, 100)], bigger=False) == 0
    slow, quick = ({row: 10.0 * at + row % 3 for row in range(30)} for at in (2, 1))
    assert ahead([slow, quick], bigger=False, share=False) == 1


def test_one_column_and_rows_without_scores_are_no_comparison():
    assert ahead([column(9, 9)]) is None
    assert ahead([column(9, 9), {}]) is None
    assert ahead([{0: 1.0, 1: 1.0}, {2: 0.0, 3: 0.0}]) is None
