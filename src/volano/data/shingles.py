"""Texts become sets of 64-bit hashes, a batch at a time and without a loop over words.

A shingle is a run of so many words, or of so many characters. Writing without
spaces between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) has no
words to see, so that there each character counts as a word: a text may mix
scripts, and no language has to be guessed. Case, width, accents' spelling,
punctuation and white space do not count.

The texts of a batch stand in one array of code points. A word's hash is the
difference of two prefix sums of a polynomial over the ring of 64-bit integers
(Karp and Rabin 1987), a shingle's hash a polynomial over its words' hashes,
each scrambled by the finaliser of SplitMix64. Two shingles that differ have
one hash about once in 2^64; an adversary who is after such a pair can find one.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from volano.data.fold import fold, fold_case

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

BATCH_CHARS = 1 << 19
"""Characters that are looked at together: some 30 MB of arrays."""
MOST_SHINGLES = 1 << 20
"""Of a longer text a sample is kept, of the hashes that end in zeros: half of them, a quarter..."""
WORDS, CHARACTERS = "words", "characters"

_APART, _WORD, _ALONE = 0, 1, 2
_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x2E80, 0x2FDF), (0x3005, 0x3007),
    (0x3040, 0x312F), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
)  # fmt: skip
_LETTER = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0xD6E8FEB86659FD93)
_PADDING = np.uint64(0xA0761D6478BD642F)
_GAP = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Batch:
    """Shingles of several texts, one behind the other: text i has `flat[ends[i-1]:ends[i]]`.

    A shingle that a text has twice stands there twice. `levels[i]` says how
    many zero bits the hashes end in of which a sample was kept (0: all).
    """

    flat: Hashes
    ends: Places
    levels: npt.NDArray[np.uint8]

    @property
    def starts(self) -> Places:
        """Where each text begins, and where the last one ends."""
        return np.concatenate((np.zeros(1, np.int64), self.ends))


@dataclass(frozen=True, slots=True)
class Shingler:
    """How texts are cut: into runs of `size` words, or of `size` characters."""

    kind: str = WORDS
    size: int = 5

    def batch(self, texts: Sequence[str]) -> Batch:
        """Return the shingles of the texts. A text without a word has none; a short one has one."""
        parts: list[Hashes] = []
        counts: list[Places] = []
        levels = np.zeros(len(texts), np.uint8)
        for begin, end in _portions(texts):
            if end - begin == 1 and len(texts[begin]) > BATCH_CHARS:
                flat, levels[begin] = self._long(texts[begin])
                parts.append(flat)
                counts.append(np.array([flat.size], np.int64))
            else:
                flat, each = windows(*self.tokens(texts[begin:end]), self.size)
                parts.append(flat)
                counts.append(each)
        return Batch(_joined(parts, np.uint64), np.cumsum(_joined(counts, np.int64)), levels)

    def tokens(self, texts: Sequence[str]) -> tuple[Hashes, Places]:
        """Return the hashes of the words (or characters) of the texts, and how many each has."""
        if self.kind == CHARACTERS:
            folded = [fold(text) for text in texts]
            codes = _codes("".join(folded)).astype(np.uint64)
            codes += np.uint64(1)
            return scrambled(codes * _LETTER), np.array([len(t) for t in folded], np.int64)
        folded = [text.lower() if text.isascii() else fold_case(text) for text in texts]
        lengths = np.array([len(text) + 1 for text in folded], np.int64)
        starts, hashes = _words(_codes("\n".join(folded)))
        ends = np.searchsorted(starts, np.cumsum(lengths))
        return hashes, np.diff(ends, prepend=0)

    def _long(self, text: str) -> tuple[Hashes, int]:
        """Return the shingles of one long text, piece by piece, thinned out while they are many."""
        kept, level = np.zeros(0, np.uint64), 0
        before = np.zeros(0, np.uint64)
        for piece in _pieces(text):
            tokens = np.concatenate((before, self.tokens([piece])[0]))
            before = tokens[max(0, tokens.size - self.size + 1) :]
            if tokens.size >= self.size:
                kept = np.concatenate((kept, thin(_rolled(tokens, self.size), level)))
            while kept.size > MOST_SHINGLES:
                kept = np.unique(kept)
                if kept.size > MOST_SHINGLES:
                    level += 1
                    kept = thin(kept, level)
        if not kept.size and not level and before.size:
            kept = windows(before, np.array([before.size]), self.size)[0]
        return kept, level


def thin(hashes: Hashes, level: int) -> Hashes:
    """Return the hashes that end in at least so many zero bits."""
    if not level:
        return hashes
    return hashes[(hashes & np.uint64((1 << level) - 1)) == 0]


def windows(tokens: Hashes, counts: Places, size: int) -> tuple[Hashes, Places]:
    """Return the hashes of all runs of `size` tokens within each text, and how many each has.

    A text that has fewer tokens is its own one shingle.
    """
    if ((counts > 0) & (counts < size)).any():
        tokens, counts = _padded(tokens, counts, size)
    each = np.maximum(counts - size + 1, 0)
    if tokens.size < size:
        return np.zeros(0, np.uint64), each
    rolled = _rolled(tokens, size)
    begins = np.cumsum(counts) - counts
    shifts = begins - (np.cumsum(each) - each)
    return rolled[np.arange(each.sum()) + np.repeat(shifts, each)], each


def _rolled(tokens: Hashes, size: int) -> Hashes:
    many = tokens.size - size + 1
    rolled = tokens[:many].copy()
    for at in range(1, size):
        rolled *= _STEP
        rolled += tokens[at : at + many]
    return scrambled(rolled)


def _padded(tokens: Hashes, counts: Places, size: int) -> tuple[Hashes, Places]:
    wide = np.where(counts > 0, np.maximum(counts, size), 0)
    filled = np.full(wide.sum(), _PADDING)
    shifts = (np.cumsum(wide) - wide) - (np.cumsum(counts) - counts)
    filled[np.arange(tokens.size) + np.repeat(shifts, counts)] = tokens
    return filled, wide


def _words(codes: npt.NDArray[np.uint32 | np.uint8]) -> tuple[Places, Hashes]:
    """Return where each word begins, and its hash."""
    kinds = _kinds()[codes if codes.dtype == np.uint8 else np.minimum(codes, 0x10000)]
    inside, alone = kinds == _WORD, kinds == _ALONE
    first, last = inside.copy(), inside.copy()
    first[1:] &= ~inside[:-1]
    last[:-1] &= ~inside[1:]
    starts = np.flatnonzero(first | alone)
    ends = np.flatnonzero(last | alone) + 1
    up, down = _powers(1 << max(codes.size, 1).bit_length())
    sums = np.zeros(codes.size + 1, np.uint64)
    np.cumsum((codes.astype(np.uint64) + np.uint64(1)) * up[: codes.size], out=sums[1:])
    return starts, scrambled((sums[ends] - sums[starts]) * down[starts])


@cache
def _powers(many: int) -> tuple[Hashes, Hashes]:
    """Return the powers of a letter's factor, and of its inverse modulo 2^64."""
    inverse = np.uint64(pow(int(_LETTER), -1, 1 << 64))
    up, down = np.full(many, _LETTER), np.full(many, inverse)
    up[0] = down[0] = 1
    return np.cumprod(up), np.cumprod(down)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """Return for each code point whether it parts words, is in one, or stands for one.

    Beyond the first plane (more Han, emoji, old scripts) each stands for one.
    """
    table = np.full(0x10001, _WORD, np.uint8)
    for code in range(0x10000):
        kind = unicodedata.category(chr(code))
        if kind[0] in "PZ" or kind in ("Cc", "Cf"):
            table[code] = _APART
        elif kind[0] == "S":
            table[code] = _ALONE
    for begin, end in _WITHOUT_SPACES:
        run = table[begin : end + 1]
        run[run == _WORD] = _ALONE
    table[0x10000] = _ALONE
    return table


def _codes(text: str) -> npt.NDArray[np.uint32 | np.uint8]:
    if text.isascii():
        return np.frombuffer(text.encode(), np.uint8)
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


def scrambled(hashes: Hashes) -> Hashes:
    """Return what differs spread over all bits (SplitMix64, Steele et al. 2014), in the same array."""
    hashes ^= hashes >> np.uint64(30)
    hashes *= np.uint64(0xBF58476D1CE4E5B9)
    hashes ^= hashes >> np.uint64(27)
    hashes *= np.uint64(0x94D049BB133111EB)
    hashes ^= hashes >> np.uint64(31)
    return hashes


def _portions(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield (begin, end) of runs of texts that fit into a batch; a long text is alone."""
    begin, size = 0, 0
    for at, text in enumerate(texts):
        if at > begin and size + len(text) > BATCH_CHARS:
            yield begin, at
            begin, size = at, 0
        size += len(text) + 1
    if begin < len(texts):
        yield begin, len(texts)


def _pieces(text: str) -> Iterator[str]:
    """Yield a long text in pieces, cut at white space where there is some near the end."""
    begin = 0
    while begin < len(text):
        end = begin + BATCH_CHARS
        if end < len(text):
            gaps = [gap.end() for gap in _GAP.finditer(text, end - 4096, end)]
            end = gaps[-1] if gaps else end
        yield text[begin:end]
        begin = end


def _joined(parts: Sequence[npt.NDArray[np.generic]], kind: type) -> npt.NDArray[Any]:
    return np.concatenate(parts) if parts else np.zeros(0, kind)
