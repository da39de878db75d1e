"""Samples and balances: exact counts, the same rows in whatever shards and order they lie."""

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.stepping import run
from volano.data import draw
from volano.data.errors import BadStepError
from volano.data.steps.balance import Balance
from volano.data.steps.sample import Sample


def rows(count, labels="abbcccc"):
    return [
        {"text": f"szöveg {at}", "label": labels[at % len(labels)], "origin": {"line": at}}
        for at in range(count)
    ]


def texts(ran):
    return [row["text"] for row in ran]


@pytest.mark.parametrize("shards", [1, 2, 7, 100])
def test_so_many_rows_as_asked_for_and_the_same_in_any_shards(tmp_path, shards):
    ran = run(Sample(rows=33, seed=4), rows(100), shards=shards, folder=tmp_path / "many")
    one = run(Sample(rows=33, seed=4), rows(100), folder=tmp_path / "one")
    assert texts(ran) == texts(one)
    assert len(ran) == 33
    assert ran.dropped == {"not drawn": 67}


def test_a_share_of_rows(tmp_path):
    assert len(run(Sample(share=0.25), rows(100), shards=3, folder=tmp_path)) == 25


def test_another_seed_draws_other_rows(tmp_path):
    one = run(Sample(rows=20, seed=1), rows(100), folder=tmp_path / "1")
    two = run(Sample(rows=20, seed=2), rows(100), folder=tmp_path / "2")
    assert texts(one) != texts(two)


def test_strata_keep_their_proportions(tmp_path):
    ran = run(Sample(rows=10, by="label"), rows(70), shards=4, folder=tmp_path)
    assert Counter(row["label"] for row in ran) == {"a": 1, "b": 3, "c": 6}


def test_where_a_row_comes_from_does_not_count(tmp_path):
    moved = [{**row, "origin": {"line": 0}, "id": "x", "split": "test"} for row in rows(50)]
    one = run(Sample(rows=9), rows(50), folder=tmp_path / "1")
    two = run(Sample(rows=9), moved[::-1], folder=tmp_path / "2")
    assert sorted(texts(one)) == sorted(texts(two))


def test_of_fewer_rows_all_go_on(tmp_path):
    assert len(run(Sample(rows=50), rows(7), folder=tmp_path / "a")) == 7
    assert run(Sample(rows=50), [], folder=tmp_path / "b") == []


@examples(60)
@given(
    st.lists(st.sampled_from("abcde"), max_size=40), st.integers(1, 40), st.integers(1, 5), st.integers(0, 3),
)  # fmt: skip
def test_equal_rows_are_drawn_exactly_too(tmp_path_factory, letters, count, shards, seed):
    given_rows = [{"text": letter} for letter in letters]
    ran = run(
        Sample(rows=count, seed=seed),
        [dict(r) for r in given_rows],
        shards=shards,
        folder=tmp_path_factory.mktemp("a"),
    )
    one = run(
        Sample(rows=count, seed=seed),
        [dict(r) for r in given_rows],
        folder=tmp_path_factory.mktemp("b"),
    )
    assert len(ran) == min(count, len(letters))
    assert texts(ran) == texts(one)


@pytest.mark.parametrize(("to", "each"), [("least", 10), ("most", 40), (25, 25)])
def test_each_value_gets_as_many_rows_as_the_others(tmp_path, to, each):
    ran = run(Balance(to=to), rows(70), shards=3, folder=tmp_path)
    assert Counter(row["label"] for row in ran) == {"a": each, "b": each, "c": each}


def test_a_balance_is_the_same_in_any_shards_and_repeats_evenly(tmp_path):
    one = run(Balance(to="most"), rows(70), folder=tmp_path / "1")
    many = run(Balance(to="most"), rows(70), shards=6, folder=tmp_path / "6")
    assert texts(one) == texts(many)
    assert set(Counter(texts(row for row in one if row["label"] == "b")).values()) == {2}
    assert one.changed == {"repeated": 50}
    assert all(a is not b for a, b in itertools.pairwise(one))


def test_a_row_comes_no_more_often_than_allowed(tmp_path):
    ran = run(Balance(to=1000, most_times=3), rows(70), folder=tmp_path)
    assert len(ran) == 210


def test_rows_without_the_column_and_odd_values_are_values_too(tmp_path):
    odd = [{"label": None}, {}, {"label": {"a": 1}}, {"label": {"a": 1}, "n": 2}, {"label": "null"}]
    assert len(run(Balance(to="least"), odd, folder=tmp_path)) == 3


def test_a_column_of_very_many_values_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(draw, "MOST_STRATA", 5)
    with pytest.raises(draw.TooManyStrataError, match="text"):
        run(Balance(by="text"), rows(10), folder=tmp_path / "a")
    with pytest.raises(draw.TooManyStrataError):
        run(Sample(rows=1, by="text"), rows(10), shards=3, folder=tmp_path / "b")


@pytest.mark.parametrize(
    ("step", "settings"),
    [(Sample, {}), (Sample, {"rows": 1, "share": 0.1}), (Sample, {"share": 2}), (Sample, {"rows": -1}),
     (Sample, {"rows": 1.5}), (Balance, {"to": "middle"}), (Balance, {"to": 0}), (Balance, {"by": ""})],
)  # fmt: skip
def test_bad_settings_are_refused(step, settings):
    with pytest.raises(BadStepError):
        step(**settings)


def test_parts_sum_up_to_the_total():
    assert draw.apportioned({"a": 1, "b": 1, "c": 1}, 2) == {"a": 1, "b": 1, "c": 0}
    assert draw.apportioned({"a": 3}, 9) == {"a": 3}
    assert draw.apportioned({}, 9) == {}
