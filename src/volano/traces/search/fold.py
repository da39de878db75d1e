r"""Fold: a text as its words, in lower case and without accents, a space between them.

What a reader expects of `arviz` and `árvíz` holds in both directions: accents do not
count, neither in the text nor in the question; so Russian ё is е (but й is a letter of
its own and stays), German ß is ss, full-width letters are letters, and Arabic and Hebrew
vowel points do not count. Vowel signs of Indian and South-East Asian scripts are
letters and stay.

Scripts that do not put spaces between words (Chinese, Japanese, Thai, Lao, Khmer,
Burmese), and Korean, where endings stick to the word, are cut into pairs: 退款了 is
`退款 款了 了`. So any two characters that stand together are found, and a single one is
found as the beginning of a pair.
"""

import re
import unicodedata
from itertools import pairwise

VERSION = 1
"""Goes up when the same text folds differently: then the index is built anew."""

_PAIRED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ebd\u0ec0-\u0ecf\u1000-\u1049\u1780-\u17d3"  # Thai to Khmer
    "\u1100-\u11ff\u3005-\u3007\u3041-\u309a\u309d-\u30fa\u30fc-\u30ff\u3105-\u312f"  # kana, bopomofo
    "\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"[{_PAIRED}]+")
_POINTS = re.compile(
    "(?<!и)\u0306|[\u0300-\u0305\u0307-\u036f\u0591-\u05bd\u05bf\u05c1-\u05c7\u0610-\u061a"
    "\u0640\u064b-\u065f\u0670\u06d6-\u06dc]"
)
"""Marks that do not count; the breve does on и, where it makes й."""


class _Letters(dict[int, str]):
    """What stands for each character: itself, or a space where it is part of no word."""

    def __missing__(self, code: int) -> str:
        self[code] = char = chr(code) if unicodedata.category(chr(code))[0] in "LNM" else " "
        return char


_ASCII = bytes(
    ord(chr(code).lower()) if code < 128 and chr(code).isalnum() else ord(" ")
    for code in range(256)
)
"""A table of bytes: ten times as fast as one of characters, and most texts are of these."""
_LETTERS = _Letters()


def fold(text: str) -> str:
    """Return the words of a text, one space between them; empty where there are none."""
    if text.isascii():
        return b" ".join(text.encode().translate(_ASCII).split()).decode()
    plain = unicodedata.normalize("NFKD", text.casefold()).casefold()
    plain = unicodedata.normalize("NFC", _POINTS.sub("", plain))
    return " ".join(_RUN.sub(_in_pairs, plain.translate(_LETTERS)).split())


def for_index(text: str) -> str:
    """Return what the index is given of a text: its `ascii` tokenizer finds the words of plain ones."""
    return text if text.isascii() else fold(text)


def in_pairs(word: str) -> bool:
    """Whether this folded word is of a script that is cut into pairs."""
    return _RUN.match(word) is not None


def _in_pairs(run: re.Match[str]) -> str:
    chars = run[0]
    pairs = [first + second for first, second in pairwise(chars)]
    return f" {' '.join([*pairs, chars[-1]])} "
