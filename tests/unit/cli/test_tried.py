"""Answers of several to one prompt, in a terminal."""

from dataclasses import replace

from volano.cli.tried import tried
from volano.evals.playground.grid import total
from volano.evals.playground.take import Take

GOOD = Take(
    "sim:jó", "answered", "Első sor\nвторая\x1b[31m", prompt_tokens=3, completion_tokens=5,
    latency_us=12_300, cost_nano=5_000, currency="EUR", scores={"exact_match": 1.0},
)  # fmt: skip
GONE = Take("support", "error", error="It does not answer.", hint="Look at it.", channel="support")


def test_everybody_s_answer_is_shown_with_what_it_took(capsys):
    tried({"prompt": "p@1", "takes": [GOOD.to_dict(), GONE.to_dict()]})
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "sim:jó   answered   12.3 ms   3 tokens in, 5 out   0.000005 EUR",
        "  Első sor", "  вторая\ufffd[31m",
        "support   error   cost not known", "  It does not answer.", "  Look at it.",
    ]  # fmt: skip
    assert "1 of 2 calls gave no whole answer" in said.err


def test_over_rows_each_player_has_a_line_and_a_failure_its_reason_once(capsys):
    totals = {"sim:jó": total([GOOD, GOOD]), "support": total([GONE])}
    takes = [one.to_dict() for one in (GOOD, GOOD, GONE)]
    tried({"prompt": "p@1", "data": "d", "takes": takes, "totals": totals})
    out = capsys.readouterr().out
    assert "sim:jó\texact_match 1.000 [0.342, 1.000]\t2 answered\t0\t12.3 ms\t0.00001 EUR" in out
    assert "support\tunmeasured\t1 error\t1\t-\tcost not known" in out
    assert out.count("support: It does not answer.") == 1


def test_a_reason_names_all_that_gave_it(capsys):
    other = replace(GONE, player="desk")
    takes = [one.to_dict() for one in (GONE, other)]
    totals = {"support": total([GONE]), "desk": total([other])}
    tried({"prompt": "p@1", "data": "d", "takes": takes, "totals": totals})
    assert "support, desk: It does not answer." in capsys.readouterr().out
