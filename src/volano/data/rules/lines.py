"""C4's rules on lines: some lines go, and some texts go for one line (Raffel et al. 2020, 2.2).

Its list of bad words is not here: it is of English, and drops what speaks of a body or a people.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from volano.data.rules.families import C4_22
from volano.data.rules.measures import TERMINAL
from volano.data.rules.words import words_of

LEAST_LINE_WORDS = 5
_CITED = re.compile(
    r"\[(?:\d{0,3}|edit|citation needed|nincs forrás|источник не указан|来源请求)\]"
)


@dataclass(frozen=True, slots=True)
class LineRule:
    """What C4 takes out. `drops` says what: a line, or the whole text."""

    name: str
    drops: str
    says: str
    source: str = C4_22


C4_LINES: tuple[LineRule, ...] = (
    LineRule("c4.lorem_ipsum", "text", "a text that says lorem ipsum"),
    LineRule("c4.curly", "text", "a text with a curly bracket: code"),
    LineRule("c4.not_ended", "line", "a line that does not end as a sentence does"),
    LineRule("c4.few_words", "line", f"a line of fewer than {LEAST_LINE_WORDS} words"),
    LineRule("c4.javascript", "line", "a line that speaks of JavaScript"),
    LineRule("c4.policy", "line", "a line about terms, privacy or cookies"),
    LineRule("c4.citation", "mark", "a mark of Wikipedia such as [1] or [citation needed]"),
)

POLICY: Mapping[str, tuple[str, ...]] = {
    "en": ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies",
           "use cookies"),
    "de": ("nutzungsbedingungen", "datenschutzerklärung", "verwendet cookies",
           "verwendung von cookies", "cookie-richtlinie"),
    "hu": ("felhasználási feltételek", "adatvédelmi tájékoztató", "adatvédelmi nyilatkozat",
           "sütiket használ", "cookie-kat használ", "sütik használat"),
    "ru": ("условия использования", "политика конфиденциальности", "политику конфиденциальности",
           "использует файлы cookie", "использует cookie", "использование файлов cookie"),
    "zh": ("使用条款", "隐私政策", "隐私权政策", "使用cookie", "使用 cookie", "cookie政策"),
}  # fmt: skip
"""English: C4's own list. The others say the same (ours)."""
_POLICY = re.compile("|".join(re.escape(one) for of in POLICY.values() for one in of))


def cleaned(text: str) -> tuple[str, list[str]]:
    """Return the text without what C4 takes out, and the rules that took something.

    A rule on the whole text leaves nothing, and is the only one named.
    """
    lowered = text.lower()
    if "lorem ipsum" in lowered:
        return "", ["c4.lorem_ipsum"]
    if "{" in text:
        return "", ["c4.curly"]
    plain = _CITED.sub("", text) if "[" in text else text
    used = {"c4.citation": None} if plain != text else {}
    kept = []
    for line in plain.split("\n"):
        why = next(_faults(line.strip()), None) if line.strip() else None
        if why is None:
            kept.append(line)
        else:
            used[why] = None
    if not any(why != "c4.citation" for why in used):
        return plain, list(used)
    return re.sub("\n{3,}", "\n\n", "\n".join(kept)).strip("\n"), list(used)


def _faults(line: str) -> Iterator[str]:
    if not line.endswith(TERMINAL) or line.endswith("..."):
        yield "c4.not_ended"
    if len(words_of(line)[0]) < LEAST_LINE_WORDS:
        yield "c4.few_words"
    lowered = line.lower()
    if "javascript" in lowered:
        yield "c4.javascript"
    if _POLICY.search(lowered):
        yield "c4.policy"
