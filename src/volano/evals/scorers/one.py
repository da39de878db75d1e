"""What most scorers share: one score of one name, and none where no answer came."""

from dataclasses import dataclass
from typing import Any, ClassVar

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scoring import BadScorerError, Plain, Scores, Tools, Unmeasured, Value


def references(case: Case) -> tuple[str, ...]:
    """Return the texts that would be right: `expected["references"]`, else the label where it is a text."""
    given = case.expected.get("references")
    if isinstance(given, list | tuple) and given:
        return tuple(str(one) for one in given)
    return (case.label,) if isinstance(case.label, str) else ()


def unanswered(answered: Answered) -> Unmeasured | None:
    """Return why nothing can be scored, where no answer came: an error is not a wrong answer."""
    if answered.error is None:
        return None
    return Unmeasured(f"no answer came: {answered.error[:200]}")


def check_choice(scorer: str, setting: str, value: Any, known: tuple[str, ...]) -> None:
    """Refuse a setting that is none of these words.

    Raises:
        BadScorerError: it is none of them.
    """
    if value not in known:
        raise BadScorerError(name=scorer, why=f"`{setting}` is one of {', '.join(known)}")


def check_number(scorer: str, setting: str, value: Any, *, least: float, most: float) -> None:
    """Refuse a setting that is no number between these.

    Raises:
        BadScorerError: it is not.
    """
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not (good and least <= value <= most):
        raise BadScorerError(name=scorer, why=f"`{setting}` is a number from {least:g} to {most:g}")


@dataclass(frozen=True)
class One(Plain):
    """A scorer of one score. `of` gives it, or None where it has nothing to say on such rows."""

    name: ClassVar[str] = ""

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the score of an answer that came."""
        raise NotImplementedError

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return the score under the scorer's name."""
        value = unanswered(answered) or self.of(case, answered, tools)
        return {} if value is None else {self.name: value}


@dataclass(frozen=True)
class Likeness(One):
    """How like the answer is to the label, in [0, 1]; with several references the best counts."""

    def like(self, said: str, wanted: str) -> Value:
        """Return how like two texts are."""
        raise NotImplementedError

    def of(self, case: Case, answered: Answered, tools: Tools) -> Value | None:
        """Return the best likeness to a reference; nothing where labels are objects."""
        found = [self.like(answered.answer, wanted) for wanted in references(case)]
        told = [value for value in found if not isinstance(value, Unmeasured)]
        return max(told) if told else next(iter(found), None)
