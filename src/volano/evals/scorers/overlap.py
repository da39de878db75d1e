"""Shared words: F1 over words, ROUGE and BLEU over runs of words."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.bits import MOST, common
from volano.evals.scorers.normal import words
from volano.evals.scorers.one import Likeness, references, unanswered
from volano.evals.scoring import SCORERS, Plain, Scores, Tools, Unmeasured, Value

Grams = Counter[tuple[str, ...]]


@lru_cache(maxsize=64)
def _words(text: str) -> tuple[str, ...]:
    return tuple(words(text))


def runs(tokens: Sequence[str], n: int) -> Grams:
    """Return how often each run of `n` words is in a text."""
    return Counter(zip(*(tokens[start:] for start in range(n)), strict=False))


def f1(shared: float, said: float, wanted: float) -> float:
    """Return the harmonic mean of precision and recall; 1 where both sides are empty."""
    return 2 * shared / (said + wanted) if said + wanted else 1.0


@SCORERS.register("token_f1")
@dataclass(frozen=True)
class TokenF1(Likeness):
    """F1 of the words that answer and label share, each as often as both have it.

    Words are compared in one spelling, as by `normalised`; Chinese, Japanese and Thai
    characters are words of their own. Source: Rajpurkar et al. 2016 (SQuAD), arXiv 1606.05250, with our words.
    """

    name: ClassVar[str] = "token_f1"

    def like(self, said: str, wanted: str) -> float:
        """Return the F1."""
        if said == wanted:
            return 1.0
        a, b = Counter(_words(said)), Counter(_words(wanted))
        return f1((a & b).total(), a.total(), b.total())


@SCORERS.register("rouge")
@dataclass(frozen=True)
class Rouge(Plain):
    """Runs of words that answer and label share: F1 over words, over pairs, over the longest common subsequence.

    Gives `rouge/1`, `rouge/2` and `rouge/L`; with several references the best of each. Words are those of `token_f1`,
    without stemming. Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries".
    """

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the three scores; nothing where labels are objects."""
        wanted = references(case)
        names = ("rouge/1", "rouge/2", "rouge/L") if wanted else ()
        if why := unanswered(answered):
            return dict.fromkeys(names, why)
        found = [rouge(answered.answer, one) for one in wanted]
        return {name: _best([one[at] for one in found]) for at, name in enumerate(names)}


def rouge(said: str, wanted: str) -> tuple[Value, Value, Value]:
    """Return ROUGE-1, ROUGE-2 and ROUGE-L as F1."""
    if said == wanted:
        return 1.0, 1.0, 1.0
    a, b = _words(said), _words(wanted)
    one, two = (_shared(a, b, n) for n in (1, 2))
    if len(a) * len(b) > MOST:
        return one, two, Unmeasured("the texts are too long for a common subsequence")
    return one, two, f1(common(a, b), len(a), len(b))


def _shared(a: Sequence[str], b: Sequence[str], n: int) -> float:
    one, other = runs(a, n), runs(b, n)
    if not one and not other:  # both are shorter than a run
        return float(a == b)
    return f1((one & other).total(), one.total(), other.total())


def _best(values: Sequence[Value]) -> Value:
    told = [value for value in values if not isinstance(value, Unmeasured)]
    return max(told) if told else values[0]


@SCORERS.register("bleu")
@dataclass(frozen=True)
class Bleu(Likeness):
    """BLEU of one sentence: runs of one to four words, a penalty for answers that are too short.

    Orders without a match are smoothed exponentially, and orders longer than the answer are left out, as sacrebleu does
    for single sentences. It says little about a single answer; `chrf` says more. Source: Papineni et al. 2002;
    Chen and Cherry 2014, method 3.
    """

    name: ClassVar[str] = "bleu"

    def like(self, said: str, wanted: str) -> float:
        """Return the score in [0, 1]."""
        return 1.0 if said == wanted else bleu(_words(said), _words(wanted))


def bleu(said: Sequence[str], wanted: Sequence[str]) -> float:
    """Return sentence BLEU of two lists of words."""
    logs, smooth = [], 1.0
    for n in range(1, 5):
        had, right = runs(said, n), runs(wanted, n)
        if not (total := had.total()):
            break
        shared = (had & right).total()
        if n == 1 and not shared:  # then no longer run is shared either
            return 0.0
        if not shared:
            smooth *= 2
        logs.append(math.log(shared / total if shared else 1 / (smooth * total)))
    if not logs:
        return float(not wanted)
    short = min(0.0, 1 - len(wanted) / len(said))
    return math.exp(short + math.fsum(logs) / len(logs))
