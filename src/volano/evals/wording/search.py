"""A search from end to end: the prompt as it is, the method's candidates, one judgement."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from volano.data.row import Row
from volano.evals.wording.errors import (
    BudgetSpentError,
    NothingMeasuredError,
    TooSmallBudgetError,
)
from volano.evals.wording.ground import STAGES, Ground, Seen, Tried
from volano.evals.wording.judgement import Judgement, judge
from volano.evals.wording.methods import METHODS

TRIALS = 24


@dataclass(frozen=True)
class Found:
    """What a search came to. `judged` is None when nothing was better on dev, or `why` it was not."""

    best: Tried
    judged: Judgement | None
    seen: Sequence[Seen]
    why: str = ""


def least(dev: int, judge_rows: int, repetitions: int = 1) -> int:
    """Return the fewest calls that a search can do anything with."""
    return repetitions * (2 * judge_rows + dev + math.ceil(dev * STAGES[0])) + 1


def check_budget(calls: int, *, dev: int, judge_rows: int, repetitions: int = 1) -> None:
    """Make sure that a budget lets something be tried and judged.

    Raises:
        TooSmallBudgetError: it does not.
    """
    needed = least(dev, judge_rows, repetitions)
    if calls < needed:
        raise TooSmallBudgetError(
            given=calls, judge=2 * judge_rows * repetitions, dev=dev * repetitions, least=needed
        )


def search(
    ground: Ground, method: str, held_out: Sequence[Row], *, trials: int = TRIALS,
    clusters: Mapping[str, str] | None = None,
) -> Found:  # fmt: skip
    """Measure the prompt as it is, let a method try, and judge the best once.

    Raises:
        NothingMeasuredError: the prompt as it is cannot be scored.
        BudgetSpentError: not even that could be asked.
        UnavailableError: the model does not answer.
    """
    purse = ground.asker.purse
    purse.keep(2 * len(held_out) * ground.repetitions)
    ground.judge_rows = len(held_out)
    first = ground.try_(ground.incumbent, "as it is", race=False)
    if not first.scores:
        raise NothingMeasuredError(n=len(first.seen), why=first.seen[0].why)
    try:
        METHODS.get(method).run(ground, trials)
    except BudgetSpentError as error:
        ground.spent = error
    best = ground.best
    purse.keep(0)
    if best is first:
        return Found(best, None, ())
    try:
        judged, seen = judge(ground, best, held_out, clusters or {})
    except BudgetSpentError as error:
        return Found(best, None, (), f"it could not be judged: {error.message}")
    why = "" if judged else "no held-out row was left to judge it on"
    return Found(best, judged, seen, why)
