"""Words: what is looked for in texts, as a question of the index and as a test of one text.

refund order      both words, anywhere in input, output, error or name
"late refund"     the words in this order, one behind the other
refu*             words that begin so; "late refu"* the same at the end of a phrase
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from volano.traces.search.fold import fold, in_pairs

_TERM = re.compile(r'"([^"]*)"?(\*?)|(\S+)')


@dataclass(frozen=True, slots=True)
class Term:
    """Folded words that stand together; the last is only a beginning where `prefix`."""

    words: str
    prefix: bool = False

    def match(self) -> str:
        """Return it in the language of FTS5."""
        return f'"{self.words}"{"*" if self.prefix else ""}'

    def within(self, folded: str) -> bool:
        """Whether it stands in this folded text."""
        end = "" if self.prefix else " "
        return f" {self.words}{end}" in f" {folded} "


@dataclass(frozen=True, slots=True)
class Words:
    """All of these terms, each in any of the texts."""

    terms: tuple[Term, ...]

    def match(self) -> str:
        """Return the question in the language of FTS5."""
        return " AND ".join(term.match() for term in self.terms)

    def said_in(self, *texts: str | None) -> bool:
        """Whether every term stands in one of these texts: the same answer as the index gives."""
        folded = [fold(text) for text in texts if text]
        return bool(self.terms) and all(any(term.within(f) for f in folded) for term in self.terms)


@lru_cache(maxsize=256)
def words_of(asked: str) -> Words:
    """Read a question; it has no terms where there is no word in it."""
    terms = []
    for phrase, star, word in _TERM.findall(asked):
        text = word or phrase
        prefix = bool(star) or (bool(word) and word.endswith("*"))
        if term := _term(fold(text), prefix=prefix):
            terms.append(term)
    return Words(tuple(terms))


def _term(folded: str, *, prefix: bool) -> Term | None:
    """A run of pairs may go on in the text: its last single character is left out, or begins a pair."""
    words = folded.split()
    if not words:
        return None
    if in_pairs(words[-1]) and len(words[-1]) == 1:
        if len(words) > 1 and len(words[-2]) == 2 and in_pairs(words[-2]):
            return Term(" ".join(words[:-1]))
        return Term(folded, prefix=True)
    return Term(folded, prefix)
