"""Folding: what is left of a text when case, width, spaces and spelling of accents do not count.

Folded text is for comparing only; a dataset keeps texts as they were written
(in NFC). Comparison is on characters, never on words: Chinese has no spaces.
"""

import unicodedata

GRAM = 5
"""Characters in one gram: short enough for one Chinese clause, long enough to be telling."""


def fold(text: str) -> str:
    """Return the folded text. To fold it again changes nothing.

    Compatibility caseless matching (Unicode 16, §3.13, D146), then NFKC, then
    each run of white space as one space.
    """
    return " ".join(fold_case(text).split())


def fold_case(text: str) -> str:
    """Return the text folded as by `fold`, but with its white space as it is."""
    if text.isascii():
        return text.casefold()
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text.casefold()))


def grams(folded: str) -> frozenset[str]:
    """Return the character 5-grams of a folded text; a shorter text is its own one gram."""
    if len(folded) <= GRAM:
        return frozenset((folded,))
    return frozenset(folded[i : i + GRAM] for i in range(len(folded) - GRAM + 1))


def numbers(folded: str) -> tuple[str, ...]:
    """Return the numbers in a folded text in order, in any script (`4711`, `三百`)."""
    marked = "".join(char if char.isnumeric() else " " for char in folded)
    return tuple(marked.split())


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """Return |a ∩ b| / |a ∪ b|: 1 for equal sets, 0 for sets with nothing in common."""
    common = len(a & b)
    whole = len(a) + len(b) - common
    return common / whole if whole else 1.0
