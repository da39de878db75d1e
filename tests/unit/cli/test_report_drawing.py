"""A report in a terminal: what became of the answers, and what nobody could score."""

from volano.cli import drawings


def test_a_score_that_nobody_could_give_is_told_beside_the_others(capsys):
    score = {"name": "f1", "value": 0.51234, "low": 0.4, "high": 0.6, "n": 9}
    drawings.report(
        {
            "ref": "r@1",
            "meta": {
                "subject": "model/m@1", "dataset": "d@1", "n": 10, "clusters": 4, "scores": [score],
                "states": {"answered": 9, "error": 1, "cut": 0},
                "unmeasured": {"f1": 1, "cost": 10}, "warnings": ["cost is unmeasured."],
            },
        }
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "9 answered, 1 error; 10 rows in 4 clusters" in said
    assert [line.split("\t") for line in said.splitlines() if line.startswith(("f1", "cost\t"))] == [
        ["f1", "0.512", "0.4", "0.6", "9", "1"], ["cost", "-", "-", "-", "-", "10"],
    ]  # fmt: skip
    assert "cost is unmeasured." in said


def test_an_older_report_is_drawn_without_what_it_does_not_say(capsys):
    drawings.report({"ref": "r@1", "meta": {"scores": []}})
    assert "r@1" in capsys.readouterr().out
