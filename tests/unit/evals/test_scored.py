import time
from dataclasses import dataclass

import pytest

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scored import Early, score_all
from volano.evals.scorers.exact import ExactMatch, FieldAccuracy
from volano.evals.scoring import BadScorerError, Plain, Tools, Unmeasured, check_distinct, make

CASES = [
    Case(str(n), f"{n}. вопрос", "да", cluster=f"c{n // 2}", slices={"ag": "x"}) for n in range(6)
]
GOOD = [Answered(case.id, "да" if n % 2 else "нет") for n, case in enumerate(CASES)]


@dataclass(frozen=True)
class Odd(Plain):
    """Does what a test says."""

    give: object

    def score(self, case, answered, tools):
        found = self.give(case, answered) if callable(self.give) else self.give
        if isinstance(found, Exception):
            raise found
        return {"odd": found}


def scored(give, answers=GOOD):
    return score_all(CASES, answers, [("exact", ExactMatch()), ("odd", Odd(give))], Tools())


def test_a_scorer_that_breaks_leaves_its_rows_unmeasured_and_the_others_alone():
    lines, units = scored(ValueError("kaputt"))
    assert [line["scores"]["exact_match"] for line in lines] == [0, 1, 0, 1, 0, 1]
    assert {line["scores"]["odd"] for line in lines} == {None}
    assert lines[0]["unmeasured"] == {"odd": "ValueError: kaputt"}
    assert units == {"exact_match": ("share", True), "odd": ("share", True)}
    assert (lines[2]["cluster"], lines[2]["slices"]) == ("c1", {"ag": "x"})


def test_what_is_no_score_is_unmeasured_with_the_reason():
    for given in (7, -0.1, float("nan"), float("inf"), None, "many", Unmeasured("die Richter")):
        lines, _ = scored(given)
        assert lines[0]["scores"]["odd"] is None
        assert lines[0]["unmeasured"]["odd"]


def test_an_answer_that_is_an_error_is_unmeasured_by_all():
    answers = [Answered("0", "", "error", error="unavailable: weg"), *GOOD[1:]]
    lines, _ = scored(1.0, answers)
    assert lines[0]["scores"] == {"exact_match": None, "odd": None}
    assert "weg" in lines[0]["unmeasured"]["odd"]
    assert lines[1]["scores"]["odd"] == 1


def test_an_empty_or_refused_answer_is_scored_as_what_it_is():
    answers = [Answered("0", ""), Answered("1", "", "content_filter", error="refused"), *GOOD[2:]]
    lines, _ = scored(0.5, answers)
    assert [line["scores"]["exact_match"] for line in lines[:2]] == [0, 0]


def test_a_scorer_that_breaks_on_one_row_lacks_all_its_names_there():
    label = {"queue": "возврат", "n": 1}
    cases = [Case("a", "", label), Case("b", "", label)]
    answers = [Answered("a", '{"queue": "возврат", "n": 1}'), Answered("b", "", error="weg")]
    lines, _ = score_all(cases, answers, [("field_accuracy", FieldAccuracy())], Tools())
    assert lines[1]["scores"] == {"field_accuracy/queue": None, "field_accuracy/n": None}


def test_all_in_error_still_names_what_is_missing():
    lost = [Answered(case.id, "", "error", error="weg") for case in CASES]
    lines, _ = scored(1.0, lost)
    assert lines[0]["scores"] == {"exact": None, "odd": None}


def test_a_scorer_that_waits_gets_threads():
    threads = set()

    def give(case, answered):
        import threading

        threads.add(threading.get_ident())
        time.sleep(0.01)
        return 1.0

    cases, answers = CASES * 4, GOOD * 4
    lines, _ = score_all(cases, answers, [("odd", Odd(give))], Tools(), at_once=8)
    assert len(threads) > 2
    assert len(lines) == 24


def test_what_is_scored_early_is_scored_once_and_the_same():
    answers = [*GOOD[:5], Answered("5", "", "error", error="unavailable: weg")]
    asked = []

    @dataclass(frozen=True)
    class Counts(Odd):
        quick = True

    scorers = [("exact", ExactMatch()), ("odd", Counts(lambda *pair: asked.append(pair) or 1.0))]
    early = Early({case.id: case for case in CASES}, scorers, Tools())
    early(answers[:2])
    early(answers[3:])
    lines = score_all(CASES, answers, scorers, Tools(), early=early)
    assert len(asked) == 5
    assert lines == score_all(CASES, answers, scorers, Tools())


def test_who_waits_is_not_asked_early():
    early = Early({case.id: case for case in CASES}, [("odd", Odd(AssertionError()))], Tools())
    early(GOOD)
    assert early.found(Odd(1)) == {}


def test_what_a_scorer_notes_of_a_row_stands_in_its_line():
    tools = Tools()

    def tells(case, answered):
        if case.id == "2":
            tools.notes.setdefault("odd", {})[case.id, answered.repetition] = ["недоказано"]
        return 1.0

    lines, _ = score_all(CASES, GOOD, [("odd", Odd(tells))], tools)
    assert lines[2]["notes"] == {"odd": ["недоказано"]}
    assert [one for one in lines if "notes" in one] == [lines[2]]


def test_a_scorer_twice_with_other_settings_gives_scores_of_other_names():
    specs = [
        {"regex": {"pattern": "да", "as": "yes"}}, {"regex": {"pattern": "нет", "as": "nо"}},
        {"rouge": {"as": "words"}}, "rouge",
    ]  # fmt: skip
    check_distinct(specs)
    lines, units = score_all(CASES, GOOD, [make(one) for one in specs], Tools())
    assert [(line["scores"]["yes"], line["scores"]["nо"]) for line in lines[:2]] == [(0, 1), (1, 0)]
    assert lines[1]["scores"]["words/1"] == lines[1]["scores"]["rouge/1"] == 1
    assert units["yes"] == units["words/L"] == ("share", True)


def test_a_renamed_scorer_keeps_its_unit_and_its_haste():
    latency, exact = make({"latency": {"as": "took"}})[1], make({"exact_match": {"as": "same"}})[1]
    assert (latency.unit, latency.bigger) == ("ms", False)
    assert exact.quick == ExactMatch.quick
    assert exact.score(CASES[0], GOOD[1], Tools()) == {"same": 1.0}


@pytest.mark.parametrize(
    "called", ["a>=1", "a<b", "a≥1", "a=1", "a b", "a/b", "", "a" * 61, 3, "a\u200b"]
)
def test_a_score_is_called_what_a_gate_can_name(called):
    with pytest.raises(BadScorerError, match="letters, digits"):
        make({"rouge": {"as": called}})


@pytest.mark.parametrize("called", ["words-2.x_y", "пословно", "逐字", "शब्द", "ช้า", "a" * 60])
def test_a_score_is_called_in_any_script(called):
    assert make({"rouge": {"as": called}})[0] == called
