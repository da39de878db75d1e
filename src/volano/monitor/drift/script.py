"""Scripts: what a text is written in, where nobody detects its language."""

import unicodedata
from collections import Counter
from functools import lru_cache

_READ = 400
_OF = {
    "CJK": "han",
    "HIRAGANA": "japanese",
    "KATAKANA": "japanese",
    "HANGUL": "korean",
}


def script(text: str) -> str:
    """Return the script that most letters are of: `latin`, `cyrillic`, `han`; `none` without any.

    A text with a twentieth of kana is Japanese, whose other characters are Chinese ones.
    """
    found = Counter(name for char in text[:_READ] if (name := _script(char)))
    if found["japanese"] * 20 >= found.total() > 0:
        return "japanese"
    return min(found, key=lambda name: (-found[name], name), default="none")


@lru_cache(maxsize=1 << 14)
def _script(char: str) -> str:
    """Return the first word of a letter's Unicode name: its script."""
    if not char.isalpha():
        return ""
    word = unicodedata.name(char, "").partition(" ")[0]
    return _OF.get(word, word.lower())
