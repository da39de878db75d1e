"""New feedback is counted once for each trigger, also where it came before its trace."""

import pytest

from support.workspace import Street
from volano.feedback.sense import SenseFeedback


@pytest.fixture
def street(desk):
    made = Street(desk)
    desk.serve("support")
    desk.serve("other")
    yield made
    made.close()


def test_feedback_of_a_channel_is_counted_from_the_mark(street):
    street.say(street.call("support", "stable"))
    street.recorder.drain()
    sense = SenseFeedback(street.feedbacks)
    start = sense("support", None)
    assert start.new == 0
    for channel in ("support", "other", "support"):
        street.say(street.call(channel, "stable"))
    street.recorder.drain()
    found = sense("support", start.mark)
    assert found.new == 2
    assert sense("support", start.mark) == found  # read once, counted once
    assert SenseFeedback(street.feedbacks)("support", start.mark) == found  # a restart counts anew
    assert sense("*", start.mark).new == 3
    assert sense("support", found.mark).new == 0


def test_feedback_that_is_there_before_its_trace_counts_when_that_comes(street):
    sense = SenseFeedback(street.feedbacks)
    mark = sense("support", None).mark
    street.say(f"{1:032x}")
    street.recorder.drain()
    assert sense("support", mark).new == 0
    assert street.call("support", "stable") == f"{1:032x}"
    street.recorder.drain()
    assert sense("support", mark).new == 1
