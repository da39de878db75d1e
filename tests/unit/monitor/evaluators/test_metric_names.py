"""Scores have names in any script; each has a metric of its own."""

import pytest

from volano.feedback.metric import NAME
from volano.monitor.evaluators.evaluator import Evaluator


def test_a_plain_name_is_read_as_it_was_written():
    assert Evaluator("tone").metric("helpful/manner") == "tone.helpful.manner"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("有用/语气", "有用/准确"),
        ("ясность", "полнота"),
        ("segítőkész", "segitőkész"),
        ("a" * 70 + "b", "a" * 70 + "c"),
    ],
)
def test_no_two_scores_share_a_metric(one, other):
    found = {Evaluator("tone").metric(one), Evaluator("tone").metric(other)}
    assert len(found) == 2
    assert all(NAME.fullmatch(name) for name in found)
