"""A run that destroys the model is stopped; one bad look is not enough."""

import pytest

from volano.models.training.guards.collapse import Collapse
from volano.models.training.guards.errors import CollapsedError


def stopped_at(scores, **settings):
    watch = Collapse(0.8, **settings)
    for step, score in enumerate(scores, 1):
        try:
            watch.look(step, score)
        except CollapsedError:
            return step
    return None


@pytest.mark.parametrize(
    ("scores", "step"),
    [
        ([0.8, 0.85, 0.9], None),
        ([0.7, 0.85, 0.7, 0.85], None),
        ([0.9, 0.7, 0.6, 0.0], 3),
        ([0.76, 0.76, 0.76], None),
        ([float("nan"), float("nan")], 2),
    ],
)
def test_two_looks_in_a_row_below_the_start(scores, step):
    assert stopped_at(scores) == step


def test_margin_and_looks_are_settings():
    assert stopped_at([0.76, 0.76], margin=0.01) == 2
    assert stopped_at([0.1, 0.1, 0.1], looks=3) == 3


def test_the_start_may_stay_the_best():
    watch = Collapse(0.8)
    assert [watch.look(1, 0.8), watch.look(2, 0.9), watch.look(3, 0.85)] == [False, True, False]
    assert watch.best == 0.9
