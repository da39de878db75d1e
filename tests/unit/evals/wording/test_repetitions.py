"""Answers that differ each time are asked several times: averaged, budgeted, and never paid twice."""

import random
from collections import Counter

import pytest

from simulators.prompted import Coded, answer
from volano.evals.wording.errors import TooSmallBudgetError
from volano.evals.wording.search import check_budget, least, search
from volano.evals.wording.sentence import notes


class Moody(Coded):
    """Says another thing each time it is asked the same; every third time it fails."""

    def __init__(self, *, fails=False, **given):
        super().__init__(**given)
        self.asked, self.fails = Counter(), fails

    def __call__(self, messages, **settings):
        key = str(messages)
        self.asked[key] += 1
        rng = random.Random(f"{key} {self.asked[key]}")
        if self.fails and self.asked[key] % 3 == 0:
            return answer("?", messages)
        return super().__call__([*messages[:-1], messages[-1]], seed=rng.random())


def test_each_row_is_asked_so_often_and_its_score_is_the_mean(stage):
    made = stage(Moody(), repetitions=4, at_once=1)
    rows = made.cut.dev[:20]
    seen = made.ground.see(made.ground.incumbent, rows)
    assert [one.row.id for one in seen] == [row.id for row in rows]
    assert made.purse.made == len(made.asked) == 80
    assert {one.score * 4 for one in seen} <= {0, 1, 2, 3, 4}
    assert any(0 < one.score < 1 for one in seen), "or it would not differ each time"
    made.ground.see(made.ground.incumbent, rows)
    assert made.purse.made == 80, "what was answered is not asked again"


def test_a_draw_without_a_score_counts_as_nothing_and_a_row_without_any_is_unmeasured(stage):
    from volano.core.errors import InvalidError

    class Refuses(Moody):
        def __call__(self, messages, **settings):
            self.asked[str(messages)] += 1
            if self.asked[str(messages)] % 2 or "all" in self.seed:
                raise InvalidError("no")
            return answer("Q7", messages)

    made = stage(Refuses(seed="half"), repetitions=4, at_once=1)
    row = next(row for row in made.cut.dev if row.label == "Q7")
    [one] = made.ground.see(made.ground.incumbent, [row])
    assert one.score == 0.5
    [none] = stage(Refuses(seed="all"), repetitions=4).ground.see(made.ground.incumbent, [row])
    assert none.score is None
    assert "no" in none.why


@pytest.mark.parametrize("calls", [1023, 1100, 2000])
def test_the_judgement_is_paid_for_with_all_its_repetitions(stage, calls):
    made = stage(Moody(), repetitions=3, calls=calls, at_once=8)
    check_budget(calls, dev=80, judge_rows=len(made.cut.judge), repetitions=3)
    found = search(made.ground, "few-shot", made.cut.judge, trials=40)
    assert made.purse.made <= calls
    assert found.best is made.ground.tried[0] or found.judged is not None
    told = notes(made.ground, made.cut, found)
    assert any("asked 3 times" in note for note in told)


def test_a_budget_counts_repetitions_before_anything_is_asked():
    assert least(80, 120, 3) == 3 * (240 + 80 + 20) + 1
    with pytest.raises(TooSmallBudgetError, match="1020 calls are too few: 720 are kept"):
        check_budget(1020, dev=80, judge_rows=120, repetitions=3)
