"""A spec: the small mapping that tells a source, as it stands in a recipe; unknown keys are refused."""

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from volano.data.errors import BadSourceError


def check_keys(given: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    """Refuse a key that nothing reads, with the one that was probably meant.

    Raises:
        BadSourceError: a key that is not known.
    """
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            meant = f" (did you mean `{near[0]}`?)" if near else ""
            raise bad(f"{what} has no key `{shown(name)}`{meant}", known)


def bad(why: str, known: Iterable[str] = (), hint: str = "") -> BadSourceError:
    """Return the error of a spec, with what may stand there, or what to do."""
    known = list(known)
    return BadSourceError(
        why=why.rstrip("?"), hint=f"Known keys: {', '.join(known)}." if known else hint
    )


def texts(value: Any, name: str) -> tuple[str, ...]:
    """Return one text, or a list of them, as a tuple.

    Raises:
        BadSourceError: something else.
    """
    items = value if isinstance(value, list | tuple) else [value]
    if not items or not all(isinstance(item, str) and item for item in items):
        raise bad(f"`{name}` is a text or a list of texts")
    return tuple(items)


def text(value: Any, name: str) -> str:
    """Return a text. Raises: BadSourceError: something else."""
    if not isinstance(value, str) or not value:
        raise bad(f"`{name}` is a text")
    return value


def flag(value: Any, name: str) -> bool:
    """Return a yes or no. Raises: BadSourceError: something else."""
    if not isinstance(value, bool):
        raise bad(f"`{name}` is true or false")
    return value


def number(value: Any, name: str) -> int:
    """Return a whole number above zero. Raises: BadSourceError: something else."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise bad(f"`{name}` is a whole number of at least 1")
    return value


def shown(value: Any) -> str:
    """Return a strange value as it may stand in a message."""
    return ascii(value)[:60].strip("'\"")
