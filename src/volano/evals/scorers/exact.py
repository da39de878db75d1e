"""Exactly the label: as a text or a JSON value, whole or field by field."""

from dataclasses import dataclass
from typing import ClassVar

from volano.core.text import nfc
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.scorers.json_value import parsed, same
from volano.evals.scoring import SCORERS, Plain, Scores, Tools


@SCORERS.register("exact_match")
@dataclass(frozen=True)
class ExactMatch(Plain):
    """1 when the answer says the label: the same text, or the same JSON value.

    Spaces around a text, and spaces and the order of keys in JSON, do not count.
    """

    quick: ClassVar[bool] = True

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return `exact_match`."""
        if isinstance(case.label, str):
            equal = nfc(answered.answer).strip() == nfc(case.label).strip()
        else:
            equal = same(parsed(answered.answer), case.label)
        return {"exact_match": float(equal)}


@SCORERS.register("valid_json")
@dataclass(frozen=True)
class ValidJson(Plain):
    """1 when the answer is one JSON object and nothing else; only where labels are objects."""

    quick: ClassVar[bool] = True

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return `valid_json`, or nothing where labels are texts."""
        if isinstance(case.label, str):
            return {}
        return {"valid_json": float(parsed(answered.answer) is not None)}


@SCORERS.register("field_accuracy")
@dataclass(frozen=True)
class FieldAccuracy(Plain):
    """For each field of the label, 1 when the answer has the same value in it."""

    quick: ClassVar[bool] = True

    def score(self, case: Case, answered: Answered, tools: Tools) -> Scores:
        """Return `field_accuracy/NAME` for each field, or nothing where labels are texts."""
        if isinstance(case.label, str):
            return {}
        said = parsed(answered.answer) or {}
        return {
            f"field_accuracy/{name}": float(name in said and same(said[name], value))
            for name, value in case.label.items()
        }
