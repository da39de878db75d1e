"""What is told of a change is text: nothing in it is Markdown, a mention, a link, or a secret."""

import re
import xml.etree.ElementTree as ET

from volano.ci.affected import Planned
from volano.ci.judged import PASSED, STOPPED, UNMEASURED, Verdict
from volano.ci.repository import Base
from volano.ci.rules import Check
from volano.ci.told import (
    MARK,
    MOST_CHARS,
    Told,
    junit,
    markdown,
    sentence,
    state_of,
    text,
)
from volano.ci.training import Looked
from volano.evals.compare import Side
from volano.evals.comparison import comparison
from volano.evals.gates import Passed

BAD = "</summary><script>|`x` @all [a](http://evil.example) ![](http://evil.example/p)\n# \x1b[31m\x00"
BASE = Base("ma|in<b>", "0123456789abcdef")


def verdict(state=PASSED, name="é", why="fine", gates=(), **given):
    return Verdict(Check(name, "s", model="m"), state, why, "its rows changed", gates, **given)


def test_no_counts_before_unmeasured_and_that_before_yes():
    assert state_of([verdict(), verdict(UNMEASURED)]) == UNMEASURED
    assert state_of([verdict(UNMEASURED), verdict(STOPPED)]) == STOPPED
    assert state_of([]) == PASSED


def test_a_comment_holds_what_a_change_says_as_text():
    gates = [Passed(BAD, "no", BAD)]
    said = markdown(Told([verdict(STOPPED, BAD, BAD, gates, notes=[BAD])], [], [BAD], BASE))
    assert said.startswith(MARK)
    for part in ("<script", "</summary><", "@all", "<b>"):
        assert part not in said
    behind = [line for line in said.split("\n") if not line.startswith("<details>")]
    assert not [line for line in behind if "[a](http" in line or " `x`" in line]
    rows = [line for line in said.split("\n") if line.startswith("| ")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in rows] == [5, 5, 4, 4]


def test_a_comment_fits_and_says_what_it_leaves_out():
    many = [verdict(STOPPED, f"n{n}", "w" * 150, [Passed("g" * 150, "no", "w" * 150)] * 9)
            for n in range(60)]  # fmt: skip
    said = markdown(Told(many, [], [], BASE))
    assert 20_000 < len(said) <= MOST_CHARS
    assert "does not fit" in said
    wide = [verdict(name=f"{n}" * 40, why="w" * 900) for n in range(500)]
    assert len(markdown(Told(wide, [], [], BASE))) < 65_536


def test_junit_counts_failures_errors_and_skipped_and_is_xml_whatever_is_said():
    gates = [Passed("g", "yes", "y"), Passed(BAD, "no", BAD), Passed("u", "unmeasured", "w")]
    verdicts = [verdict(STOPPED, BAD, BAD, gates), verdict(UNMEASURED, why="nobody"), verdict()]
    plans = [Planned(Check("c", "s", model="m"), runs=False, why="nothing")]
    root = ET.fromstring(junit(Told(verdicts, plans, [], BASE)))
    assert {k: root.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "1", "errors": "2", "skipped": "1",
    }  # fmt: skip
    assert len(root.findall("testsuite")) == 4


def test_the_terminal_gets_every_verdict_and_the_reason_of_what_did_not_run():
    plans = [Planned(Check("c", "s", model="m"), runs=False, why="nothing changed")]
    said = text(Told([verdict(STOPPED, why="worse")], plans, ["a note"], BASE))
    for part in (
        "stopped",
        "worse",
        "its rows changed",
        "not run     c: nothing changed",
        "a note",
    ):
        assert part in said
    assert sentence([verdict(), verdict(STOPPED)], plans) == "2 checks: 1 holds, 1 does not hold"


def test_a_training_recipe_is_told_beside_the_checks_and_as_not_trained():
    bad = Looked(f"m{BAD}", f"t{BAD}", STOPPED, f"no {BAD}", [BAD])
    told = Told([verdict()], [], [], BASE, [bad, Looked("n", "t.yaml", PASSED, "fine")])
    assert told.sentence == (
        "1 check: 1 holds; 2 training recipes: 1 holds, 1 does not hold, not trained"
    )
    said = markdown(told)
    assert said.startswith(f"{MARK}\n## ❌")
    assert not [part for part in ("<script", "@all", "<b>") if part in said]
    rows = [line for line in said.split("\n") if line.startswith("| ")]
    assert [len(re.findall(r"(?<!\\)\|", line)) for line in rows] == [5, 5, 5, 5, 5]
    root = ET.fromstring(junit(told))
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    assert "t.yaml (training recipe of n): fine" in text(told)
    alone = Told(
        [], [Planned(Check("c", "s", model="m"), runs=False, why="w")], [], BASE, told.looked
    )
    assert alone.sentence.endswith("not trained; none of 1 check is affected")


def test_rows_that_fell_are_links_only_where_their_answers_are_kept():
    lines = {
        ref: [
            {"id": f"row{at}", "answer": "a", "scores": {"f1": float(at != 3 or ref == "base")}}
            for at in range(9)
        ]
        for ref in ("base", "change")
    }  # fmt: skip
    told = comparison(*(Side(ref, ref, lines[ref]) for ref in lines))
    shown = [
        markdown(Told([verdict(told=told, reports=reports)], [], [], BASE, console=console))
        for reports in ((), ("ci/s@1", "ci/s@2"))
        for console in ("", "https://v.example")
    ]
    assert ["](http" in said for said in shown] == [False, False, False, True]
    row = "https://v.example/reports/answers?report=ci%2Fs%402&after=3"
    assert f"[`row3`]({row})" in shown[-1]
    assert "https://v.example/reports/compare?a=ci%2Fs%401&b=ci%2Fs%402" in shown[-1]
