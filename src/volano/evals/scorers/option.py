"""Multiple choice: the letter that an answer chose, whatever it says around it."""

import re
import unicodedata
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.normal import normal
from volano.evals.scorers.one import One, references
from volano.evals.scoring import SCORERS, BadScorerError, Tools, Unmeasured, Value

LOOK = 20_000
SAID = (
    r"(?:final |correct |right |best )?(?:answer|option|choice)(?: is| would be)?",
    r"(?:die )?(?:richtige |korrekte )?(?:antwort|lösung|option)(?: ist| lautet)?",
    r"(?:a )?(?:helyes |jó )?(?:válasz|megoldás)(?: az?)?(?: betűjele)?",
    r"(?:правильный |верный )?(?:ответ|вариант)(?: это| —| –)?",
    r"(?:正确|最终|最佳)?(?:答案|选项)(?:应该|应)?(?:是|为|選|选)?|(?:应该|应|故|所以)?(?:选择|选|選)",
)
"""Words before the letter, by language: English, German, Hungarian, Russian, Chinese."""
LOOKALIKE = str.maketrans("АВСЕНКМОРТХавсенкмортх", "ABCEHKMOPTXabcehkmoptx")


@SCORERS.register("choice")
@dataclass(frozen=True)
class Choice(One):
    r"""1 when the answer chooses the label's letter.

    Found in this order: the answer is the letter alone; the last place where the letter is announced ("the answer is B",
    `Lösung: B`, `helyes válasz: B`, `ответ — Б`, `答案是B`, `\boxed{B}`); the letter first in the answer, with a mark
    (`B)`); a letter in brackets or bold, if it is only one; the text of a single option, where the row has `choices` in
    `expected` (letters with texts, or a list). `letters` are those that can be chosen. Where they are Latin, Cyrillic letters
    that look alike count as Latin. An answer that chooses none, or two, scores 0.
    """

    name: ClassVar[str] = "choice"

    letters: str = "ABCDEFGHIJ"

    def __post_init__(self) -> None:
        letters = self.letters
        if (
            not isinstance(letters, str)
            or not letters.isalnum()
            or len(set(letters)) < len(letters)
        ):
            raise BadScorerError(name=self.name, why="`letters` are letters or digits, each once")

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether it is chosen; unmeasured where the label is no letter."""
        if not (wanted := references(case)):
            return None
        choices = self._choices(case)
        letters = "".join(choices) or self.letters
        right = {chosen(one, letters, choices) for one in wanted} - {None}
        if not right:
            return Unmeasured("the label is none of the letters")
        return float(chosen(answered.answer, letters, choices) in right)

    def _choices(self, case: Case) -> dict[str, str]:
        given = case.expected.get("choices")
        if isinstance(given, Mapping):
            return {str(letter).upper(): str(text) for letter, text in given.items()}
        if isinstance(given, list | tuple):
            return dict(zip(self.letters, map(str, given), strict=False))
        return {}


def chosen(answer: str, letters: str, choices: Mapping[str, str]) -> str | None:
    """Return the letter that an answer chooses, or None."""
    text = unicodedata.normalize("NFKC", answer[-LOOK:]).strip()
    if letters.isascii():
        text = re.sub(r"\b[А-Яа-я]\b", lambda found: found[0].translate(LOOKALIKE), text)
    one = "|".join(map(re.escape, sorted(letters.upper(), key=len)))
    if found := re.fullmatch(rf"[\s*_(\[\"'`]*({one})[\s*_)\].:,;。\"'`]*", text, re.IGNORECASE):
        return found[1].upper()
    if found := _last(rf"\\boxed\{{(?:\\text\{{)?\s*({one})\b", text):
        return found[1].upper()
    said = "|".join(SAID)
    end = rf"[\s:：=*_(\[\"'`]*(?-i:({one}))(?![^\W\d_](?<![\u3400-\u9fff]))(?!['’]\w)"
    if found := _last(rf"(?:{said}){end}", text):
        return found[1].upper()
    if found := re.match(rf"[*_(\[]*({one})[)\].:,](?!\w)", text):
        return found[1].upper()
    apart = {found[1] for found in re.finditer(rf"(?:\(|\*\*|\[)({one})(?:\)|\*\*|\]|[.):])", text)}
    if len(apart) == 1:
        return apart.pop()
    told = f" {normal(text)} "
    inside = [letter for letter, words in choices.items() if words and f" {normal(words)} " in told]
    if not inside and not text.isascii():
        inside = [letter for letter, words in choices.items() if words and normal(words) in told]
    return inside[0] if len(inside) == 1 else None


def _last(pattern: str, text: str) -> re.Match[str] | None:
    return next(iter(deque(re.finditer(pattern, text, re.IGNORECASE), maxlen=1)), None)
