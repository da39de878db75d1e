"""Reasons are counted by what they say, whatever numbers are in them."""

from volano.evals.reasons import counted


def test_reasons_that_differ_in_numbers_are_one_told_as_it_came_first():
    """An engine says how long each question was: twenty rows are no twenty reasons."""
    told = counted(f"request ({n} tokens) exceeds 512" for n in (519, 583, 550))
    assert told == {"request (519 tokens) exceeds 512": 3}


def test_the_commonest_come_first_and_the_rest_together():
    whys = [f"ошибка {'абвгдежз'[n]}" for n in range(8) for _ in range(9 - n)] + ["other reasons"]
    told = counted(whys)
    assert [*told] == ["ошибка а", "ошибка б", "ошибка в", "ошибка г", "ошибка д", "other reasons"]
    assert sum(told.values()) == len(whys)


def test_what_was_said_makes_no_reason_of_its_own_and_the_first_is_shown():
    whys = [f"the judge gave no verdict: it said `{word}`" for word in ("да", "好", "igen")]
    assert counted(whys) == {whys[0]: 3}
