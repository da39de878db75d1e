"""Support: how much of an answer stands in the texts that it should rest on."""

import math
from dataclasses import dataclass, field

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.judges.judging import Shown, judge_one
from volano.evals.judges.scorer import read_judge
from volano.evals.scorers.citation import contained, sentences
from volano.evals.scorers.one import check_number, unanswered
from volano.evals.scoring import SCORERS, Plain, Scores, Tools, Unmeasured, Value

LONGEST = 200_000
_NAME = "support"


@SCORERS.register(_NAME)
@dataclass(frozen=True)
class Support(Plain):
    """The share of an answer's sentences that the texts it should rest on bear, cited or not.

    Those are the row's context; of a live call what was retrieved. A sentence is borne when at least `least` of
    its words and pairs of words are in one text, or spread over all of them. Lexical: a paraphrase counts as not borne, a
    negation as borne. With `judge` (`supported@1`) that judge is shown each of the first `most` sentences as the
    answer, with the context, and the mean of what it says is the score. Without context it is unmeasured.
    """

    least: float = 0.5
    judge: str = ""
    most: int = field(default=12)

    def __post_init__(self) -> None:
        check_number(_NAME, "least", self.least, least=0.01, most=1)
        check_number(_NAME, "most", self.most, least=1, most=100)

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return `support`.

        Raises:
            UnavailableError: the judge's model does not answer.
        """
        why = unanswered(answered)
        if not case.context:
            why = why or Unmeasured("nothing was retrieved that it could rest on")
        if len(answered.answer) > LONGEST:
            why = why or Unmeasured("the answer is too long to be taken apart")
        told = [] if why else [one.text for one in sentences(answered.answer)]
        if why or not told:
            return {_NAME: why or Unmeasured("the answer has no sentence")}
        if self.judge:
            return {_NAME: self._judged(told[: int(self.most)], case, tools)}
        return {_NAME: sum(self._borne(one, case) for one in told) / len(told)}

    def _borne(self, sentence: str, case: Case) -> bool:
        return contained(sentence, case.context) >= self.least

    def _judged(self, told: list[str], case: Case, tools: Tools) -> Value:
        judge = read_judge(self.judge, tools)
        values = []
        for sentence in told:
            shown = Shown(case.text, sentence, context=tuple(case.context))
            said = judge_one(judge, shown, tools.chat, lambda ref: read_judge(ref, tools))
            value = said.scores[judge.name]
            if isinstance(value, Unmeasured):
                return value
            values.append(value)
        return math.fsum(values) / len(values)
