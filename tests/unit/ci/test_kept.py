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
    sides = [Side("base", "p (base)", [line(0, "a")]),
             Side("change", "p (this change)", [line(0, "the key is sk-12345")])]  # fmt: skip
    verdict = Verdict(Check(name, "s", model="m"), PASSED, "fine", "new", sides=sides)
    suite = from_plain({"name": "s", "data": "d", "scorers": ["exact_match"]}, name="s.yaml")
    refs = keep(
        desk.catalog, verdict, suite, [Case("r0", "text", "a")],
        dataset=None, secrets=["sk-12345"], made_by="", by=ANNA,
    )  # fmt: skip
    evals = Evals(desk.catalog, desk.datasets)
    assert [one.rpartition("@")[2] for one in refs] == ["1", "2"]
    assert [evals.report(one).subject for one in refs] == ["p (base)", "p (this change)"]
    assert evals.answers(refs[1])[0]["answer"] == "the key is ***"
    assert evals.compare(*refs)["n"] == 1
    with pytest.raises(NoSubjectError):
        evals.seen(refs[1], by=ANNA)
