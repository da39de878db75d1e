"""JSON in answers: one object and nothing else, and when two values are the same."""

from functools import lru_cache
from typing import Any

from volano.core.canon import NotCanonicalError, canonical
from volano.data.sources import loads_strict


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


def same(said: Any, wanted: Any) -> bool:
    """Whether two JSON values are equal; `true` is not 1, and half a surrogate equals nothing."""
    if type(said) is str and said == wanted and said.isascii():
        return True
    try:
        return canonical(said) == canonical(wanted)
    except (NotCanonicalError, RecursionError):
        return False
