"""An envelope holds when the worst that the data allow is inside it, and only then."""

import random

import pytest

from volano.ci.envelope import judged
from volano.ci.rules import Tolerance


def lines(times, **given):
    return [
        {"id": f"r{n}", "latency_us": t, "completion_tokens": 10, "cost_nano": 5, "error": None,
         "cluster": "", **given}
        for n, t in enumerate(times)
    ]  # fmt: skip


def pairs(ratio, count=200, seed=1):
    """Return times of both sides: rows differ tenfold, each pair by `ratio` with 10 % of noise."""
    chance = random.Random(seed)
    old = [1000 * 10 ** chance.random() for _ in range(count)]
    return lines(old), lines([t * ratio * (1 + 0.1 * chance.gauss(0, 1)) for t in old])


@pytest.mark.parametrize("name", ["latency", "p95"])
def test_a_slower_side_is_stopped_and_an_equal_one_is_not(name):
    said = {name: Tolerance(0.3, 0.95)}
    assert judged(said, *pairs(1.0))[0].found == "yes"
    assert judged(said, *pairs(0.5))[0].found == "yes"
    assert judged(said, *pairs(2.0))[0].found == "no"


def test_few_rows_make_a_no_that_says_so_and_never_a_yes():
    found = judged({"latency": Tolerance(0.05, 0.95)}, *pairs(1.0, count=8))[0]
    assert found.found == "no"
    assert "too few rows" in found.why


@pytest.mark.parametrize("margin", [0.1])
def test_a_side_that_is_slower_by_just_the_margin_rarely_holds(margin):
    """200 streams at the border: at most 5 % may say yes; 10 of 200, and 3 sigma of chance more."""
    said = {"latency": Tolerance(margin, 0.95)}
    held = sum(judged(said, *pairs(1 + margin, 40, seed))[0].found == "yes" for seed in range(200))
    assert held <= 19


def test_costs_and_tokens_are_ratios_of_sums():
    old, new = lines([1] * 50), lines([1] * 50, cost_nano=7, completion_tokens=10)
    found = judged({"cost": Tolerance(0.2, 0.95), "tokens": Tolerance(0.0, 0.95)}, old, new)
    assert [one.found for one in found] == ["no", "yes"]
    assert "+40.0 %" in found[0].why


@pytest.mark.parametrize(
    "given", [{"latency_us": None}, {"error": "away"}, {"latency_us": 0}, {"cluster": "one"}]
)
def test_what_is_not_known_is_unmeasured(given):
    old = lines([5] * 20, **given)
    new = lines([5] * 20, **({} if "latency_us" in given else given))
    assert judged({"latency": Tolerance(0.2, 0.95)}, old, new)[0].found == "unmeasured"
