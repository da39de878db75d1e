import pytest

from volano.core.score import Score
from volano.data.row import row_of
from volano.evals.report import Report, baseline, digest_of, summarise
from volano.evals.scorers import DEFAULT
from volano.stats.intervals import wilson


def test_shares_have_wilson_intervals():
    (score,) = summarise([{"exact_match": 1.0}] * 80 + [{"exact_match": 0.0}] * 20)
    assert (score.value, score.n, score.method) == (0.8, 100, "wilson")
    assert (score.low, score.high) == wilson(80, 100)


def test_means_have_students_intervals_inside_zero_and_one():
    score = summarise([{"overlap": v} for v in (0.9, 1.0, 1.0, 0.95)])[0]
    assert score.method == "student-t"
    assert 0 <= score.low < score.value < score.high <= 1


def test_scores_that_some_rows_lack_count_those_that_have_them():
    scores = summarise([{"a": 1.0}, {"a": 0.0, "b": 1.0}])
    assert [(score.name, score.n) for score in scores] == [("a", 2), ("b", 1)]


def test_the_baseline_says_what_is_commonest_in_training():
    train = [row_of(str(n), label) for n, label in enumerate("xxxyy")]
    test = [row_of(str(n), label) for n, label in enumerate("yyyx")]
    (score,) = baseline(train, test, DEFAULT)
    assert (score.name, score.value) == ("exact_match", 0.25)
    assert baseline([], test, DEFAULT)[0].value == 0.75


def test_the_baseline_of_objects_is_field_by_field():
    train = [row_of(str(n), {"q": q, "r": r}) for n, (q, r) in enumerate([(1, 5), (1, 6), (2, 6)])]
    scores = {score.name: score.value for score in baseline(train, train, DEFAULT)}
    assert scores["field_accuracy/q"] == pytest.approx(2 / 3)
    assert scores["field_accuracy/r"] == pytest.approx(2 / 3)
    assert scores["exact_match"] == pytest.approx(1 / 3)


def test_the_digest_of_rows_knows_content_and_no_order():
    a, b = row_of("a", "x"), row_of("b", "x")
    assert digest_of([a, b]) == digest_of([b, a]) != digest_of([a])
    assert digest_of([a]) != digest_of([row_of("a", "y")])


def test_a_report_survives_its_file_and_prints():
    scores = (Score("exact_match", 0.8, 0.7, 0.87, 100), Score("valid_json", 1.0, 0.96, 1.0, 100))
    base = (Score("exact_match", 0.05, 0.02, 0.1, 100),)
    report = Report("model/router@1", "tickets@1", "test", "d", 100, scores, base, failed=2, cut=1)
    assert Report.from_dict(report.to_dict()) == report
    assert report.to_text() == (
        "model/router@1 on tickets@1 (test, 100 rows)\n"
        "  exact_match  0.800  [0.700, 0.870]  commonest answer: 0.050\n"
        "  valid_json   1.000  [0.960, 1.000]\n"
        "  2 rows got no answer and count as 0\n"
        "  1 answers were cut at the token limit"
    )
    assert report.score("valid_json") is scores[1]
    assert report.score("none") is None
