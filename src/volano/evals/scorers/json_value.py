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
    try:
        return _same(said, wanted)
    except (NotCanonicalError, RecursionError):
        return False


def _same(said: Any, wanted: Any) -> bool:
    """Compare without writing canonical JSON where that is plain: ASCII texts, objects of such keys."""
    if type(said) is str and type(wanted) is str and said.isascii() and wanted.isascii():
        return said == wanted
    if type(said) is dict and type(wanted) is dict and _plain(said) and _plain(wanted):
        return said.keys() == wanted.keys() and all(
            _same(said[name], value) for name, value in wanted.items()
        )
    return canonical(said) == canonical(wanted)


def _plain(value: dict[Any, Any]) -> bool:
    return all(type(key) is str and key.isascii() for key in value)
