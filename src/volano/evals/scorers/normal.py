"""Texts that mean the same, written the same way: letters, width, case, punctuation, spaces."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Literal, TypeAlias

from volano.evals.scorers.one import Likeness, check_choice
from volano.evals.scoring import SCORERS, BadScorerError

Form: TypeAlias = Literal["NFC", "NFKC"]

ARTICLES = {
    "de": "der die das den dem des ein eine einen einem einer eines",
    "en": "a an the",
    "es": "el la los las un una unos unas",
    "fr": "le la les un une des",
    "hu": "a az egy",
    "it": "il lo la i gli le un uno una",
    "nl": "de het een",
    "pt": "o a os as um uma uns umas",
}
"""Words that stand before nouns and change nothing; Chinese and Russian have none."""

NUMBER = re.compile(r"((?<!\w)-?\d+(?:[.,:/]\d+)*)")
KEPT = 10_000
"""Characters up to which a spelling is remembered: several scorers ask for the same."""
ALONE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Characters of scripts that write no spaces between words: each is a word of its own."""


class _Marks(dict[int, str | None]):
    """A table for `str.translate`: punctuation becomes a space, apostrophes nothing."""

    def __missing__(self, code: int) -> str | None:
        kind = unicodedata.category(chr(code))
        told = " " if kind[0] == "P" or kind == "Sk" else chr(code)
        if chr(code) in "'’ʼ":
            told = ""
        self[code] = told
        return told


_MARKS = _Marks()
_TURKISH = str.maketrans({"I": "ı", "İ": "i"})
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_DIGIT = re.compile(r"\d")
_MINUS = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2010": "-", "\u2011": "-"})


def normal(
    text: str,
    *,
    form: Form = "NFKC",
    case: bool = True,
    punctuation: bool = True,
    spaces: bool = True,
    language: str = "",
    articles: bool = False,
) -> str:
    """Return a text in one spelling; each keyword says what no longer matters.

    Case is folded as Unicode says (`ß` is `ss`), for `tr` and `az` with their own
    dotless i. Punctuation within a number stays. Source: Unicode 16, sections 3.13 and 5.18; UAX 15.
    """
    spell = _kept if len(text) <= KEPT else _spelt
    text = spell(text, form, case, punctuation, language)
    if articles:
        dropped = set(ARTICLES[language].split())
        text = " ".join(word for word in text.split() if word not in dropped)
    return " ".join(text.split()) if spaces or punctuation else text


def _spelt(text: str, form: Form, case: bool, punctuation: bool, language: str) -> str:
    plain = text.isascii()
    if not plain:
        text = unicodedata.normalize(form, _UNSEEN.sub("", text))
    if case and language in {"tr", "az"}:
        text = text.translate(_TURKISH)
    if case and plain:
        text = text.casefold()
    elif case:
        text = unicodedata.normalize(form, text.casefold().replace("i\u0307", "i"))
    if not punctuation:
        return text
    text = text if plain else text.translate(_MINUS)
    if not _DIGIT.search(text):
        return text.translate(_MARKS)
    parts = NUMBER.split(text)
    parts[::2] = [part.translate(_MARKS) for part in parts[::2]]
    return "".join(parts)


_kept = lru_cache(maxsize=512)(_spelt)


def words(text: str) -> list[str]:
    """Return the words of a text, normalised; of Han, kana and Thai each character is one."""
    return ALONE.sub(r" \g<0> ", normal(text)).split()


@SCORERS.register("normalised")
@dataclass(frozen=True)
class Normalised(Likeness):
    """1 when answer and label are the same text after both are written in one way.

    What no longer matters: `form` `NFKC` makes full-width letters, ligatures and the like plain
    (`NFC` only composes accents); `case`; `punctuation` (not that within numbers: 1,5 is not 15);
    `spaces`; `articles` of the `language`, when asked for. German `ß` is `ss`. Turkish `I` is `ı` and
    `İ` is `i` only with `language: tr`. Invisible characters never count.
    """

    name: ClassVar[str] = "normalised"

    form: Form = "NFKC"
    case: bool = True
    punctuation: bool = True
    spaces: bool = True
    language: str = ""
    articles: bool = False

    def __post_init__(self) -> None:
        check_choice(self.name, "form", self.form, ("NFC", "NFKC"))
        if self.articles and self.language not in ARTICLES:
            why = f"articles are known of: {', '.join(ARTICLES)}"
            raise BadScorerError(name=self.name, why=why)

    def like(self, said: str, wanted: str) -> float:
        """Return 1 where both are the same in one spelling."""
        return float(said == wanted or self._normal(said) == self._normal(wanted))

    def _normal(self, text: str) -> str:
        return normal(
            text, form=self.form, case=self.case, punctuation=self.punctuation,
            spaces=self.spaces, language=self.language, articles=self.articles,
        )  # fmt: skip
