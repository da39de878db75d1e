"""What live calls are worth, in a terminal: numbers in a table, and what must be known to believe them."""

from volano.cli import sampled

SLICE = {"slice": "tag.nyelv", "value_of": "中文", "value": 0.4, "low": 0.2, "high": 0.6, "n": 30,
         "rest": 90, "p": 0.01, "worse": True, "better": False}  # fmt: skip
SCORE = {
    "score": "segít", "share": True, "bigger": True, "value": 0.312345, "low": 0.2, "high": 0.45,
    "n": 40, "unmeasured": {"the judge gave no verdict": 3}, "lost": 87, "dark": 0.0,
    "poor": {"calls": 177.8, "low": 126.6, "high": 249.8},
    "corrected": {"value": 0.549, "low": 0.5, "high": 0.6, "notes": ["They were not drawn alike."]},
    "by": [SLICE, {**SLICE, "value_of": "hu", "p": None, "worse": False}],
    "worst": [{"trace": "ab12", "score": 0.0}, {"trace": "cd34", "score": 1.0}],
}  # fmt: skip
REFUSAL = {**SCORE, "score": "refusal", "bigger": False, "corrected": None, "unmeasured": {}, "lost": 0,
           "by": [], "worst": [{"trace": "ef56", "score": 0.0}]}  # fmt: skip


def drawn(capsys, *scores):
    sampled.scores({"evaluator": "live@1", "since_us": 1, "until_us": 2, "scores": [*scores]})
    return capsys.readouterr().out


def test_scores_slices_and_the_worst_calls_are_lines_that_people_read(capsys):
    said = drawn(capsys, SCORE, REFUSAL)
    assert "segít\t0.312\t0.2\t0.45\t40\t0.549\t3" in said
    assert "tag.nyelv\t中文\t0.4\t0.2\t0.6\t30\t0.01\tworse" in said
    assert "hu\t0.4\t0.2\t0.6\t30\t-\tnot enough" in said
    for told in ("about 178 calls are below one half (127 to 250)", "They were not drawn alike.",
                 "87 drawn calls were not looked at", "3 unmeasured: the judge gave no verdict",
                 "refusal: about 178 calls are above one half", "trace ab12"):  # fmt: skip
        assert told in said, told
    assert "{" not in said


def test_calls_with_the_best_score_are_not_the_worst(capsys):
    said = drawn(capsys, SCORE, REFUSAL)
    assert "cd34" not in said and "ef56" not in said


def test_an_evaluator_that_has_seen_nothing_says_so(capsys):
    sampled.scores({"evaluator": "live@1", "since_us": 1, "until_us": 2, "scores": []})
    assert "nothing yet" in capsys.readouterr().err
