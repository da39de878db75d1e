"""chrF and chrF++: shared runs of characters, good for languages with many forms of a word."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from string import punctuation
from typing import Any, ClassVar

from volano.evals.scorers.one import Likeness, check_number
from volano.evals.scoring import SCORERS, Unmeasured, Value

CHARACTERS = 6
LONGEST = 200_000
"""Characters of a text; more would take seconds."""
_MARKS = frozenset(punctuation)


@SCORERS.register("chrf")
@dataclass(frozen=True)
class ChrF(Likeness):
    """Shared runs of one to six characters, spaces aside; recall counts `beta` times as much as precision.

    `words: 2` adds words and pairs of words: chrF++. Equal to sacrebleu's `sentence_chrf` divided by 100.
    Neither case nor width is changed. Source: Popović 2015, 2017.
    """

    name: ClassVar[str] = "chrf"

    words: int = 0
    beta: float = 2.0

    def __post_init__(self) -> None:
        check_number(self.name, "words", self.words, least=0, most=2)
        check_number(self.name, "beta", self.beta, least=0.1, most=10)

    def like(self, said: str, wanted: str) -> Value:
        """Return the score in [0, 1]."""
        if said == wanted:
            return 1.0
        if max(len(said), len(wanted)) > LONGEST:
            return Unmeasured("the text is too long for its runs of characters")
        return chrf(said, wanted, words=self.words, beta=self.beta)


def chrf(said: str, wanted: str, *, words: int = 0, beta: float = 2.0) -> float:
    """Return the F score of mean precision and mean recall over the orders that both texts have."""
    precision = recall = orders = 0.0
    for mine, right in zip(_grams(said, words), _grams(wanted, words), strict=True):
        if mine and right:
            shared = sum(min(count, right[gram]) for gram, count in mine.items() if gram in right)
            precision += shared / mine.total()
            recall += shared / right.total()
            orders += 1
    if not precision + recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)


@lru_cache(maxsize=32)
def _grams(text: str, words: int) -> tuple[Counter[Any], ...]:
    line = "".join(text.split())
    told = list(_split(text)) if words else []
    return (
        *(
            Counter(line[at : at + n] for at in range(len(line) - n + 1))
            for n in range(1, CHARACTERS + 1)
        ),
        *(
            Counter(zip(*(told[start:] for start in range(n)), strict=False))
            for n in range(1, words + 1)
        ),
    )


def _split(text: str) -> Iterator[str]:
    """Yield words, one mark of punctuation apart at the end, else at the beginning, as chrF++ does."""
    for word in text.split():
        if len(word) > 1 and word[-1] in _MARKS:
            yield from (word[:-1], word[-1])
        elif len(word) > 1 and word[0] in _MARKS:
            yield from (word[0], word[1:])
        else:
            yield word
