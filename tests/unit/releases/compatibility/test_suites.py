from volano.evals.gates import Passed
from volano.evals.outcome import Outcome
from volano.releases.compatibility.suites import Sat, suites_hold

GATE = "exact_match >= 0.9"


def sat(name, state, *found, why="so"):
    gates = tuple(Passed(GATE, one, why) for one in found)
    return Sat(f"{name}-report@1", f"{name}@3", Outcome(state, why, gates))


def test_all_gates_of_all_pinned_suites_must_hold():
    found = suites_hold([sat("careful", "passed", "yes"), sat("polite", "passed", "yes")], ())
    assert (found.outcome, found.reason) == ("pass", "2 gates of careful, polite hold")


def test_one_that_says_no_counts_before_what_is_unmeasured():
    found = suites_hold([sat("a", "unmeasured", "unmeasured"), sat("b", "stopped", "no")], ())
    assert found.outcome == "fail"
    assert found.reason == "b@3 says no (b-report@1): so"


def test_what_is_unmeasured_is_no_yes():
    assert suites_hold([sat("a", "unmeasured", "unmeasured")], ()).outcome == "unmeasured"


def test_without_a_suite_or_without_gates_nothing_is_proven():
    assert suites_hold([], ()).outcome == "unmeasured"
    assert suites_hold([sat("a", "passed")], ()).outcome == "unmeasured"


def test_suites_that_are_wanted_must_be_among_them():
    found = suites_hold([sat("careful", "passed", "yes")], ("careful", "polite"))
    assert found.outcome == "unmeasured"
    assert "polite" in found.reason
    assert suites_hold([sat("careful", "passed", "yes")], ("careful",)).outcome == "pass"
