"""A report's page tells what its gates said; an object in a card is told in words."""

from types import SimpleNamespace

import pytest

from volano.web.pages import facts, kinds, report_page

SCORES = [{"name": "exact_match", "value": 0.25, "low": 0.2, "high": 0.3, "n": 609}]
GATE = {"gate": "exact_match >= 0.5", "found": "no", "why": "exact_match is 0.25 on 609 rows"}


def told(**meta):
    shown = SimpleNamespace(manifest=SimpleNamespace(meta={"scores": SCORES, **meta}))
    return kinds.report_telling(shown)


@pytest.mark.parametrize(
    ("outcome", "why", "said"),
    [
        ("stopped", "a >= 1: a is 0 on 9 rows", "; stopped, as a gate says no: a >= 1: a is 0 on 9 rows"),
        ("unmeasured", "a is unmeasured on 32.3% of the answers.", "; not measured: a is unmeasured on 32.3% of the answers"),
        ("passed", "1 gates hold", ""),
    ],
)  # fmt: skip
def test_the_first_line_says_where_a_suite_did_not_pass(outcome, why, said):
    assert told(outcome=outcome, why=why) == told() + said
    assert "exact match" in told()


@pytest.mark.parametrize(
    ("found", "tone"), [("yes", "good"), ("no", "bad"), ("unmeasured", "wait")]
)
def test_each_gate_is_shown_with_its_reason(found, tone):
    [section] = report_page.gates({"gates": [{**GATE, "found": found}]})
    [gate] = section.gates
    assert (gate.name, gate.reason, gate.state.tone) == (GATE["gate"], GATE["why"], tone)
    assert report_page.gates({}) == []


def test_objects_in_a_list_are_told_as_names_and_values():
    shown = dict(facts.of({"baseline": [{"name": "exact_match", "value": 0.35333333, "left": None},
                                        {"name": "többi", "low_end": 1}], "slots": ["a", "b"]}))  # fmt: skip
    assert shown["baseline"].value == "name exact_match, value 0.353; name többi, low end 1"
    assert shown["slots"].value == "a, b"
