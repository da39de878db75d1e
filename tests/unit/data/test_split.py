import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.data.errors import BadShareError
from volano.data.row import row_of
from volano.data.split import position, split

ROWS = [row_of(f"ticket {n} é 订单", "x") for n in range(2000)]


def test_the_share_is_about_what_was_asked():
    train, test = split(ROWS, test_share=0.2, seed=1)
    assert len(train) + len(test) == 2000
    assert 340 < len(test) < 460


def test_a_side_is_fixed_by_text_and_seed_alone():
    _, test = split(ROWS, test_share=0.2, seed=1)
    _, fewer = split(ROWS[::-3], test_share=0.2, seed=1)
    assert set(fewer) <= set(test)
    relabelled = [row_of(row.text.upper(), "y") for row in ROWS]
    assert {row.text.upper() for row in test} == {
        row.text for row in split(relabelled, test_share=0.2, seed=1)[1]
    }
    assert set(split(ROWS, test_share=0.2, seed=2)[1]) != set(test)


def test_positions_never_move():
    assert position("Hol a csomagom?", 0) == position("HOL A  CSOMAGOM?", 0)
    assert position("Hol a csomagom?", 0) == GOLDEN


GOLDEN = 0.7293476871441384


@given(st.integers(2, 6), st.floats(0.001, 0.999), st.integers())
def test_both_sides_get_at_least_one_row(n, share, seed):
    train, test = split(ROWS[:n], test_share=share, seed=seed)
    assert train
    assert test
    assert sorted([*train, *test], key=ROWS.index) == ROWS[:n]


def test_a_share_of_nothing_keeps_all_for_training():
    assert split(ROWS, test_share=0, seed=1) == (ROWS, [])


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_other_shares_are_refused(share):
    with pytest.raises(BadShareError):
        split(ROWS, test_share=share, seed=0)


def test_rows_with_one_text_stay_on_one_side():
    one, other = [[row_of(text, "a", more={"rejected": str(n)}) for n in range(3)] for text in "ab"]
    for share in (1e-9, 0.5, 1 - 1e-9):
        train, test = split([*one, *other], test_share=share, seed=0)
        assert sorted([len(train), len(test)]) == [3, 3]
        assert len({row.text for row in test}) == 1
    assert split(one, test_share=0.5, seed=0) == (one, [])
