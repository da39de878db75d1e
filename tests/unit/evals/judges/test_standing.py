"""How far a judge may be believed stands beside its scores: in the comparison, as text, Markdown and JUnit."""

import json
import xml.etree.ElementTree as ET

import pytest

from support.workspace import ANNA
from volano.core.manifest import Parent
from volano.evals.compare import Side
from volano.evals.comparison import several
from volano.evals.judges.standing import UNCHECKED, judges_of, listed, standing, standings
from volano.evals.told import junit, markdown, text

KAPPA = {"value": 0.71, "low": 0.63, "high": 0.79}


@pytest.fixture
def judge(desk):
    return desk.catalog.record("judge", "segítőkész", files={"judge.json": b"{}"}, by=ANNA)


def checked(desk, judge, *, trusted, kappa=KAPPA):
    return desk.catalog.record(
        "report", "check", files={"judge-check.json": json.dumps(kappa).encode()},
        parents=[Parent("judge", judge.digest)],
        meta={"about": "judge", "kappa": kappa, "n": 200, "trusted": trusted, "verdict": "…"}, by=ANNA,
    )  # fmt: skip


def test_a_judge_without_a_check_says_so_and_the_newest_check_counts(desk, judge):
    assert standing(desk.catalog, judge)["mark"] == UNCHECKED
    checked(desk, judge, trusted=True)
    assert standing(desk.catalog, judge)["mark"] == (
        "agreement with people: kappa 0.71 [0.63, 0.79] on 200 rows"
    )
    checked(desk, judge, trusted=False, kappa={"value": 0.2, "low": None, "high": None})
    found = standing(desk.catalog, judge)
    assert found["mark"].endswith("kappa 0.20 on 200 rows, not to be trusted alone")
    assert not found["trusted"]


def test_a_list_says_what_each_asks_and_how_far_to_believe_it(desk, judge):
    never = listed(desk.catalog, judge)
    assert (never["agreement"], never["trusted"], never["pinned"]) == (UNCHECKED, False, False)
    report = checked(desk, judge, trusted=True)
    own = desk.catalog.record(
        "judge", "own", files={"judge.json": b"{}"}, by=ANNA,
        meta={"kind": "rubric", "model": "m@2", "pinned": "sha256:ab", "judges": []},
    )  # fmt: skip
    assert listed(desk.catalog, own)["pinned"]
    found = listed(desk.catalog, judge)
    assert (found["agreement"], found["check"], found["checked_us"]) == (
        "kappa 0.71 [0.63, 0.79] on 200 rows", report.ref, report.created_us,
    )  # fmt: skip


def test_each_judge_is_told_once_and_one_that_is_gone_is_told(desk, judge):
    names = judges_of(["exact_match", {"judge": {"judge": "segítőkész"}}, {"regex": {"pattern": "a"}},
                       {"judge": {"judge": "segítőkész@1"}}, {"judge": {"judge": "nobody"}}])  # fmt: skip
    found = standings(desk.catalog, names)
    assert [(one["judge"], one["mark"]) for one in found] == [
        (judge.ref, UNCHECKED), ("nobody", "is not here"),
    ]  # fmt: skip


def test_the_mark_is_in_every_form_of_a_comparison():
    lines = [{"id": str(n), "answer": "a", "scores": {"h": 1.0}} for n in range(3)]
    sides = [Side("r@1", "s", lines), Side("r@2", "t", lines)]
    said = {"judge": "<b>@1", "mark": UNCHECKED}
    told = {**several(sides), "judges": [said]}
    assert f"judge <b>@1: {UNCHECKED}" in text(told)
    assert f"> judge &lt;b&gt;@&#8203;1: {UNCHECKED}" in markdown(told)
    [found] = ET.fromstring(junit(told).split("\n", 1)[1]).iter("property")
    assert (found.get("name"), found.get("value")) == ("judge", f"judge <b>@1: {UNCHECKED}")
    assert UNCHECKED not in text(several(sides)) + markdown(several(sides)) + junit(several(sides))
