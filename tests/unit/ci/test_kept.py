"""Answers of a check are kept without secrets, and belong to no artifact that could be released."""

import pytest

from support.workspace import ANNA
from volano.ci.judged import PASSED, Verdict
from volano.ci.kept import keep
from volano.ci.rules import Check
from volano.evals import Evals
from volano.evals.case import Case
from volano.evals.compare import Side
from volano.evals.errors import NoSubjectError
from volano.evals.suite_file import from_plain


def line(at, answer):
    return {"id": f"r{at}", "answer": answer, "error": None, "scores": {"exact_match": 1.0}}


@pytest.mark.parametrize("name", ["routing", "é" * 99])
def test_both_sides_are_kept_and_no_secret(desk, name):
    bad = line(0, "the key is sk-12345")
    bad["scores"]["f1"], bad["unmeasured"] = None, {"f1": "no answer came: 401 bad key sk-12345"}
    sides = [Side("base", "p (base)", [line(0, "a")]),
             Side("change", "p on sk-12345 (this change)", [bad])]  # fmt: skip
    verdict = Verdict(Check(name, "s", model="m"), PASSED, "fine", "new", sides=sides)
    suite = from_plain({"name": "s", "data": "d", "scorers": ["exact_match"]}, name="s.yaml")
    refs = keep(
        desk.catalog, verdict, suite, [Case("r0", "text", "a")],
        dataset=None, secrets=["sk-12345"], made_by="", by=ANNA,
    )  # fmt: skip
    evals = Evals(desk.catalog, desk.datasets)
    assert [one.rpartition("@")[2] for one in refs] == ["1", "2"]
    assert [evals.report(one).subject for one in refs] == ["p (base)", "p on *** (this change)"]
    assert evals.answers(refs[1])[0]["answer"] == "the key is ***"
    for one in refs:
        report = desk.catalog.get("report", one)
        files = [desk.catalog.read(report, file) for file in ("report.json", "answers.jsonl")]
        assert not [file for file in files if b"sk-12345" in file]
        assert "sk-12345" not in str(report.manifest.meta)
    assert evals.report(refs[1]).summary.unmeasured == {
        "f1": {"no answer came: 401 bad key ***": 1}
    }
    assert evals.compare(*refs)["n"] == 1
    with pytest.raises(NoSubjectError):
        evals.seen(refs[1], by=ANNA)
