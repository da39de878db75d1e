"""Scorers: what one answer is worth beside its label, each a number from 0 to 1.

A scorer returns its scores by name; an empty mapping says that it has nothing
to say on such labels. More come from packages, by the same decorator.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from volano.core.canon import NotCanonicalError, canonical
from volano.core.plugins import Registry
from volano.core.text import nfc
from volano.data import Label
from volano.data.sources import loads_strict


class Scorer(Protocol):
    """Score one answer."""

    def __call__(self, answer: str, label: Label) -> Mapping[str, float]:
        """Return scores in [0, 1] by name; empty when this scorer does not apply."""
        ...


SCORERS: Registry[Scorer] = Registry("scorer")
"""All scorers by name."""

DEFAULT = ("exact_match", "valid_json", "field_accuracy")


@SCORERS.register("exact_match")
def exact_match(answer: str, label: Label) -> Mapping[str, float]:
    """1 when the answer says the label: the same text, or the same JSON value.

    Spaces around a text, and spaces and the order of keys in JSON, do not count.
    """
    if isinstance(label, str):
        return {"exact_match": float(nfc(answer).strip() == nfc(label).strip())}
    return {"exact_match": float(_same(parsed(answer), label))}


@SCORERS.register("valid_json")
def valid_json(answer: str, label: Label) -> Mapping[str, float]:
    """1 when the answer is one JSON object and nothing else; only where labels are objects."""
    if isinstance(label, str):
        return {}
    return {"valid_json": float(parsed(answer) is not None)}


@SCORERS.register("field_accuracy")
def field_accuracy(answer: str, label: Label) -> Mapping[str, float]:
    """For each field of the label, 1 when the answer has the same value in it."""
    if isinstance(label, str):
        return {}
    said = parsed(answer) or {}
    return {
        f"field_accuracy/{name}": float(name in said and _same(said[name], value))
        for name, value in label.items()
    }


@lru_cache(maxsize=256)
def _parsed(answer: str) -> dict[str, Any] | None:
    try:
        value = loads_strict(answer)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def parsed(answer: str) -> dict[str, Any] | None:
    """Return the JSON object that the answer is, or None. Do not change what comes back."""
    return _parsed(answer)


def _same(said: Any, wanted: Any) -> bool:
    """Whether two JSON values are equal; `true` is not 1, and half a surrogate equals nothing."""
    try:
        return canonical(said) == canonical(wanted)
    except (NotCanonicalError, RecursionError):
        return False
