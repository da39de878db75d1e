"""Page: a text and what is counted of it, once for all rules."""

from collections import Counter
from collections.abc import Sequence

from volano.data.rules.words import ANY_STOP_WORDS, STOP_WORDS, words_of


class Page:
    """A text with its words and lines. `language` is a BCP 47 tag, or empty when nobody knows it."""

    __slots__ = ("_dup_grams", "_places", "_top", "language", "lines", "text", "unspaced", "words")

    def __init__(self, text: str, language: str = ""):
        self.text, self.language = text, language.partition("-")[0].lower()
        self.words, self.unspaced = words_of(text)
        self.lines = [line for raw in text.split("\n") if (line := raw.strip())]
        self._top: dict[int, float] = {}
        self._dup_grams: dict[int, float] = {}
        self._places: dict[int, list[tuple[int, tuple[str, ...]]]] = {}

    @property
    def paragraphs(self) -> list[str]:
        """What stands between blank lines."""
        parts = self.text.split("\n\n") if "\n\n" in self.text else [self.text]
        return [part for raw in parts if (part := raw.strip())]

    def stop_words(self) -> int | None:
        """How many different stop words there are; None when the language has no list.

        Of a text whose language nobody knows, those of the list that fits best count.
        """
        seen = set(self.words if self.unspaced else self.text.lower().split())
        if self.language:
            own = STOP_WORDS.get(self.language)
            return None if own is None else len(own & seen)
        return max(len(words & seen) for words in ANY_STOP_WORDS)

    def top_gram(self, n: int) -> float:
        """Which share of the characters the commonest n-gram of words makes, when it comes twice."""
        if n not in self._top:
            shorter = self._top.get(n - 1)
            self._top[n] = 0.0 if shorter == 0.0 else self._top_gram(n)
        return self._top[n]

    def _top_gram(self, n: int) -> float:
        size = self._size(n)
        if len(self.words) < size + 1:
            return 0.0
        gram, count = Counter(_grams(self.words, size)).most_common(1)[0]
        return count * sum(map(len, gram)) / len(self.text) if count > 1 else 0.0

    def dup_grams(self, n: int) -> float:
        """Which share of the characters is in n-grams of words that came before (not overlapping)."""
        if n not in self._dup_grams:
            self._dup_grams[n] = self._dups(n)
        return self._dup_grams[n]

    def _dups(self, n: int) -> float:
        size = self._size(n)
        seen: set[tuple[str, ...]] = set()
        next_at = chars = 0
        for at, gram in self._twice(n, size):
            if at < next_at:
                continue
            if gram in seen:
                chars += sum(map(len, gram))
                next_at = at + size
            else:
                seen.add(gram)
        return chars / len(self.text) if chars else 0.0

    def _twice(self, n: int, size: int) -> list[tuple[int, tuple[str, ...]]]:
        """Return place and n-gram wherever one stands that comes twice or more.

        The longer ones begin where shorter ones do, so only those places are looked at.
        """
        if n not in self._places:
            words = self.words
            if n - 1 in self._places:
                last = len(words) - size
                places = [at for at, _ in self._places[n - 1] if at <= last]
                grams = [tuple(words[at : at + size]) for at in places]
            else:
                grams = list(_grams(words, size))
                places = list(range(len(grams)))
            self._places[n] = []
            if len(set(grams)) < len(grams):
                counts = Counter(grams)
                pairs = zip(places, grams, strict=True)
                self._places[n] = [pair for pair in pairs if counts[pair[1]] > 1]
        return self._places[n]

    def _size(self, n: int) -> int:
        """A word of Chinese has two characters or so: its n-grams are twice as many characters."""
        return 2 * n if self.unspaced else n


def _grams(words: Sequence[str], size: int) -> "zip[tuple[str, ...]]":
    return zip(*(words[start:] for start in range(size)), strict=False)


def repeated(parts: Sequence[str]) -> tuple[int, int]:
    """Return how many parts came before, and how many characters they have."""
    if len(set(parts)) == len(parts):
        return 0, 0
    seen: set[str] = set()
    count = chars = 0
    for part in parts:
        if part in seen:
            count += 1
            chars += len(part)
        else:
            seen.add(part)
    return count, chars
