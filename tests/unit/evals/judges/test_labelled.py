"""What people said, as a judge reads it."""

import pytest

from volano.evals.judges.errors import BadLabelledRowError
from volano.evals.judges.labelled import labelled
from volano.evals.judges.reading import judge_of

ONE = {"kind": "rubric", "model": "sim:m",
       "criteria": [{"name": "right", "question": "Igaz?"}]}  # fmt: skip
ROW = {"text": "Hol?", "answer": "Itt."}


@pytest.mark.parametrize("label", ["yes", 1, {"right": "yes"}, {"right": 1}])
def test_one_criterion_may_be_named_or_not(label):
    [found] = labelled(judge_of(ONE), [{**ROW, "label": label}])
    assert [*found.labels.values()] == [1.0]


@pytest.mark.parametrize(("label", "told"), [
    ({"wrong": 1}, "speaks of wrong, the judge of right"),
    ({"right": 1, "kind": 1}, "speaks of right, kind, the judge of right"),
    ({}, "speaks of nothing, the judge of right"),
])  # fmt: skip
def test_a_label_of_something_else_says_what_the_judge_asks(label, told):
    with pytest.raises(BadLabelledRowError, match=told):
        labelled(judge_of(ONE), [{**ROW, "label": label}])
