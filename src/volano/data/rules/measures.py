"""Measures: the numbers that rules look at. A share lies between 0 and 1; None means "does not apply"."""

import re
from collections.abc import Callable, Mapping
from functools import partial

from volano.data.rules.page import Page, repeated

Measure = Callable[[Page], float | None]

BULLETS = ("-", "*", "•", "·", "●", "‣", "▪", "–")
ELLIPSES = ("...", "…")
TERMINAL = (
    *".!?\"'",
    "”",
    "’",
    "»",
    "“",
    "…",
    "。",
    "！",
    "？",
    "；",
    "」",
    "』",
    "）",
    "．",
    "।",
    "؟",
    "۔",
)
"""What a sentence ends with, also in Chinese, Japanese, Hindi and Arabic."""
SHORT_LINE_CHARS = 30
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|\Z)|[。！？；]++")
_ALPHA = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_SYMBOL = re.compile(r"[^\w\s]")
_URL = re.compile(r"https?://|www\.")


def sentences(text: str) -> int:
    """Return how many sentences a text has: marks at their ends, and one for what has none at its end."""
    found = len(_SENTENCE_END.findall(text))
    return found + (bool(text.strip()) and not text.rstrip().endswith(TERMINAL))


def _share(count: int, whole: int) -> float | None:
    return count / whole if whole else None


def _mean_word(page: Page) -> float | None:
    return _share(sum(map(len, page.words)), len(page.words))


def _alphabetic(page: Page) -> float | None:
    return _share(
        len(page.words) - list(map(_ALPHA.search, page.words)).count(None), len(page.words)
    )


def _lines_that(page: Page, good: Callable[[str], bool]) -> float | None:
    return _share(sum(map(good, page.lines)), len(page.lines))


def _short_lines(page: Page) -> float | None:
    most = SHORT_LINE_CHARS // 2 if page.unspaced else SHORT_LINE_CHARS
    return _lines_that(page, lambda line: len(line) <= most)


def _repeated_lines(page: Page) -> float | None:
    return _share(repeated(page.lines)[0], len(page.lines))


def _repeated_line_chars(page: Page) -> float | None:
    return _share(repeated(page.lines)[1], len(page.text))


def _repeated_paragraphs(page: Page) -> float | None:
    parts = page.paragraphs
    return _share(repeated(parts)[0], len(parts))


def _repeated_paragraph_chars(page: Page) -> float | None:
    return _share(repeated(page.paragraphs)[1], len(page.text))


def _found(pattern: re.Pattern[str], page: Page) -> float | None:
    return _share(len(pattern.findall(page.text)), len(page.text))


def _upper(page: Page) -> float | None:
    return _share(sum(map(str.isupper, page.text)), len(_ALPHA.findall(page.text)))


MEASURES: Mapping[str, tuple[Measure, str]] = {
    "chars": (lambda page: len(page.text), "characters"),
    "words": (lambda page: len(page.words), "words; characters where a script has no spaces"),
    "lines": (lambda page: len(page.lines), "lines that are not blank"),
    "sentences": (lambda page: sentences(page.text), "sentences"),
    "mean_word_chars": (_mean_word, "characters a word has on average"),
    "hash_ratio": (lambda p: _share(p.text.count("#"), len(p.words)), "number signs a word"),
    "ellipsis_ratio": (
        lambda p: _share(sum(map(p.text.count, ELLIPSES)), len(p.words)), "ellipses a word",
    ),
    "bullet_lines": (
        lambda p: _lines_that(p, lambda line: line.startswith(BULLETS)),
        "share of lines that begin with a bullet",
    ),
    "ellipsis_lines": (
        lambda p: _lines_that(p, lambda line: line.endswith(ELLIPSES)),
        "share of lines that end with an ellipsis",
    ),
    "alphabetic_words": (_alphabetic, "share of words with a letter"),
    "stop_words": (lambda page: page.stop_words(), "different stop words of the language"),
    "repeated_lines": (_repeated_lines, "share of lines that came before"),
    "repeated_paragraphs": (_repeated_paragraphs, "share of paragraphs that came before"),
    "repeated_line_chars": (_repeated_line_chars, "share of characters in lines that came before"),
    "repeated_paragraph_chars": (
        _repeated_paragraph_chars, "share of characters in paragraphs that came before",
    ),
    **{
        f"top_{n}_gram": (
            partial(Page.top_gram, n=n), f"share of characters in the commonest {n}-gram of words",
        )
        for n in (2, 3, 4)
    },
    **{
        f"repeated_{n}_grams": (
            partial(Page.dup_grams, n=n), f"share of characters in {n}-grams that came before",
        )
        for n in range(5, 11)
    },
    "ended_lines": (
        lambda p: _lines_that(p, lambda line: line.endswith(TERMINAL)),
        "share of lines that end as a sentence does",
    ),
    "short_lines": (_short_lines, "share of lines of at most 30 characters (Chinese: 15)"),
    "symbol_ratio": (partial(_found, _SYMBOL), "share of characters that are no letter, digit or space"),
    "digit_ratio": (partial(_found, _DIGIT), "share of characters that are digits"),
    "letter_ratio": (partial(_found, _ALPHA), "share of characters that are letters"),
    "upper_ratio": (_upper, "share of letters that are capitals"),
    "urls": (lambda page: len(_URL.findall(page.text)), "addresses of pages"),
}  # fmt: skip
"""Each with what it counts, in words."""
