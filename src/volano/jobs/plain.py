"""Plain JSON values and files: what steps hand on, and how they reach the disk whole."""

import json
import os
from pathlib import Path
from typing import Any

from volano.jobs.errors import NotPlainError, StepValueTooLargeError

MAX_BYTES = 1 << 20


def dumps(value: Any, what: str = "The value") -> str:
    """Return the value as JSON, its keys sorted.

    Raises:
        NotPlainError: it holds something that JSON has no word for (also NaN
            and lone surrogates).
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotPlainError(what=what, why=error) from error
    return text


def plain(value: Any, what: str = "The value") -> Any:
    """Return the value as it reads after a trip through JSON, so that a replay gives the same.

    Raises:
        NotPlainError: it is not plain JSON.
        StepValueTooLargeError: its JSON is larger than 1 MiB.
    """
    text = dumps(value, what)
    size = len(text.encode())
    if size > MAX_BYTES:
        raise StepValueTooLargeError(what=what, size=size, limit=MAX_BYTES)
    return json.loads(text)


def read_object(path: Path) -> dict[str, Any] | None:
    """Return the JSON object in a file; None when the file is missing or holds none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write_object(path: Path, value: dict[str, Any]) -> None:
    """Write the file whole or not at all, and have it on the disk when this returns."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(dumps(value, path.name))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
