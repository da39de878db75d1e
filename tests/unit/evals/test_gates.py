import pytest

from volano.evals.errors import BadGateError
from volano.evals.gates import Gate, Passed, Values, judge, parse, worst


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("exact_match >= 0.9", Gate("exact_match", ">=", 0.9)),
        ("exact_match  ≥ 90%", Gate("exact_match", ">=", 0.9)),
        ("latency<300", Gate("latency", "<", 300)),
        ("f1/поле > .5 with 99 %", Gate("f1/поле", ">", 0.5, 0.99)),
        (
            "exact_match not worse than a-on-b@3 by 2 % with 95 % confidence",
            Gate("exact_match", ">=", 0.02, 0.95, "a-on-b@3"),
        ),
        ("x not worse than r by 0.02", Gate("x", ">=", 0.02, 0.95, "r")),
    ],
)
def test_a_gate_reads_as_it_is_said(text, gate):
    assert parse(text) == gate
    assert parse(str(gate)) == gate


@pytest.mark.parametrize(
    "text", ["", "x", "x >= y", "x >= 1 with 40 %", "x >= 1 with 100 %", "x ~ 1"]
)
def test_what_is_no_gate_is_refused(text):
    with pytest.raises(BadGateError):
        parse(text)


def rows(good: int, of: int, shift: int = 0) -> dict[str, float]:
    return {str(n): float((n + shift) % of < good) for n in range(of)}


def test_a_limit_looks_at_the_value_or_at_the_end_of_its_interval():
    mine = Values(rows(92, 100))
    assert judge(parse("s >= 0.9"), mine).found == "yes"
    assert judge(parse("s >= 0.93"), mine).found == "no"
    assert judge(parse("s >= 0.9 with 95 %"), mine).found == "no"
    assert judge(parse("s >= 0.85 with 95 %"), mine).found == "yes"
    assert judge(parse("s <= 0.95"), mine).found == "yes"
    assert judge(parse("s <= 0.95 with 95 %"), mine).found == "no"


def test_few_rows_do_not_show_that_nothing_got_worse():
    few, many = Values(rows(9, 10)), Values(rows(900, 1000))
    gate = parse("s not worse than r by 0.02")
    assert judge(gate, many, many).found == "yes"
    changed = Values({**few.rows, "0": 0.0, "9": 1.0})
    assert judge(gate, changed, few).found == "no"
    worse = Values({name: float(int(name) >= 150) for name in many.rows})
    assert judge(gate, worse, Values(dict.fromkeys(many.rows, 1.0))).found == "no"


def test_of_times_less_is_better():
    before = Values({str(n): 100.0 + n % 3 for n in range(50)}, bigger=False, share=False)
    slower = Values({row: v + 30 for row, v in before.rows.items()}, bigger=False, share=False)
    gate = parse("latency not worse than r by 10")
    assert judge(gate, slower, before).found == "no"
    assert judge(gate, before, slower).found == "yes"


def test_rows_of_one_cluster_say_less():
    one = {str(n): float(n >= 12) for n in range(200)}
    all_right = Values(dict.fromkeys(one, 1.0))
    gate = parse("s not worse than r by 0.1")
    assert judge(gate, Values(one), all_right).found == "yes"
    clusters = {row: str(int(row) // 20) for row in one}
    assert judge(gate, Values(one, clusters=clusters), all_right).found == "no"


def test_without_scores_or_shared_rows_a_gate_says_nothing():
    gate = parse("s not worse than r by 0.02")
    assert judge(gate, None).found == "unmeasured"
    assert judge(gate, Values(rows(1, 5)), None).found == "unmeasured"
    assert judge(gate, Values(rows(1, 5)), Values({"x": 1.0})).found == "unmeasured"


def test_no_counts_before_unmeasured_before_yes():
    yes, no, none = (Passed("g", found, "") for found in ("yes", "no", "unmeasured"))
    assert worst([yes, none, no]) == "no"
    assert worst([yes, none]) == "unmeasured"
    assert worst([yes]) == worst([]) == "yes"
