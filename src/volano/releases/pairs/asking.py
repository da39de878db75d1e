"""Asks a judge about both answers of a pair; whatever happens, each question is paid for once.

In this order, so that it may be killed anywhere: a claim is a row, the model is asked, its
scores are the row, then feedback whose ids hang on what is said, and the row says so.
"""

from collections.abc import Callable
from dataclasses import replace

from volano.core.errors import UnavailableError
from volano.evals.judges.judge import Judge
from volano.monitor.evaluators.book import Book, Evaluation
from volano.monitor.evaluators.looking import Looking
from volano.monitor.evaluators.spending import SpentError
from volano.releases.pairs.pair import Pair
from volano.traces.trace import Trace

ASKING, LOST = "asking", "lost"
"""States of an answer: claimed, and claimed by a control that is gone."""


class Asking:
    """One pass over pairs with one judge. `silent` says why it gave the last answer no score."""

    def __init__(
        self, judge: Judge, *, compares: bool, book: Book, looking: Looking,
        say: Callable[[Evaluation], None],
    ):  # fmt: skip
        self.judge, self._compares = judge, compares
        self._book, self._looking, self._say = book, looking, say
        self.silent = ""

    def both(self, pair: Pair) -> None:
        """Have both answers of a pair scored; what was scored before is not asked again.

        Raises:
            SpentError: the budget does not hold the question.
            UnavailableError: the judge's model does not answer; the pair is asked about later.
        """
        if self._compares:
            self._against(pair)
            return
        original = self._ask(pair.original.trace)
        if original is None or not original.scores:
            return
        if pair.equal:
            self._give(pair.copy.trace, original)
        else:
            self._ask(pair.copy.trace)

    def _against(self, pair: Pair) -> None:
        """Have both answers compared, in both orders; what one wins the other loses."""
        copy = pair.copy.trace
        if pair.equal:
            found: Evaluation | None = self._tie(copy)
            self._give(copy, self._tie(copy))
        else:
            found = self._ask(copy, rival=pair.original.text)
        if found is not None and found.scores:
            turned = {name: 1 - value for name, value in found.scores.items()}
            self._give(pair.original.trace, replace(found, scores=turned))

    def _ask(self, trace: Trace, *, rival: str | None = None) -> Evaluation | None:
        """Ask about one answer, or return what was said before; None where nothing was."""
        claim = self._looking.blank(trace, ASKING)
        if not self._claimed(claim):
            return self._book.get_one(claim)
        try:
            found = self._looking.at(trace, rival=rival)
        except UnavailableError:
            self._book.unclaim(claim)
            raise
        if found.state == "budget":
            self._book.unclaim(claim)
            raise SpentError
        self.silent = next(iter(found.unmeasured.values()), "") if not found.scores else ""
        self._settle(found)
        return found

    def _give(self, trace: Trace, like: Evaluation) -> None:
        """Give an answer scores that nobody has to be asked for."""
        found = self._looking.blank(trace, "scored", {}, like.scores, like.sources)
        if self._claimed(found):
            self._settle(found)

    def _tie(self, trace: Trace) -> Evaluation:
        """Return that two answers which say the same are as good as each other."""
        names = self.judge.scores()
        source = {"by": "judge", "bigger": True, "unit": "share"}
        return self._looking.blank(
            trace, "scored", {}, dict.fromkeys(names, 0.5), dict.fromkeys(names, source)
        )

    def _claimed(self, found: Evaluation) -> bool:
        claim = replace(found, state=ASKING, scores={}, sources={}, told=1)
        return self._book.claim(replace(claim, slices={"judge": self.judge.ref}))

    def _settle(self, found: Evaluation) -> None:
        kept = replace(found, slices={"judge": self.judge.ref})
        self._book.settle(kept)
        if kept.scores:
            self._say(kept)
