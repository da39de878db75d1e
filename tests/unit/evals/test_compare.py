import math

import pytest

from volano.evals.compare import Side, compare, slices, usage
from volano.evals.comparison import comparison, several
from volano.evals.errors import NoCommonScoreError, OtherRowsError
from volano.evals.flips import flips
from volano.stats.gap import gap

UNITS = {"latency": ("ms", False), "tokens": ("tokens", False)}


def side(values, name="exact_match", ref="r@1", **more):
    lines = [
        {"id": f"row{n}", "answer": f"válasz {n}", "scores": {name: value}, **more}
        for n, value in enumerate(values)
    ]
    return Side(ref, f"model/{ref}", lines, UNITS)


def test_pairs_are_what_counts():
    a, b = [1] * 70 + [0] * 30, [1] * 68 + [0] * 2 + [1] * 25 + [0] * 5
    (change,) = compare(side(a), side(b))
    expected = gap(a, b)
    assert (change.difference, change.low, change.high) == expected[:3]
    assert (change.better, change.worse, change.n) == (25, 2, 100)
    assert change.verdict == "better"
    assert compare(side(b), side(a))[0].verdict == "worse"


def test_the_same_answers_are_undecided():
    (change,) = compare(side([1, 0, 1]), side([1, 0, 1]))
    assert (change.difference, change.verdict) == (0, "undecided")
    assert change.low < 0 < change.high


def test_no_winner_is_named_where_zero_is_covered_and_it_is_said_how_many_more_rows():
    a, b = [1, 0] * 50, [1, 0] * 48 + [1, 1] * 2
    told = comparison(side(a), side(b))
    assert told["verdict"] == "undecided"
    assert told["scores"][0]["more_rows"] > 100
    assert "covers zero. About " in told["sentence"]
    assert "better" not in told["sentence"]


def test_rows_of_one_document_make_the_interval_wider():
    a, b = [0] * 100, [1 if n // 10 % 3 == 0 else 0 for n in range(100)]
    lines = [{**line, "cluster": f"文档 {n // 10}"} for n, line in enumerate(side(a).lines)]
    (alone,), (together,) = compare(side(a), side(b)), compare(Side("r@1", "m", lines), side(b))
    assert together.clusters == 10
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_repetitions_are_averaged_row_by_row():
    once = side([n % 2 for n in range(20)])
    twice = Side("r@2", "m", [*once.lines, *({**line, "repetition": 1} for line in once.lines)])
    (change,) = compare(once, twice)
    assert (change.n, change.difference, change.better) == (20, 0, 0)


def test_rows_that_one_lacks_are_dropped_and_told():
    a, b = side([1, 0, 1, 1]), side([1, 0, None])
    told = comparison(a, b)
    assert told["dropped"] == {"only_a": 1, "only_b": 0, "unmeasured": {"exact_match": 2}}
    assert told["scores"][0]["n"] == 2
    with pytest.raises(OtherRowsError):
        compare(a, Side("r@2", "m", [{"id": "else", "scores": {"exact_match": 1}}]))


def test_without_a_common_score_there_is_nothing_to_say():
    with pytest.raises(NoCommonScoreError):
        compare(side([1]), side([1], "other"))


def test_many_scores_need_stronger_evidence():
    a = [0] * 40
    b = [1] * 7 + [0] * 33
    c = [1] * 5 + [0] * 35
    one = compare(side(a), side(c))[0]

    def many(values):
        names = [f"s{n}" for n in range(12)]
        lines = [{"id": f"row{n}", "scores": {name: v if name == "s0" else 0 for name in names}}
                 for n, v in enumerate(values)]  # fmt: skip
        return Side("m@1", "m", lines)

    assert one.verdict == "better"
    corrected = compare(many(a), many(c))[0]
    assert (corrected.low, corrected.verdict) == (one.low, "undecided")
    assert "no more than chance" in comparison(many(a), many(c))["sentence"]
    assert compare(many(a), many(b))[0].holm > compare(side(a), side(b))[0].holm


def test_of_times_less_is_better_and_medians_are_compared():
    slow = [100.0 + n for n in range(60)]
    told = compare(side(slow, "latency"), side([v * 0.8 for v in slow], "latency"))[0]
    assert (told.kind, told.verdict) == ("ratio", "better")
    assert told.difference == pytest.approx(-0.2)
    assert told.low <= told.difference <= told.high < 0


def test_one_slow_row_does_not_decide():
    calm = [100.0 + n % 7 for n in range(60)]
    told = compare(side(calm, "latency"), side([*calm[:-1], 90_000.0], "latency"))[0]
    assert told.verdict == "undecided"


def test_not_worse_is_said_for_sure_or_not_at_all():
    same = side([1, 1, 1, 0] * 100)
    worse = side([1, 1, 0, 0] * 100)
    few = side([1, 1, 1, 0])
    assert compare(same, same)[0].not_worse(0.02) == "yes"
    assert compare(same, worse)[0].not_worse(0.02) == "no"
    assert compare(few, few)[0].not_worse(0.02) == "undecided"


def test_not_worse_knows_which_side_is_bad():
    a = side([10.0 + n % 3 for n in range(50)], "tokens")
    b = side([20.0 + n % 3 for n in range(50)], "tokens")
    assert compare(a, b)[0].not_worse(1) == "no"
    assert compare(b, a)[0].not_worse(1) == "yes"


def test_what_answers_took_is_compared_beside_the_scores():
    a = side([1] * 30, latency_us=1000, cost_nano=10, completion_tokens=4)
    b = side([1] * 30, latency_us=3000, cost_nano=5, completion_tokens=4)
    found = {one.name: one for one in usage(a, b)}
    assert found["latency"].verdict == "worse"
    assert found["latency"].difference == pytest.approx(2)
    assert found["cost"].verdict == "better"
    assert found["answer tokens"].verdict == "undecided"


def paid(successes, cost, n=200, clusters=0):
    lines = side([1.0] * successes + [0.0] * (n - successes)).lines
    return Side("r", "m", [
        {**line, "cost_nano": cost + at % 7, "cluster": f"c{at % clusters}" if clusters else ""}
        for at, line in enumerate(lines)
    ])  # fmt: skip


@pytest.mark.parametrize("clusters", [0, 40])
def test_a_success_may_cost_less_though_an_answer_costs_more(clusters):
    a, b = paid(40, 1000, clusters=clusters), paid(160, 2000, clusters=clusters)
    found = {one.name: one for one in usage(a, b, "exact_match")}
    assert found["cost"].verdict == "worse"
    cheaper = found["cost per success"]
    costs = [sum(line["cost_nano"] for line in one.lines) / 1e9 for one in (a, b)]
    assert (cheaper.a, cheaper.b) == pytest.approx((costs[0] / 40, costs[1] / 160))
    assert cheaper.difference == pytest.approx(costs[1] / 160 / (costs[0] / 40) - 1)
    assert cheaper.low < cheaper.difference < cheaper.high < 0
    assert (cheaper.verdict, cheaper.unit, cheaper.kind) == ("better", "money", "ratio")
    same = {one.name: one for one in usage(a, a, "exact_match")}["cost per success"]
    assert same.verdict == "undecided"
    told = comparison(a, b)
    assert [one["name"] for one in told["usage"]] == ["cost", "cost per success"]


def test_what_a_success_cost_is_not_told_where_hardly_any_is_or_no_price():
    assert "cost per success" not in {
        one.name for one in usage(paid(4, 9), paid(99, 9), "exact_match")
    }
    assert "cost per success" not in {
        one.name for one in usage(paid(0, 9), paid(0, 9), "exact_match")
    }
    assert not usage(side([1] * 30), side([1] * 30), "exact_match")
    slow = [Side("r", "m", [{"id": str(n), "scores": {"latency": 20.0 + n}, "cost_nano": 5}
                            for n in range(30)], UNITS)] * 2  # fmt: skip
    assert "cost per success" not in {one.name for one in usage(*slow, "latency")}


def test_slices_tell_where_it_got_worse():
    def told(values):
        lines = [{**line, "slices": {"язык": "hu" if n < 60 else "ru"}}
                 for n, line in enumerate(side(values).lines)]  # fmt: skip
        return Side("r", "m", lines)

    found = slices(told([1] * 120), told([0] * 40 + [1] * 80), "exact_match")
    assert [(one["value"], one["verdict"]) for one in found] == [
        ("hu", "worse"),
        ("ru", "undecided"),
    ]
    assert found[0]["bh"] < 0.05 < found[1]["bh"]


def test_critical_rows_that_fell_come_first_with_both_answers():
    a, b = side([1, 1, 1, 0.5]), side([0, 1, 0.5, 1])
    b.lines[2]["critical"] = True
    found = flips(a, b, "exact_match")
    assert (found.negative, found.positive, found.critical) == (2, 1, 1)
    assert [row["row"] for row in found.rows] == ["row2", "row0"]
    assert found.rows[0]["answer_a"] == "válasz 2"


def test_several_reports_are_compared_with_the_first_and_the_front_is_told():
    a = side([1, 0] * 20, latency_us=100_000)
    b = side([1, 1] * 20, ref="r@2", latency_us=300_000)
    c = side([1, 0] * 20, ref="r@3", latency_us=200_000)
    told = several([a, b, c])
    assert [one["b"]["report"] for one in told["others"]] == ["r@3"]
    assert [(one["report"], one["front"]) for one in told["points"]] == [
        ("r@1", True), ("r@2", True), ("r@3", False),
    ]  # fmt: skip
    assert all(math.isfinite(one["score"]) for one in told["points"])
