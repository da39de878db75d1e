"""Columns as the steps read them: a text, or the texts in a conversation."""

from collections.abc import Callable
from typing import Any

from volano.data.errors import BadStepError
from volano.data.step import Notes, Record

NO_TEXT = "no text"
EMPTY = "empty text"
DEEPEST = 20
"""Lists in objects in lists: no row of words goes deeper."""


def text_in(row: Record, column: str, notes: Notes) -> str | None:
    """Return the column's text; a row that has none there is dropped, and None returned."""
    value = row.get(column)
    if isinstance(value, str):
        return value
    what = "is missing" if value is None else f"holds a {type(value).__name__}"
    notes.drop(row, NO_TEXT, f"the column {column} {what}")
    return None


def rewritten(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    """Return the value with each text in it changed: a text, or a list or object that holds texts.

    The names in objects stay, and so does the `role` of a message.
    """
    if isinstance(value, str):
        return change(value)
    if depth >= DEEPEST:
        return value
    if isinstance(value, list | tuple):
        return [rewritten(item, change, depth + 1) for item in value]
    if isinstance(value, dict):
        return {
            key: item if key == "role" else rewritten(item, change, depth + 1)
            for key, item in value.items()
        }
    return value


def check_name(step: str, setting: str, value: Any) -> None:
    """See that a setting names a column. Raises BadStepError: it does not."""
    if not isinstance(value, str) or not value:
        raise BadStepError(step=step, setting=setting, why="it is the name of a column")


def check_number(
    step: str, setting: str, value: Any, *, least: float, most: float, whole: bool = False
) -> None:
    """See that a setting is a number within its bounds. Raises BadStepError: it is not."""
    kinds = (int,) if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, kinds) or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise BadStepError(step=step, setting=setting, why=f"it is {kind} of {least:g} to {most:g}")


def check_one_of(step: str, setting: str, value: Any, allowed: tuple[str, ...]) -> None:
    """See that a setting is one of a few words. Raises BadStepError: it is not."""
    if value not in allowed:
        raise BadStepError(step=step, setting=setting, why=f"it is one of {', '.join(allowed)}")


def as_words(step: str, setting: str, value: Any) -> tuple[str, ...]:
    """Return a setting that lists words as a tuple; one word alone is a list of one.

    Raises:
        BadStepError: it holds something else.
    """
    words = (value,) if isinstance(value, str) else value
    if not isinstance(words, list | tuple) or not all(isinstance(w, str) and w for w in words):
        raise BadStepError(step=step, setting=setting, why="it is a list of words")
    return tuple(words)
