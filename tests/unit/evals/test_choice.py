import json

import pytest

from volano.evals.choice import Candidate, Choice, best, markdown, standing
from volano.evals.measures import size, spelt
from volano.evals.target import parse
from volano.evals.verdict import decided

PARENT = {"score": 0.98, "size": 500_000.0}


def candidate(name, score, size_=1000.0, low=-0.02, high=0.01, **values):
    paired = {"difference": (low + high) / 2, "low": low, "high": high, "better": 1, "worse": 2}
    return Candidate(
        name, {"score": score, "size": size_, **values},
        reach={"score": (score - 0.02, min(1.0, score + 0.02))}, n=300, paired=paired,
    )  # fmt: skip


def choice(candidates, target="score>=95%, smallest", about="search", beside="parent"):
    return decided(
        Choice(about, "tickets@1", "dev", 300, parse(target), ("size", "score"), beside, PARENT,
               candidates)
    )  # fmt: skip


A = Candidate(
    "parent", {"score": 0.98, "size": 500_000.0, "cost": 10.0}, {"score": (0.96, 0.99)}, 300
)


def test_the_smallest_that_keeps_the_target_is_chosen():
    made = choice([A, candidate("q8", 0.97, 150_000.0), candidate("q4", 0.9, 80_000.0)])
    assert made.winner == "q8"
    assert made.front == ["parent", "q8", "q4"]


def test_the_sentence_has_its_uncertainty_and_what_is_saved():
    made = choice([A, candidate("q8", 0.98, 50_000.0, low=-0.02, high=0.01)])
    assert made.verdict == (
        "Take q8: it is not worse than parent by more than 2 points with 95 % confidence, "
        "and has a tenth of the bytes."
    )


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (0.01, 0.03, "better than parent by at least 1 point with"),
        (-0.03, -0.01, "worse than parent by 1 point to 3 points with"),
        (-0.015, 0.0, "not worse than parent by more than 1.5 points with"),
    ],
)
def test_the_sentence_says_what_the_interval_allows(low, high, says):
    assert says in choice([A, candidate("b", 0.97, low=low, high=high)]).verdict


def test_a_cost_is_told_before_the_bytes():
    made = choice([A, candidate("b", 0.98, 50_000.0, cost=1.0)])
    assert made.verdict.endswith("and costs a tenth.")


def test_a_limit_kept_only_by_the_estimate_is_said():
    made = choice([A, candidate("q8", 0.94, 50_000.0, low=-0.06, high=-0.01)])
    assert "is kept by the estimate" in made.notes[0]
    assert "as low as 92.0 %" in made.notes[0]
    sure = choice([A, candidate("q8", 0.97, 50_000.0)])
    assert "is kept with 95 % confidence" in sure.notes[0]


def test_when_nothing_keeps_the_target_the_nearest_is_told_and_why():
    made = choice([A, candidate("q8", 0.97, 90_000.0)], "size<=50KB, score>=95%, smallest")
    assert made.winner == ""
    assert made.verdict == (
        "Nothing keeps the target. Nearest is parent: size 500 KB (size <= 50 KB)."
    )


@pytest.mark.parametrize(
    ("target", "outcome", "says"),
    [
        ("score>=95%, best", "passed", "Take a"),
        (
            "score>=95%, cheapest",
            "unmeasured",
            "a would do, but which is the cheapest is not known",
        ),
        ("score>=0.99, cost<=1, best", "stopped", "Nothing keeps the target. Nearest is a: score"),
        ("cost<=1, best", "unmeasured", "Nothing is known to keep the target"),
    ],
)
def test_what_is_not_measured_is_told_from_what_breaks_the_target(target, outcome, says):
    a = Candidate("a", {"score": 0.98, "size": 5.0}, {"score": (0.96, 0.99)}, 300)
    made = choice([a, candidate("b", 0.5), Candidate("c", error="gone")], target, "advice", "a")
    assert (made.outcome, says in made.verdict) == (outcome, True), made.verdict


def test_the_cheapest_is_that_of_those_whose_cost_is_known():
    a, b = (candidate(name, 0.97, cost=cost) for name, cost in (("a", 2.0), ("b", 3.0)))
    made = choice([a, b], "cheapest", "advice", "a")
    assert "and is the cheapest, but" in made.verdict
    made = choice([a, b, candidate("own", 0.97)], "cheapest", "advice", "a")
    assert "and is the cheapest of those whose cost of 1,000 is known" in made.verdict


def test_without_any_measurement_nothing_is_recommended():
    made = choice([Candidate("a", error="no key"), Candidate("b", error="gone")])
    assert made.winner == ""
    assert "nothing is recommended" in made.verdict
    assert made.outcome == "unmeasured"


def test_the_parent_itself_may_be_the_answer():
    made = choice([A, candidate("q8", 0.8)], "score>=99%, smallest")
    assert made.verdict.startswith("Keep parent")


def test_advice_names_whom_the_rows_do_not_tell_from_the_best():
    made = choice([A, candidate("b", 0.975)], "best", about="advice")
    assert made.winner == "parent"
    assert "the rows do not tell it from b" in made.verdict


def test_what_was_measured_on_a_part_or_not_at_all_is_never_chosen():
    part = Candidate("part", {"score": 1.0, "size": 1.0}, n=75, full=False)
    failed = Candidate("failed", error="does not load")
    made = choice([A, part, failed])
    assert made.winner == "parent"
    assert made.front == ["parent"]
    assert standing(made, part, made.front) == "left after 75 rows"
    assert standing(made, failed, made.front) == "not measured: does not load"


def test_equals_are_told_apart_by_score_then_size():
    target = parse("smallest")
    first, second = candidate("a", 0.9), candidate("b", 0.95)
    assert best([first, second], target, PARENT) is second


def test_a_choice_survives_its_json():
    made = choice([A, candidate("q8", 0.98, 50_000.0), Candidate("x", error="no")])
    again = Choice.from_dict(json.loads(json.dumps(made.to_dict())))
    assert again == Choice.from_dict(again.to_dict())
    assert again.to_dict() == made.to_dict()
    with pytest.raises(ValueError, match="7"):
        Choice.from_dict({**made.to_dict(), "format": 7})


def test_markdown_has_a_line_each_and_no_name_breaks_it():
    odd = candidate("a|b\n| evil", 0.97)
    lines = markdown(choice([A, odd])).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 4
    assert len({line.replace("\\|", "").count("|") for line in table}) == 1
    assert "500 KB" in table[2]
    assert "98.0 % [96.0, 99.0]" in table[2]
    assert "-0.5 [-2.0, +1.0]" in table[3]


@pytest.mark.parametrize(
    ("bytes_", "text"), [(12, "12 B"), (84_704, "84.7 KB"), (1_500_000, "1.5 MB"), (3e9, "3 GB")]
)
def test_bytes_are_spelt(bytes_, text):
    assert size(bytes_) == text


def test_measures_are_spelt_in_their_units():
    assert spelt("speed", 31_900.4) == "31,900 tokens/s"
    assert spelt("p95", 1499.6) == "1500 ms"
    assert spelt("p95", 15_000) == "15.0 s"
    assert spelt("score", None) == "not known"


def test_a_parent_that_gets_nothing_right_is_told_and_no_score_is_below_zero():
    nothing = {"score": 0.0, "size": 500_000.0}
    parent = Candidate("parent", nothing, {"score": (0.0, 0.11)}, 31)
    paired = {"difference": 0.0, "low": -0.099, "high": 0.099, "better": 0, "worse": 0}
    small = Candidate(
        "q8", {**nothing, "size": 90_000.0}, {"score": (0.0, 0.11)}, 31, paired=paired
    )
    made = decided(
        Choice("search", "d@1", "dev", 31, parse("score>=95%, smallest"), ("size", "score"),
               "parent", nothing, [parent, small])
    )  # fmt: skip
    assert made.verdict.startswith("Take q8: it is no more right than parent, and has")
    assert "parent gets nothing right on these 31 rows" in made.verdict
    assert "as low as 0.0 %" in made.notes[0]
    told = [made.verdict, *made.notes]
    assert not any("9.9" in one for one in told)


def test_a_limit_in_percent_says_of_what_where_the_score_itself_is_below_it():
    poor = candidate("drilled", 0.1)
    values = dict(poor.values)
    made = decided(
        Choice("advice", "d@1", "test", 20, parse("score>=90%, smallest"), ("size", "score"),
               "drilled", values, [poor])
    )  # fmt: skip
    assert made.verdict.startswith("Take drilled")
    assert "its score itself is 10.0 %: 90 % are of drilled's 10.0 %" in made.verdict
    assert "Say `score>=0.9`" in made.verdict
    fine = choice([A, candidate("q8", 0.97, 90_000.0)], "score>=95%, smallest")
    assert "itself" not in fine.verdict
