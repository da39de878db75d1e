import json

import pytest

from volano.evals.report import Report
from volano.evals.summary import STATES, Summary, state, summary
from volano.stats.errors import StatsInputError


def line(row, scores=None, repetition=0, **more):
    return {"id": row, "answer": "igen", "scores": scores or {}, "repetition": repetition, **more}


def test_repetitions_of_a_row_are_one_observation():
    once = summary([line(f"r{n}", {"em": float(n % 2)}) for n in range(40)], {})
    thrice = summary(
        [line(f"r{n}", {"em": float(n % 2)}, k) for n in range(40) for k in range(3)], {}
    )
    assert thrice.scores[0].to_dict() == once.scores[0].to_dict()
    assert (thrice.rows, thrice.answers, thrice.repetitions) == (40, 120, 3)


def test_rows_of_one_document_say_less_than_rows_of_many():
    def width(cluster):
        lines = [
            line(f"r{n}", {"em": float(n // 5 % 4 > 0)}, cluster=cluster(n)) for n in range(200)
        ]
        score = summary(lines, {}).scores[0]
        return score.high - score.low

    assert width(lambda n: f"Dokument {n // 5}") > 1.8 * width(lambda n: "")


def test_clusters_named_like_rows_are_not_those_rows():
    lines = [line("a", {"em": 1.0}, cluster="b"), line("b", {"em": 0.0})]
    assert summary(lines, {}).clusters == 2


def test_unmeasured_is_counted_with_its_reason_and_never_averaged():
    lines = [line("a", {"em": 1.0}), line("b", {"em": None}, unmeasured={"em": "судья отказался"})]
    found = summary(lines, {})
    assert (found.scores[0].value, found.scores[0].n) == (1.0, 1)
    assert found.unmeasured == {"em": {"судья отказался": 1}}
    assert "em is unmeasured on 50% of the answers; it speaks of the others." in found.warnings


def test_a_score_that_no_row_has_is_not_invented():
    found = summary([line("a", {"em": None})], {})
    assert found.scores == ()
    assert found.unmeasured == {"em": {"no reason given": 1}}


def test_a_thousand_reasons_are_told_in_six_lines():
    lines = [
        line(f"r{n}", {"em": None}, unmeasured={"em": f"reason {chr(0x4E00 + n)}"})
        for n in range(1000)
    ]
    reasons = summary(lines, {}).unmeasured["em"]
    assert len(reasons) == 6
    assert sum(reasons.values()) == 1000


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, "answered"),
        ({"answer": " \n"}, "empty"),
        ({"answer": "", "tools": [{"name": "suche"}]}, "answered"),
        ({"finish_reason": "length"}, "cut"),
        ({"answer": "", "error": "invalid: too long"}, "error"),
        ({"answer": "", "finish_reason": "content_filter"}, "refused"),
        ({"answer": "", "error": "invalid: content_filter: 拒绝"}, "refused"),
    ],
)
def test_each_answer_is_in_one_state(told, wanted):
    assert state({**line("a"), **told}) == wanted


def test_all_states_are_told_and_add_up():
    found = summary([line("a"), line("b", error="x", answer="")], {})
    assert tuple(found.states) == STATES
    assert sum(found.states.values()) == 2
    assert "1 of 2 answers are errors; no score speaks of them." in found.warnings


def test_variance_has_two_parts():
    steady = [line(f"r{n}", {"em": float(n % 2)}, k) for n in range(20) for k in range(4)]
    shaky = [line(f"r{n}", {"em": float(k % 2)}, k) for n in range(20) for k in range(4)]
    assert summary(steady, {}).parts["em"].within == 0
    assert summary(steady, {}).parts["em"].between > 0.2
    assert summary(shaky, {}).parts["em"].between == 0
    assert summary(shaky, {}).parts["em"].within == pytest.approx(1 / 3)


def test_pass_k_asks_for_all_and_pass_at_k_for_any():
    lines = [line(f"r{n}", {"em": float(k < 2)}, k) for n in range(10) for k in range(4)]
    two, three, four = summary(lines, {}).passes
    assert (two.k, two.all.value, two.any.value) == (2, pytest.approx(1 / 6), pytest.approx(5 / 6))
    assert (three.all.value, three.any.value) == (0, 1)
    assert (four.all.value, four.any.value) == (0, 1)


def test_scores_between_have_no_pass_k():
    lines = [line(f"r{n}", {"f1": 0.5}, k) for n in range(10) for k in range(2)]
    assert summary(lines, {}).passes == ()


def test_slices_have_intervals_and_say_of_how_many_rows():
    lines = [line(f"r{n}", {"em": float(n % 3 > 0)}, slices={"язык": "hu" if n < 30 else "de"})
             for n in range(90)]  # fmt: skip
    found = summary(lines, {}).slices["язык"]
    assert {value: scores[0].n for value, scores in found.items()} == {"de": 60, "hu": 30}
    assert found["hu"][0].high - found["hu"][0].low > found["de"][0].high - found["de"][0].low


def test_times_are_told_by_median_and_tail():
    lines = [line(f"r{n}", {"latency": 100.0 + n}) for n in range(200)]
    median, tail = summary(lines, {"latency": ("ms", False)}).scores
    assert (median.name, median.value) == ("latency", 199.5)
    assert median.low < 199.5 < median.high
    assert (tail.name, round(tail.value)) == ("latency/p95", 289)
    assert tail.low < tail.value < tail.high


def test_costs_add_up_by_currency():
    lines = [line("a", cost_nano=5, currency="EUR"), line("b", cost_nano=7, currency="EUR"),
             line("c", cost_nano=1, currency="USD"), line("d")]  # fmt: skip
    assert summary(lines, {}).cost_nano == {"EUR": 12, "USD": 1}


def test_lines_of_old_reports_are_read():
    found = summary([{"id": "a", "answer": "x", "scores": {"exact_match": 1.0}}], {})
    assert (found.rows, found.clusters, found.repetitions) == (1, 1, 1)
    assert found.scores[0].low < 0.6


def test_few_clusters_are_warned_of():
    lines = [line(f"r{n}", {"em": float(n % 2)}, cluster=f"c{n % 4}") for n in range(80)]
    assert "rest on 4 clusters" in summary(lines, {}).warnings[0]


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(StatsInputError):
        summary([line("a", {"em": 1.5})], {})
    assert summary([line("a", {"tokens": 15})], {"tokens": ("tokens", False)}).scores[0].value == 15


def test_nothing_is_a_summary_too():
    assert summary([], {}).rows == 0


def test_it_survives_its_file():
    lines = [line(f"r{n}", {"em": float(n % 3 > 0), "ms": 1.0 * n}, k, cluster=f"c{n % 9}",
                  slices={"a": "b"}, cost_nano=1, currency="EUR")
             for n in range(40) for k in range(2)]  # fmt: skip
    found = summary(lines, {"ms": ("ms", False)})
    assert Summary.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    report = Report("a", "b", "test", "d", 40, found.scores, (), summary=found, suite="faq@1",
                    judges=("judge@3",), seen={"exact": 2})  # fmt: skip
    assert Report.from_dict(json.loads(json.dumps(report.to_dict()))) == report
    assert "slices" not in report.brief()


def test_a_report_of_format_1_is_read():
    old = {"format": 1, "subject": "a", "dataset": "b", "split": "test", "rows": "d", "n": 1,
           "scores": [], "baseline": [], "failed": 0, "cut": 0}  # fmt: skip
    assert Report.from_dict(old).summary is None
