"""One answer before a judge: rubric, pairwise in both orders, or a panel."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from volano.core.ports.chat import Chat
from volano.evals.judges.asking import Verdict, ask
from volano.evals.judges.judge import Judge
from volano.evals.scoring import Unmeasured, Value

ChatOf = Callable[[str], Chat]
"""Opens a model by the name that a judge says."""
JudgeOf = Callable[[str], Judge]
"""Finds a judge by its ref."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is judged: the question, the answer, and what else the judge may see.

    `reference` is what people hold right (a rubric may ask about it); `rival` is the answer that
    a pairwise judge compares with.
    """

    question: str
    answer: str
    rival: str | None = None
    reference: str | None = None
    context: tuple[str, ...] = ()

    def texts(self) -> dict[str, str]:
        """Return what stands before the answers, by title."""
        found = {"question": self.question}
        found |= {f"context {at}": text for at, text in enumerate(self.context, 1)}
        if self.reference is not None:
            found["reference"] = self.reference
        return found


@dataclass(frozen=True, slots=True)
class Judged:
    """What a judge says of one answer. `scores` are by name, the whole under the judge's own.

    `orders` are a pairwise judge's two values for the answer: shown first, shown second;
    `words` what was said for each score that has a word, `whys` the reasons in its own words.
    """

    scores: Mapping[str, Value]
    words: Mapping[str, str] = field(default_factory=dict)
    whys: Mapping[str, str] = field(default_factory=dict)
    orders: tuple[float, float] | None = None


def judge_one(judge: Judge, shown: Shown, chat_of: ChatOf, judge_of: JudgeOf) -> Judged:
    """Return what the judge says of one answer.

    Raises:
        UnavailableError: its model does not answer.
    """
    if judge.kind == "panel":
        return _panel(judge, shown, chat_of, judge_of)
    chat = chat_of(judge.model)
    return (
        _pairwise(judge, shown, chat) if judge.kind == "pairwise" else _rubric(judge, shown, chat)
    )


def _rubric(judge: Judge, shown: Shown, chat: Chat) -> Judged:
    texts = {**shown.texts(), "answer": shown.answer}
    said = {one.name: ask(judge, one, texts, chat) for one in judge.criteria}
    values = {name: one.value if isinstance(one, Verdict) else one for name, one in said.items()}
    heard = {name: one for name, one in said.items() if isinstance(one, Verdict)}
    return Judged(
        _named(judge, values),
        {_score(judge, name): one.word for name, one in heard.items()},
        {_score(judge, name): one.why for name, one in heard.items() if one.why},
    )


def _pairwise(judge: Judge, shown: Shown, chat: Chat) -> Judged:
    """Ask in both orders; where the two verdicts contradict each other it is a tie."""
    if shown.rival is None:
        return Judged({judge.name: Unmeasured("there is no other answer to compare with")})
    values: dict[str, Value] = {}
    whys: dict[str, str] = {}
    orders: list[tuple[float, float]] = []
    for one in judge.criteria:
        first = ask(judge, one, _both(shown, shown.answer, shown.rival), chat)
        if isinstance(first, Unmeasured):
            values[one.name] = first
            continue
        second = ask(judge, one, _both(shown, shown.rival, shown.answer), chat)
        if isinstance(second, Unmeasured):
            values[one.name] = second
            continue
        pair = first.value, 1 - second.value
        values[one.name] = settled(*pair)
        whys[_score(judge, one.name)] = first.why
        orders.append(pair)
    mean = [math.fsum(side) / len(orders) for side in zip(*orders, strict=True)]
    whole = (mean[0], mean[1]) if len(orders) == len(judge.criteria) else None
    return Judged(_named(judge, values), {}, whys, whole)


def settled(first: float, second: float) -> float:
    """Return what the two orders come to: their word where they agree, else a tie.

    A win beside a tie is no contradiction that may be counted as a win: it is a tie too.
    """
    return first if first == second else 0.5


def _panel(judge: Judge, shown: Shown, chat_of: ChatOf, judge_of: JudgeOf) -> Judged:
    members = {ref: judge_of(ref) for ref in judge.judges}
    found = {
        ref: judge_one(one, shown, chat_of, judge_of).scores[one.name]
        for ref, one in members.items()
    }
    scores = {f"{judge.name}/{ref}": value for ref, value in found.items()}
    return Judged({judge.name: together(judge, list(found.values())), **scores})


def together(judge: Judge, values: list[Value]) -> Value:
    """Return what a panel says: the mean, or what more than half of those who spoke say.

    With `majority` a value above 1/2 counts as yes, below as no, 1/2 as neither; where neither
    has more the panel says 1/2. Unmeasured where less than half of its members spoke.
    """
    spoken = [value for value in values if not isinstance(value, Unmeasured)]
    if 2 * len(spoken) <= len(values):
        return Unmeasured(f"{len(spoken)} of {len(values)} judges gave a verdict")
    if judge.rule == "mean":
        return math.fsum(spoken) / len(spoken)
    yes, no = sum(v > 0.5 for v in spoken), sum(v < 0.5 for v in spoken)
    return 0.5 if yes == no else float(yes > no)


def _named(judge: Judge, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return the whole (the mean of the criteria, when all are measured) and each criterion."""
    lacking = next((one for one in values.values() if isinstance(one, Unmeasured)), None)
    spoken = [value for value in values.values() if not isinstance(value, Unmeasured)]
    whole: Value = lacking if lacking is not None else math.fsum(spoken) / len(spoken)
    if len(values) == 1:
        return {judge.name: whole}
    return {judge.name: whole, **{_score(judge, name): one for name, one in values.items()}}


def _score(judge: Judge, criterion: str) -> str:
    return judge.name if len(judge.criteria) == 1 else f"{judge.name}/{criterion}"


def _both(shown: Shown, first: str, second: str) -> dict[str, str]:
    return {**shown.texts(), "first": first, "second": second}
