"""Gates are drawn where their numbers are there, and told in words where they are not."""

import math

import pytest

from volano.web.pages.gates import gate

PROMOTION = {"gate": "promotion", "metric": "errors", "margin": 0.05, "loss_low": -0.01,
             "loss_high": 0.02}  # fmt: skip
HARM = {"gate": "harm", "metric": "errors", "threshold": 40.0, "e_value": 2.0,
        "peak_e_value": 3.0}  # fmt: skip
UNITS = {"gate": "units", "seen": 5, "needed": 50}


def drawn(evidence):
    return gate({"outcome": "wait", "reason": "why: so", "evidence": evidence}).meter


@pytest.mark.parametrize("evidence", [PROMOTION, HARM, UNITS], ids=lambda e: e["gate"])
def test_a_gate_with_its_numbers_is_drawn(evidence):
    assert drawn(evidence) is not None


@pytest.mark.parametrize("value", [None, "many", float("nan")])
@pytest.mark.parametrize(
    ("evidence", "name"),
    [(PROMOTION, "loss_low"), (HARM, "e_value"), (UNITS, "seen"), (UNITS, "needed")],
)
def test_a_gate_that_lacks_a_number_is_told(evidence, name, value):
    shown = gate({"outcome": "wait", "reason": "why: so", "evidence": {**evidence, name: value}})
    assert shown.meter is None
    assert shown.reason == "why: so"


def test_a_split_that_is_proven_wrong_is_shown_by_its_proof_though_it_looks_better_by_now():
    split = {"gate": "split", "counts": [247, 161], "e_value": 675.0, "peak_e_value": 1400.0,
             "threshold": 1000.0, "rejected": True}  # fmt: skip
    told = [dict(gate({"outcome": "fail", "reason": "r", "evidence": {**split, **more}}).numbers)
            for more in ({}, {"rejected": False})]  # fmt: skip
    assert [one["e-value"] for one in told] == ["1\u202f400", "675"]
    assert told[0]["proof at"] == "1\u202f000"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (999.4, "999"), (999.9, "1\u202f000"), (1400.4, "1\u202f400"), (1e6, "1\u202f000\u202f000"),
        (1e304, "> 1\u202f000\u202f000"), (-1e304, "< -1\u202f000\u202f000"),
        (math.inf, "inf"), (math.nan, "nan"), (0.012345, "0.0123"),
    ],
)  # fmt: skip
def test_a_number_is_short_however_large_it_is(value, told):
    shown = gate({"outcome": "wait", "reason": "r", "evidence": {**HARM, "e_value": value}})
    assert dict(shown.numbers)["e-value"] == told


@pytest.mark.parametrize("evidence", [{"gate": "guard", "calls": 3}, {"gate": "theirs"}, {}, None])
def test_a_gate_without_a_drawing_is_told(evidence):
    assert drawn(evidence) is None


@pytest.mark.parametrize(
    "odd", [{**HARM, "threshold": 0.0}, {**HARM, "e_value": float("inf")}, {**UNITS, "needed": 0},
            {**PROMOTION, "margin": 0.0}]
)  # fmt: skip
def test_numbers_at_their_ends_stay_inside_the_drawing(odd):
    meter = drawn(odd)
    assert 0 <= meter.low <= 1
    assert 0 <= meter.high <= 1
