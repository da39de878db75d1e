"""Files of feedback: CSV with a header line, or a JSON object a line, as what `give` takes.

Columns are found by name. What it is about stands in `on` (`order:4711`), in
`trace_id`, `span_id`, `session` or `user`, or in a column that `key` names:
`--key order` takes the column `order` as an own key.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from volano.feedback.errors import BadFileError

MAX_BYTES = 256 << 20
TAKEN = (
    *("name", "value", "comment", "correction", "source", "source_name", "confidence"),
    *("at", "idempotency_key", "probability"),
)
_OTHER_NAMES = {"metric": "name", "time": "at", "timestamp": "at", "id": "idempotency_key"}


def read(path: Path, *, key: str = "") -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each row's line number and what `give` takes of it.

    A row without an `id` gets one from its content and from how many equal rows came before
    it, so that the same file again, or a longer one with the same beginning, counts once.

    Raises:
        BadFileError: not CSV or JSONL, no UTF-8, too large.
    """
    seen: Counter[str] = Counter()
    for line, row in _rows(path):
        given = _given(row, key)
        if "idempotency_key" not in given:
            content = json.dumps(given, sort_keys=True, ensure_ascii=False, default=str)
            seen[content] += 1
            given["idempotency_key"] = f"{seen[content]} {content}"
        yield line, given


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    kind = path.suffix.lower()
    if kind not in (".csv", ".jsonl", ".ndjson"):
        raise BadFileError(name=path.name, why="its name ends neither in .csv nor in .jsonl")
    if path.stat().st_size > MAX_BYTES:
        raise BadFileError(name=path.name, why=f"it has more than {MAX_BYTES >> 20} MiB")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if kind == ".csv":
                reader = csv.DictReader(file, strict=True)
                for row in reader:
                    yield reader.line_num, {k: v for k, v in row.items() if k and v is not None}
            else:
                for line, text in enumerate(file, 1):
                    if text.strip():
                        yield line, _object(text, line, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadFileError(name=path.name, why=str(error)[:120]) from error


def _object(text: str, line: int, path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadFileError(name=path.name, why=f"line {line} is no JSON") from error
    if not isinstance(value, dict):
        raise BadFileError(name=path.name, why=f"line {line} is no JSON object")
    return value


def _given(row: Mapping[str, Any], key: str) -> dict[str, Any]:
    named = {_OTHER_NAMES.get(name.strip(), name.strip()): value for name, value in row.items()}
    given = {name: named[name] for name in TAKEN if named.get(name) not in (None, "")}
    return {"subject": _about(named, key), **given}


def _about(named: Mapping[str, Any], key: str) -> str:
    for name in ("on", "subject"):
        if named.get(name):
            return str(named[name]).strip()
    if key and named.get(key) not in (None, ""):
        return f"{key}:{str(named[key]).strip()}"
    trace = str(named.get("trace_id") or "").strip()
    if trace and named.get("span_id"):
        return f"span:{trace}/{str(named['span_id']).strip()}"
    if trace:
        return f"trace:{trace}"
    for name in ("session", "user"):
        if named.get(name):
            return f"{name}:{str(named[name]).strip()}"
    return ""
