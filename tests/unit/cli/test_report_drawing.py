"""A report in a terminal: what became of the answers, and what nobody could score."""

from volano.cli import drawings
from volano.evals.compare import Side
from volano.evals.comparison import several
from volano.evals.planning import plan


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


def test_the_report_of_a_choice_says_its_verdict_and_where_its_table_is(capsys):
    meta = {
        "about": "advice", "candidates": 3, "dataset": "tickets@1", "split": "test", "n": 60,
        "target": "score >= 95 %, fastest", "verdict": "Take small@1.\x1b[2J", "winner": "small@1",
        "scores": [{"name": "score of small@1", "value": 0.91234, "low": 0.8, "high": 1.0, "n": 60}],
    }  # fmt: skip
    drawings.report({"ref": "adv@1", "meta": meta})
    told = capsys.readouterr()
    for part in ("adv@1", "3 candidates on 60 rows of tickets@1 (test)", "score >= 95 %, fastest",
                 "Take small@1.", "0.912"):  # fmt: skip
        assert part in told.out
    assert "volano eval table adv@1" in told.err
    assert "\x1b" not in told.out


def test_an_older_report_is_drawn_without_what_it_does_not_say(capsys):
    drawings.report({"ref": "r@1", "meta": {"scores": []}})
    assert "r@1" in capsys.readouterr().out


def test_a_comparison_names_the_slices_that_an_average_hides(capsys):
    """Most rows are as good as before, and those in one language are half as good."""
    slices = [{"by": "nyelv", "value": "中文", "a": 0.95, "b": 0.4571, "difference": -0.5, "low": -0.62,
               "high": -0.36, "n": 70, "verdict": "worse"},
              {"by": "nyelv", "value": "hu", "a": 0.9, "b": 0.9, "difference": 0.0, "low": -0.1,
               "high": 0.1, "n": 70, "verdict": "undecided"}]  # fmt: skip
    latency = {"name": "latency", "kind": "ratio", "a": 1.363, "b": 3.5, "difference": 1.568,
               "low": 0.755, "high": 2.118, "n": 70, "verdict": "worse"}  # fmt: skip
    told = {
        "a": {"report": "r@1", "subject": "flow/a@1"}, "b": {"report": "r@2", "subject": "flow/a@2"},
        "scores": [], "usage": [latency], "sentence": "undecided.", "slices": slices, "others": [],
        "flips": {"rows": [], "negative": 0, "critical": 0, "positive": 0}, "margin": 0.02,
    }  # fmt: skip
    drawings.comparison(told)
    said = capsys.readouterr().out
    assert "latency\t1.363\t3.5\t+156.8%\t+75.5%\t+211.8%\t70\tworse" in said
    assert "1 of 2 slices differ" in said
    assert "nyelv\t中文\t0.95\t0.457\t-0.5\t-0.62\t-0.36\t70\tworse" in said
    assert "hu\t" not in said
    drawings.comparison({**told, "slices": []})
    assert "slices" not in capsys.readouterr().out


def test_a_plan_says_what_it_takes_for_granted(capsys):
    drawings.eval_plan(plan(300, 0.02))
    said = capsys.readouterr().out
    assert "correlation of 0.5; if they have nothing in common it takes 2 times the rows" in said
    assert "worst" not in said


def test_a_comparison_counts_all_rows_that_fell_and_says_what_the_margin_says(capsys):
    def side(ref, value):
        rows = [{"id": f"r{at}", "answer": "да", "scores": {"exact_match": value}}
                for at in range(95)]  # fmt: skip
        return Side(ref, "model/újság", rows)

    drawings.comparison(several([side("r@1", 1), side("r@2", 0)]))
    told = capsys.readouterr().out
    assert told.count("\nfell  ") == 20
    assert "95 rows fell (0 critical), 0 rose; the first 20 are shown" in told
    assert "By more than the margin of 2 points: exact_match worse." in told
