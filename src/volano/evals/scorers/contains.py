"""What is in the answer: the label, some of a list, all of a list, one of the answers allowed."""

from dataclasses import dataclass
from typing import ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.normal import normal, words
from volano.evals.scorers.one import One, check_choice, references
from volano.evals.scoring import SCORERS, BadScorerError, Tools, Value


def spaced(text: str) -> str:
    """Return a text in one spelling with a space around each word, so that words are found whole."""
    return f" {' '.join(words(text))} "


def as_list(scorer: str, setting: str, value: object) -> tuple[str, ...]:
    """Return a setting that is a list of texts.

    Raises:
        BadScorerError: it is none.
    """
    if isinstance(value, str) or not isinstance(value, list | tuple):
        raise BadScorerError(name=scorer, why=f"`{setting}` is a list of texts")
    return tuple(str(one) for one in value)


@SCORERS.register("contains")
@dataclass(frozen=True)
class Contains(One):
    """1 when the answer has the texts in it; case, width and punctuation do not count.

    The texts are `texts`, else the row's `references`, else its label. `need` says whether `any` of
    them is enough, `all` must be there, or `none` may. `words` asks for whole words: `rot` is not in
    `Karotte`. In scripts without spaces every character is a word.
    """

    name: ClassVar[str] = "contains"

    texts: tuple[str, ...] = ()
    need: str = "any"
    words: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", as_list(self.name, "texts", self.texts))
        check_choice(self.name, "need", self.need, ("any", "all", "none"))

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether they are in it; nothing where there is no text to look for."""
        spell = spaced if self.words else normal
        wanted = [spell(one) for one in self.texts or references(case)]
        wanted = [one for one in wanted if one.strip()]
        if not wanted:
            return None
        said = spell(answered.answer)
        found = [one in said for one in wanted]
        return float({"any": any(found), "all": all(found), "none": not any(found)}[self.need])


@SCORERS.register("one_of")
@dataclass(frozen=True)
class OneOf(One):
    """1 when the whole answer is one of those allowed, in one spelling (as `normalised`).

    Allowed are `texts`, else the row's `references`, else its label.
    """

    name: ClassVar[str] = "one_of"

    texts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", as_list(self.name, "texts", self.texts))

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return whether it is one of them."""
        allowed = self.texts or references(case)
        if not allowed:
            return None
        said = normal(answered.answer)
        return float(any(answered.answer == one or said == normal(one) for one in allowed))
