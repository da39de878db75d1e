"""Ground: where candidates are tried. It asks, scores, and writes down every trial.

A method has `learn` rows to make candidates of and may `try_` them on the dev
rows. A candidate that falls behind on the first rows is left there.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.data.row import Row
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scoring import Scorer, Tools, Unmeasured, Value
from volano.evals.wording.asking import Asked, Asker
from volano.evals.wording.change import document
from volano.evals.wording.errors import BadScaleError, BudgetSpentError, NoReflectionError
from volano.prompts.prompt import Prompt

STAGES = (0.25, 0.5, 1.0)
"""Shares of the dev rows after which a candidate is looked at."""
DEARER = 1.25
"""What a held-out row may cost more than a dev row did."""
BEHIND = 1.0
"""It is left when it is behind the best by so many standard errors of the paired difference."""


@dataclass(frozen=True)
class Seen:
    """One row, asked with one candidate. `score` is None where it could not be measured, and `why`.

    Of several draws `answered` is the first, and scores are means; a draw without one counts as 0.
    """

    row: Row
    answered: Answered
    score: float | None
    why: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Tried:
    """A candidate and all that was seen of it. `full`: on all rows. `how` says what it is."""

    name: str
    how: str
    prompt: Prompt
    seen: list[Seen] = field(default_factory=list)
    full: bool = True
    error: str = ""

    @property
    def scores(self) -> list[float]:
        """Scores of the rows that have one."""
        return [one.score for one in self.seen if one.score is not None]

    @property
    def score(self) -> float:
        """The mean score; a row without one counts as 0, so that failing rows are no way up."""
        return math.fsum(self.scores) / len(self.seen) if self.seen else 0.0

    @property
    def unmeasured(self) -> int:
        """Rows without a score."""
        return len(self.seen) - len(self.scores)

    @property
    def tokens(self) -> float | None:
        """Mean tokens of a call, in and out; without counts of tokens None."""
        told = [_tokens(one.answered) for one in self.seen if one.answered.error is None]
        known = [count for count in told if count is not None]
        return math.fsum(known) / len(known) if known and len(known) == len(told) else None

    @property
    def cost_nano(self) -> float | None:
        """Mean cost of a call in nano-units; None where no price is known."""
        nano = [one.answered.cost_nano for one in self.seen if one.answered.error is None]
        known = [cost for cost in nano if cost is not None]
        return math.fsum(known) / len(known) if known and len(known) == len(nano) else None


class Ground:
    """Where one search takes place. Same seed, same answers: the same trials in the same order."""

    def __init__(
        self,
        asker: Asker,
        asked: Asked,
        scorers: Sequence[tuple[str, Scorer]],
        *,
        incumbent: Prompt,
        learn: Sequence[Row],
        dev: Sequence[Row],
        settings: Mapping[str, Any],
        reflect: Asked | None = None,
        tools: Tools | None = None,
        source: str = "",
        shots: int = 8,
        seed: int = 0,
        repetitions: int = 1,
        recorded: Mapping[str, str] | None = None,
        told: Callable[[Tried], None] | None = None,
    ):
        self.asker, self.asked, self.reflect = asker, asked, reflect
        self.incumbent, self.learn, self.dev = incumbent, learn, dev
        self.rng = random.Random(seed)
        self.seed, self.shots, self.source = seed, shots, source
        self.tried: list[Tried] = []
        self.spent: BudgetSpentError | None = None
        self._scorers, self._settings = scorers, settings
        self._tools, self._told = tools or Tools(), told or (lambda _one: None)
        self.recorded = recorded or {}
        """Answers that people praised, by the learn row that they answer."""
        self.repetitions = repetitions
        """How often each row is asked: answers that differ each time are averaged."""
        self.judge_rows, self._a_row = 0, repetitions
        """Held-out rows that two candidates must still be able to answer at the end."""

    @property
    def best(self) -> Tried:
        """The best on all dev rows so far; of equals the one with fewer tokens, then the earlier."""
        whole = [one for one in self.tried if one.full and not one.error]
        return max(whole, key=lambda one: (one.score, -(one.tokens or 0)))

    def try_(self, prompt: Prompt, how: str, *, race: bool = True) -> Tried:
        """Try a candidate on the dev rows and write it down; one tried before is not tried again.

        Raises:
            BudgetSpentError: there are not enough calls left for it.
        """
        before = next((one for one in self.tried if one.prompt == prompt), None)
        if before is not None and (before.full or race):
            return before
        tried = before or Tried(f"{len(self.tried)}", how, prompt)
        seen: list[Seen] = []
        for share in STAGES if race and self.tried else (1.0,):
            upto = math.ceil(len(self.dev) * share)
            try:
                seen += self.see(prompt, self.dev[len(seen) : upto])
            except BudgetSpentError as error:
                self.spent = error
                raise
            if upto < len(self.dev) and self._behind(seen):
                break
        tried.seen, tried.full = seen, len(seen) == len(self.dev)
        if before is None:
            self.tried.append(tried)
        self._keep_back()
        self._told(tried)
        return tried

    def see(self, prompt: Prompt, rows: Sequence[Row]) -> list[Seen]:
        """Ask rows with a prompt and score the answers, several at a time.

        Raises:
            BudgetSpentError: before the first call, when not all may be made.
            BadScaleError: the first scorer does not give a share.
        """
        settings = {**self._settings, **prompt.settings}
        calls = [(self.asked, prompt.render(row.text), settings) for row in rows]
        self.asker.batch(calls, draws=self.repetitions)

        def one(row: Row, messages: Any, draw: int) -> Seen:
            return self._scored(row, self.asker.ask(self.asked, messages, settings, draw=draw))

        work = [
            lambda row=row, messages=messages, draw=draw: one(row, messages, draw)
            for row, (_, messages, _s) in zip(rows, calls, strict=True)
            for draw in range(self.repetitions)
        ]
        found, k = self.asker.each(work), self.repetitions
        return [_averaged(found[at : at + k]) for at in range(0, len(found), k)]

    def write(self, text: str, *, draw: int = 0) -> str:
        """Have the reflecting model write.

        Raises:
            BudgetSpentError: the call may not be made.
            NoReflectionError: no such model was named.
        """
        if self.reflect is None:
            raise NoReflectionError(method="gepa or rewrite")
        settings = {"temperature": 1, "max_tokens": 4096}
        messages = [{"role": "user", "content": text}]
        return self.asker.ask(self.reflect, messages, settings, draw=draw).answer

    def _keep_back(self) -> None:
        """Keep enough back to judge the best so far beside the prompt as it is."""
        if not self.judge_rows:
            return
        first, best = self.tried[0], self.best
        if len(self.tried) == 1:  # a scorer that asks a model makes more than one call a row
            self._a_row = math.ceil(len(self.asker.used) / len(self.dev))
        nano = (
            DEARER
            * self.judge_rows
            * self.repetitions
            * ((first.cost_nano or 0) + (best.cost_nano or 0))
        )
        self.asker.purse.keep(2 * self.judge_rows * self._a_row, math.ceil(nano))

    def _scored(self, row: Row, answered: Answered) -> Seen:
        """Score an answer by all scorers; the first score of the first is what the search goes by."""
        if answered.error is not None:
            return Seen(row, answered, None, answered.error)
        case = Case(row.id, row.text, row.label)
        found: dict[str, Value] = {}
        for _, scorer in self._scorers:
            found.update(scorer.score(case, answered, self._tools))
        leading = next(iter(found.values()), Unmeasured("no scorer says anything on such labels"))
        others = {name: value for name, value in found.items() if not isinstance(value, Unmeasured)}
        if isinstance(leading, Unmeasured):
            return Seen(row, answered, None, leading.why, others)
        if not 0 <= leading <= 1:
            raise BadScaleError(scorer=self._scorers[0][0])
        return Seen(row, answered, float(leading), scores=others)

    def _behind(self, seen: Sequence[Seen]) -> bool:
        """Whether a candidate is behind the best on the rows it was asked, by more than chance."""
        best = {one.row.id: one.score or 0.0 for one in self.best.seen}
        gaps = [(one.score or 0.0) - best[one.row.id] for one in seen]
        mean = math.fsum(gaps) / len(gaps)
        spread = math.sqrt(math.fsum((gap - mean) ** 2 for gap in gaps) / max(1, len(gaps) - 1))
        return mean + BEHIND * spread / math.sqrt(len(gaps)) < 0


def _averaged(draws: Sequence[Seen]) -> Seen:
    """Return the draws of one row as one; unmeasured where none has a score."""
    if len(draws) == 1:
        return draws[0]
    scores = [one.score for one in draws if one.score is not None]
    names = dict.fromkeys(name for one in draws for name in one.scores)
    others = {name: _mean([one.scores[name] for one in draws if name in one.scores])
              for name in names}  # fmt: skip
    score = math.fsum(scores) / len(draws) if scores else None
    why = next((one.why for one in draws if one.score is None), "")
    return Seen(draws[0].row, draws[0].answered, score, why, others)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def shown(tried: Tried) -> dict[str, Any]:
    """Return the wording of a candidate for the report."""
    return {"how": tried.how, "prompt": document(tried.prompt)}


def _tokens(answered: Answered) -> int | None:
    if answered.prompt_tokens is None or answered.completion_tokens is None:
        return None
    return answered.prompt_tokens + answered.completion_tokens
