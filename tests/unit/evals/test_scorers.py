import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.plugins import PluginTakenError, UnknownPluginError
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.errors import BadScoreError
from volano.evals.report import scores_of
from volano.evals.scorers import DEFAULT, SCORERS
from volano.evals.scoring import BadScorerError, Tools, Unmeasured, make, scorer

LABEL = {"queue": "refund", "reference": "0042"}


def score(answer, label=LABEL):
    return scores_of(answer, label, DEFAULT)


@pytest.mark.parametrize(
    "answer",
    ['{"queue":"refund","reference":"0042"}', ' {"reference": "0042",\n "queue": "refund"} '],
)
def test_the_same_json_value_is_an_exact_match(answer):
    assert set(score(answer).values()) == {1.0}


@pytest.mark.parametrize(
    ("answer", "valid", "queue", "reference"),
    [
        ('{"queue":"billing","reference":"0042"}', 1, 0, 1),
        ('{"queue":"refund","reference":42}', 1, 1, 0),
        ('{"queue":"refund","reference":"0042","x":1}', 1, 1, 1),
        ('{"queue":"refund","queue":"billing","reference":"0042"}', 0, 0, 0),
        ('{"queue":"refund","reference":"0042"', 0, 0, 0),
        ('Sure! {"queue":"refund","reference":"0042"}', 0, 0, 0),
        ('["refund"]', 0, 0, 0), ("", 0, 0, 0), ("[" * 100_000, 0, 0, 0),
        ('{"queue":"\\ud800","reference":"0042"}', 1, 0, 1),
        ('{"queue":NaN,"reference":"0042"}', 0, 0, 0),
    ],
)  # fmt: skip
def test_each_kind_of_wrong_answer(answer, valid, queue, reference):
    assert score(answer) == {
        "exact_match": 0, "valid_json": valid,
        "field_accuracy/queue": queue, "field_accuracy/reference": reference,
    }  # fmt: skip


def test_true_is_not_one():
    assert score('{"n": true}', {"n": 1})["exact_match"] == 0
    assert score('{"n": 1.0}', {"n": 1})["exact_match"] == 1


def test_labels_that_are_texts_know_exact_match_only():
    assert score(" kártya\n", "ka\u0301rtya") == {"exact_match": 1}
    assert score("Kártya", "kártya") == {"exact_match": 0}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text("aéд订", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abé"), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text("abé", min_size=1), JSON, min_size=1, max_size=4))
def test_a_label_always_matches_itself(label):
    assert set(score(json.dumps(label), label).values()) == {1.0}


@given(st.text(max_size=80))
def test_no_answer_breaks_a_scorer(answer):
    assert set(score(answer)) == {
        "exact_match", "valid_json", "field_accuracy/queue", "field_accuracy/reference",
    }  # fmt: skip


def test_names_are_taken_once_and_unknown_ones_are_named():
    with pytest.raises(PluginTakenError):
        SCORERS.register("exact_match")(lambda answer, label: {})
    with pytest.raises(UnknownPluginError) as caught:
        scores_of("", "x", ["no_such"])
    assert "exact_match" in caught.value.advice


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(SCORERS, "_items", dict(SCORERS._items))


def test_a_score_outside_its_range_is_refused(registry):
    scorer("odd")(lambda answer, label: 1.5)
    with pytest.raises(BadScoreError, match="odd"):
        scores_of("", "x", ["odd"])


def test_a_function_becomes_a_scorer_by_its_decorator(registry):
    @scorer("shout")
    def shout(answer, label):
        """1 when the answer is in capitals."""
        return {"shout": answer.isupper(), "hush": None}

    name, made = make("shout")
    assert (name, made.unit, made.__doc__) == (
        "shout",
        "share",
        "1 when the answer is in capitals.",
    )
    found = made.score(Case("1", "", "x"), Answered("1", "JÓ"), Tools())
    assert found == {"shout": 1.0, "hush": Unmeasured("the scorer gave none")}


@pytest.mark.parametrize("spec", ["no_such", {"exact_match": {"x": 1}}, {}, 3, {"exact_match": 5}])
def test_a_scorer_that_cannot_be_made_says_why(spec):
    with pytest.raises((BadScorerError, UnknownPluginError)):
        make(spec)
