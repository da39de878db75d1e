"""Citations: whether `[2]` exists, and whether what is said before it stands in that passage."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.normal import words
from volano.evals.scorers.one import check_number, unanswered
from volano.evals.scoring import SCORERS, Plain, Scores, Tools, Unmeasured, Value

LONGEST = 200_000
_MARK = re.compile(
    r"\s?[\[【〔](?:\^)?(\d{1,4}(?:\s?[-–,;、]\s?\d{1,4}){0,20})(?:†[^\]】]{0,40})?[\]】〕]"
)
_END = re.compile(r"(?<=[.!?…])(?:[\"'”’»)\]]*)\s+(?![\[【])(?=\S)|(?<=[。！？])(?![\[【])|\n+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence without its marks, and the passages that it cites, counted from 1."""

    text: str
    cites: tuple[int, ...]


def sentences(answer: str) -> Iterator[Sentence]:
    """Yield the sentences of an answer; a mark after the full stop belongs to the sentence before it."""
    text = _MARK.sub(lambda found: f"[{found[1]}]", unicodedata.normalize("NFC", answer))
    text = re.sub(r"([.!?。！？])((?:\s?\[\d[\d\s,;、–-]*\])+)", r"\2\1", text)
    for part in _END.split(text):
        cited = tuple(n for found in _MARK.finditer(part) for n in _numbers(found[1]))
        said = _MARK.sub("", part).strip()
        if words(said):
            yield Sentence(said, cited)


def _numbers(text: str) -> Iterator[int]:
    for part in re.split(r"\s?[,;、]\s?", text):
        first, *more = (int(one) for one in re.split(r"\s?[-–]\s?", part) if one)
        yield from range(first, min(more[-1], first + 50) + 1) if more else (first,)


@lru_cache(maxsize=256)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    told = words(text)
    return frozenset([*((word,) for word in told), *pairwise(told)])


def contained(said: str, passages: Sequence[str]) -> float:
    """Return the share of words and pairs of words of a text that are in the passages."""
    runs = _runs(said)
    there = frozenset[tuple[str, ...]]().union(*map(_runs, passages))
    return len(runs & there) / len(runs) if runs else 1.0


def unsupported(answer: str, context: Sequence[str], *, least: float = 0.5) -> list[dict[str, Any]]:
    """Return the sentences with citations that their passages do not bear, with the reason."""
    found: list[dict[str, Any]] = []
    for one in sentences(answer):
        if not one.cites:
            continue
        passages = [context[n - 1] for n in one.cites if 1 <= n <= len(context)]
        missing = [n for n in one.cites if not 1 <= n <= len(context)]
        share = contained(one.text, passages) if passages else 0.0
        if missing or share < least:
            why = f"there is no passage {missing[0]}" if missing else f"{share:.0%} of it is there"
            found.append({"sentence": one.text[:300], "cites": list(one.cites), "why": why})
    return found


@SCORERS.register("citation_support")
@dataclass(frozen=True)
class CitationSupport(Plain):
    """Whether what is cited exists and says so; passages are the row's context, `[1]` is the first.

    Gives `citation_support` (the share of sentences with citations of which at least `least` of the words and pairs of words
    are in the passages cited), `citation_support/exists` (the share of marks that name a passage) and
    `citation_support/cited` (the share of sentences that cite at all). Cheap and lexical: a paraphrase counts as
    unsupported, a negation as supported; a judge tells more. The sentences without support are kept in the notes of
    the run, with the reason. Without context, or where nothing is cited, support is unmeasured.
    """

    notes: ClassVar[str] = "unsupported"

    least: float = 0.5

    def __post_init__(self) -> None:
        check_number("citation_support", "least", self.least, least=0.01, most=1)

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the three scores."""
        names = ("citation_support", "citation_support/exists", "citation_support/cited")
        why = unanswered(answered)
        if not case.context:
            why = why or Unmeasured("the row has no context to cite")
        if len(answered.answer) > LONGEST:
            why = why or Unmeasured("the answer is too long to be taken apart")
        if why:
            return dict.fromkeys(names, why)
        told = list(sentences(answered.answer))
        marks = [n for one in told for n in one.cites]
        with_marks = sum(bool(one.cites) for one in told)
        nothing = Unmeasured("nothing is cited")
        bad = unsupported(answered.answer, case.context, least=self.least)
        if bad:
            tools.notes.setdefault(self.notes, {})[case.id, answered.repetition] = bad
        values: tuple[Value, ...] = (
            1 - len(bad) / with_marks if with_marks else nothing,
            sum(1 <= n <= len(case.context) for n in marks) / len(marks) if marks else nothing,
            with_marks / len(told) if told else Unmeasured("the answer is empty"),
        )
        return dict(zip(names, values, strict=True))
