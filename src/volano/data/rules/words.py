"""Words: where a script puts no spaces between them, each character counts as one."""

import re
from collections.abc import Mapping

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Thai, Lao, Burmese, Khmer, kana, Han: they are written without spaces (UAX #29, §4.1)."""
UNSPACED = re.compile(f"[{_UNSPACED}]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile("[\u3040-\u30ff]")
_MIXED = re.compile(f"[{_UNSPACED}]|[^\\s{_UNSPACED}]+")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


STOP_WORDS: Mapping[str, frozenset[str]] = {
    "en": _set("the be to of and that have with"),
    "de": _set("der die das und in zu den mit ist nicht von ein eine sich auf für"),
    "hu": _set("a az és hogy nem is egy de van meg ez csak már vagy mint volt"),
    "ru": _set("и в не на что с как по это к но за из у от для"),
    "zh": _set("的 了 是 在 不 和 有 我 这 个 人 他 一 们 为 以"),
}
"""Those of English are Gopher's (Rae et al. 2021, A.1.1); the others are the commonest function words, ours."""
ANY_STOP_WORDS = tuple(STOP_WORDS.values())


def words_of(text: str) -> tuple[list[str], bool]:
    """Return the words of a text, and whether most of them are single characters of a script without spaces."""
    if text.isascii() or not UNSPACED.search(text):
        return text.split(), False
    words = _MIXED.findall(text)
    alone = len(UNSPACED.findall(text))
    return words, 2 * alone > len(words)


def script_language(text: str) -> str:
    """Return `zh` or `ja` when the characters say so, else nothing."""
    if text.isascii() or not UNSPACED.search(text):
        return ""
    if _KANA.search(text):
        return "ja"
    return "zh" if 2 * len(_HAN.findall(text)) > len(text.split()) else ""
