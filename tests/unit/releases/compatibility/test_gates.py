"""Flips, replay, envelope and context: what each says, on how much, and when nobody can tell."""

import pytest

from volano.core.verdict import Verdict
from volano.evals.compare import Side
from volano.releases.compatibility.context import Length, fits
from volano.releases.compatibility.envelope import envelope
from volano.releases.compatibility.flips import flipped
from volano.releases.compatibility.limits import GATES, Limits, gates_of, limits_of
from volano.releases.compatibility.outcome import outcome, read, told
from volano.releases.compatibility.rehearsal import ERROR, REFUSED, SCHEMA, WELL, Pair, Told
from volano.releases.compatibility.replayed import replayed
from volano.releases.errors import BadCheckError


def side(ref, scores, *, critical=()):
    """A report of rows with one score each; None: unmeasured."""
    lines = [
        {"id": row, "answer": row, "critical": row in critical,
         "scores": {} if value is None else {"exact": value}}
        for row, value in scores.items()
    ]  # fmt: skip
    return Side(ref, ref, lines, {"exact": ("share", True)})


def none(_ref):
    return ()


OLD = side("old@1", {"a": 1, "b": 1, "c": 0, "d": 1}, critical=("a",))


def test_no_critical_row_may_fall_though_others_rise():
    new = side("new@1", {"a": 0, "b": 1, "c": 1, "d": 1})
    verdict = flipped([OLD], [new], none, most=3)
    assert verdict.outcome == "fail"
    assert "1 of 1 critical rows fell (a); on 4 rows 1 fell and 1 rose" in verdict.reason
    assert verdict.evidence["fallen"] == [
        {"row": "a", "a": 1.0, "b": 0.0, "answer_a": "a", "answer_b": "a"}
    ]


def test_other_rows_are_told_and_bounded():
    new = side("new@1", {"a": 1, "b": 0, "c": 1, "d": 0})
    assert flipped([OLD], [new], none, most=None)
    assert flipped([OLD], [new], none, most=2)
    verdict = flipped([OLD], [new], none, most=1)
    assert (verdict.outcome, verdict.reason) == ("fail", "on 4 rows 2 fell and 1 rose; 1 may fall")


def test_rows_are_critical_where_the_dataset_marks_them():
    new = side("new@1", {"a": 1, "b": 0, "c": 1, "d": 1})
    assert (
        flipped([OLD], [new], lambda ref: {"b"} if ref == "old@1" else (), most=None).outcome
        == "fail"
    )


def test_a_critical_row_without_a_score_is_no_pass():
    verdict = flipped([OLD], [side("new@1", {"a": None, "b": 1, "c": 1, "d": 1})], none, most=None)
    assert verdict.outcome == "unmeasured"
    assert "1 critical rows have no score" in verdict.reason
    gone = flipped([OLD], [side("new@1", {"b": 1, "c": 1, "d": 1})], none, most=None)
    assert gone.outcome == "unmeasured"


def test_without_reports_on_the_same_rows_or_marks_nothing_is_known():
    assert flipped([], [OLD], none, most=0).outcome == "unmeasured"
    other = side("new@1", {"x": 1})
    assert flipped([OLD], [other], none, most=0).outcome == "unmeasured"
    same = flipped([OLD], [OLD], none, most=0)
    assert "the same report old@1" in same.reason
    unmarked = side("old@2", {"a": 1, "b": 1})
    verdict = flipped([unmarked], [side("new@1", {"a": 1, "b": 0})], none, most=None)
    assert verdict.outcome == "unmeasured"
    assert "no row is marked critical" in verdict.reason


def pairs(
    *,
    n=40,
    old=WELL,
    new=WELL,
    old_us=1000,
    new_us=1000,
    old_nano=10,
    new_nano=10,
    units=None,
    grow=1.0,
):
    return [
        Pair(f"{at:032x}", f"u{at % (units or n)}",
             Told(old, "", old_us + at, 100, 10, old_nano),
             Told(new, "why", new_us + at, int(100 * grow), 10, new_nano))
        for at in range(n)
    ]  # fmt: skip


def test_what_the_old_release_answers_the_new_one_answers():
    verdict = replayed(pairs(), Limits(), wanted=40)
    assert verdict
    assert verdict.evidence["well_before"] == 40


@pytest.mark.parametrize(
    ("state", "word"),
    [(ERROR, "got no answer"), (SCHEMA, "broke the form"), (REFUSED, "were refused")],
)
def test_requests_that_break_are_counted_by_kind_and_bounded(state, word):
    some = [*pairs(n=38), *pairs(n=2, new=state)]
    verdict = replayed(some, Limits(), wanted=40)
    assert verdict.outcome == "fail"
    assert f"2 {word}" in verdict.reason
    assert (verdict.evidence[state], verdict.evidence["broken"]) == (2, 2)
    assert replayed(some, Limits(failures=2), wanted=40)


def test_what_fails_in_both_says_nothing_of_the_new_one():
    verdict = replayed([*pairs(n=12), *pairs(n=3, old=ERROR, new=ERROR)], Limits(), wanted=15)
    assert verdict
    assert verdict.evidence["fail_in_both"] == 3
    assert replayed(pairs(old=ERROR, new=ERROR), Limits(), wanted=40).outcome == "unmeasured"


def test_few_requests_are_no_pass():
    verdict = replayed(pairs(n=9), Limits(), wanted=12, lost=3)
    assert verdict.outcome == "unmeasured"
    assert "3 have no body any more; 10 are needed" in verdict.reason


def test_the_envelope_holds_or_breaks_by_ratios_of_pairs():
    assert envelope(pairs(new_us=1100, new_nano=12), Limits())
    dear = envelope(pairs(new_nano=30), Limits(cost=2))
    assert (dear.outcome, "cost is 3.00 times" in dear.reason) == ("fail", True)
    slow = envelope(pairs(new_us=9000), Limits(latency=2))
    assert slow.outcome == "fail"
    assert slow.evidence["latency"]["low"] > 2


def test_where_the_interval_does_not_tell_it_waits():
    mixed = [*pairs(n=37), *pairs(n=3, new_us=2300)]
    verdict = envelope(mixed, Limits(latency=2))
    assert verdict.outcome == "wait"
    assert "more requests would tell" in verdict.reason


def test_the_envelope_says_what_nobody_could_measure():
    assert envelope(pairs(n=15), Limits()).outcome == "unmeasured"
    assert (
        "there is no price"
        in envelope(pairs(), Limits(), why_no_cost="there is no price of m@1").reason
    )
    assert envelope(pairs(old_nano=None), Limits()).outcome == "unmeasured"
    assert "one unit only" in envelope(pairs(units=1), Limits()).reason
    assert envelope([], Limits()).outcome == "unmeasured"


def test_what_was_free_stays_free():
    assert envelope(pairs(old_nano=0, new_nano=0), Limits())
    assert "was nothing" in envelope(pairs(old_nano=0), Limits()).reason


def test_requests_fit_or_do_not():
    lengths = [Length("t1", 900), Length("t2", 100), Length("t3", None)]
    well = fits(lengths, 1000, (), "m@1")
    assert well
    assert "900 tokens (as the old model counted) of 1,000; 1 more do not tell" in well.reason
    verdict = fits(lengths, 800, (), "m@1")
    assert (verdict.outcome, verdict.evidence["over"], verdict.evidence["share_over"]) == (
        "fail",
        1,
        0.5,
    )
    assert "trace t1" in verdict.reason


def test_longer_words_around_requests_count():
    assert fits([Length("t", 900)], 1000, pairs(n=3), "m@1")
    verdict = fits([Length("t", 900)], 1000, pairs(n=3, grow=1.5), "m@1")
    assert verdict.outcome == "fail"
    assert verdict.evidence["longest"] == 1350


def test_an_unknown_window_is_unmeasured():
    assert fits([Length("t", 9)], None, (), "m@1").outcome == "unmeasured"
    assert fits([Length("t", None)], 10, (), "m@1").outcome == "unmeasured"


def test_a_no_counts_before_what_is_unknown_and_neither_is_a_yes():
    yes, no, blind = Verdict("pass", "y"), Verdict("fail", "n"), Verdict("unmeasured", "u")
    assert outcome({"schema": yes}, ["schema"])[0] == "passed"
    assert outcome({"schema": blind, "flips": no}, ["schema", "flips"]) == ("stopped", "flips: n")
    assert outcome({"schema": yes, "flips": blind}, ["schema", "flips"])[0] == "unmeasured"
    assert outcome({"schema": yes, "flips": no}, ["schema"])[0] == "passed"
    assert outcome({"schema": yes}, ["schema", "replay"]) == (
        "unmeasured",
        "replay: it was not looked at",
    )
    assert outcome({"schema": Verdict("wait", "w")}, ["schema"])[0] == "unmeasured"
    assert read(told({"schema": no})) == {"schema": no}


def test_gates_and_limits_that_cannot_be_are_refused():
    assert gates_of(()) == GATES
    assert gates_of(["flips,schema", "flips"]) == ("schema", "flips")
    assert limits_of({"flips": 0, "cost": None, "other": 1}) == Limits(flips=0)
    for wrong in ({"cost": 0}, {"latency": float("nan")}, {"failures": -1}, {"least": 0}):
        with pytest.raises(BadCheckError):
            limits_of(wrong)
    with pytest.raises(BadCheckError, match="no gate `sechma`"):
        gates_of(["sechma"])
