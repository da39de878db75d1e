"""A judge as a scorer of suites: `judge: {judge: "helpful@2"}`."""

import json
from dataclasses import dataclass
from typing import Any

from volano.core.ref import Ref
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.judges.judge import Judge
from volano.evals.judges.judging import Shown, judge_one
from volano.evals.scoring import SCORERS, BadScorerError, Plain, Scores, Tools, Unmeasured

FILE = "judge.json"
KIND = "judge"


@SCORERS.register("judge")
@dataclass(frozen=True)
class JudgeScorer(Plain):
    """What a judge says of an answer, under the judge's name; several criteria also one by one.

    `judge` names a version (`helpful@2`); without one the newest, which then may change. A
    pairwise judge compares with `rival` of the row's `expected`, else with the label where that
    is a text: 1 better, 0 worse, 1/2 a tie. With `reference` the judge is shown the label.
    """

    judge: str
    reference: bool = False

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the judge's scores; unmeasured where it gives no verdict.

        Raises:
            UnavailableError: its model does not answer.
        """
        judge = read_judge(self.judge, tools)
        if answered.error is not None:
            return dict.fromkeys(judge.scores(), Unmeasured("there is no answer to judge"))
        shown = shown_of(case, answered, reference=self.reference)
        return judge_one(judge, shown, tools.chat, lambda ref: read_judge(ref, tools)).scores


def shown_of(case: Case, answered: Answered, *, reference: bool) -> Shown:
    """Return what of a case is put before a judge."""
    label = (
        case.label if isinstance(case.label, str) else json.dumps(case.label, ensure_ascii=False)
    )
    rival = case.expected.get("rival", case.label if isinstance(case.label, str) else None)
    return Shown(
        case.text, answered.answer, None if rival is None else str(rival),
        label if reference else None, tuple(case.context),
    )  # fmt: skip


def read_judge(ref: str, tools: Tools) -> Judge:
    """Return the judge of this ref; read once for each `Tools`.

    Raises:
        UnknownArtifactError: there is no such judge.
        BadScorerError: no judges can be read from here, or it is none.
    """
    held: dict[str, Judge] = tools.notes.setdefault("judges", {})
    if ref not in held:
        held[ref] = loaded(*tools.kept(KIND, ref))
    return held[ref]


def loaded(ref: str, data: bytes) -> Judge:
    """Return the judge that an artifact's file says.

    Raises:
        BadScorerError: it is none.
    """
    named = Ref.parse(ref)
    try:
        raw: dict[str, Any] = json.loads(data)
        return Judge.from_dict(raw, named.name, named.number or 0)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadScorerError(name=KIND, why=f"`{ref}` is no judge of this version") from error
