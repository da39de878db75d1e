"""No held-out row comes to where examples and choices are made."""

from collections import Counter

import pytest

from simulators.prompted import rows
from volano.data.row import rows_of
from volano.evals.wording.errors import TooFewRowsError
from volano.evals.wording.rows import cut, leaks, standing_in


def made(raw):
    return rows_of(raw)[0]


TRAIN, TEST = made(rows(200)), made(rows(100, 7, start=900))


def sides(train=TRAIN, held_out=TEST, **given):
    return cut(train, held_out, ref="d@1", split="test", seed=given.pop("seed", 0), **given)


def test_each_label_has_its_share_in_both_parts_of_train_and_no_row_is_in_two():
    one = sides()
    assert len(one.dev) == len(one.learn) == 100
    assert not {row.id for row in one.dev} & {row.id for row in one.learn}
    for part in (one.dev, one.learn):
        counts = Counter(row.label for row in part)
        assert len(counts) == 8
        assert max(counts.values()) - min(counts.values()) <= 2


def test_the_cut_follows_from_rows_and_seed_in_any_order():
    assert sides() == sides(TRAIN[::-1], TEST[::-1])
    assert sides() != sides(seed=1)


def test_rows_that_repeat_held_out_ones_are_left_out_under_any_label_and_spelling():
    spelt = {"text": "  " + TEST[0].text.upper() + " ", "label": "Q7"}
    other = {"text": TEST[1].text, "label": "another"}
    long = "Kérem vissza a pénzt, mert a csomag sosem érkezett meg hozzám, köszönöm szépen"
    near = {"text": long + " most!", "label": "B4"}
    held_out = [*TEST, *made([{"text": long, "label": "M2"}])]
    bad = made([spelt, other, near])
    one = sides([*TRAIN, *bad], held_out)
    assert set(one.leaked) == {row.id for row in bad}
    assert not set(one.leaked) & {row.id for row in (*one.learn, *one.dev)}
    assert leaks(TRAIN, TEST) == set()


def test_the_same_question_twice_judges_once():
    twice = made([{"text": row.text, "label": "X9"} for row in TEST[:30]])
    assert len(sides(held_out=[*TEST, *twice]).judge) == 100


def test_fewer_than_fifty_rows_on_either_side_are_refused():
    with pytest.raises(TooFewRowsError, match="has 49 usable rows in its split `train`"):
        sides(TRAIN[:49])
    with pytest.raises(TooFewRowsError, match="has 49 usable rows in its split `test`"):
        sides(held_out=TEST[:49])
    with pytest.raises(TooFewRowsError, match="has 40 usable rows"):
        sides([*TRAIN[:40], *TEST])
    assert len(sides(judge_rows=60).judge) == 60


def test_held_out_rows_that_stand_in_a_prompt_are_found():
    words = f"For example: {TEST[3].text.upper()} is Q7. Ja."
    assert standing_in(words, [*TEST, *made([{"text": "ja", "label": "B4"}])]) == {TEST[3].id}


def test_train_rows_of_a_held_out_cluster_are_left_out():
    named = {row.id: f"user {at}" for at, row in enumerate(TRAIN)}
    named |= {row.id: f"user {at // 2}" for at, row in enumerate(TEST)}
    one = sides(clusters=named)
    assert len(one.leaked) == 50
    assert set(one.leaked) == {row.id for row in TRAIN[:50]}
    assert len(set(one.clusters.values())) == 50
