"""Drift that begins is news, drift that goes on is none, drift that comes back is news again."""

from volano.core.ports.drifted import Drift
from volano.monitor.drift.sense import SenseDrift


def test_only_what_begins_to_move_is_new():
    found = {"support": "steady"}
    sense = SenseDrift(
        lambda: [Drift(watch, "questions", state, 1) for watch, state in found.items()]
    )
    mark = sense("support", None).mark
    assert sense("support", mark).new == 0
    found["support"] = "moved"
    begun = sense("support", mark)
    assert (begun.new, begun.told) == (1, {"moved": ["support: questions"]})
    assert sense("support", begun.mark).new == 0
    found["support"] = "unsure"
    calm = sense("support", begun.mark)
    assert (calm.new, calm.mark) == (0, [])
    found["support"] = "moved"
    assert sense("support", calm.mark).new == 1
    assert sense("*", []).new == 1
    assert sense("other", []).new == 0
