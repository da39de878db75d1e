"""Rows of a file in the repository: JSON objects, one a line, or CSV with a head."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from volano.ci.errors import BadRowsError
from volano.core.errors import VolanoError
from volano.data.line import line_of


def rows(data: bytes, path: str, split: str) -> list[dict[str, Any]]:
    """Return the rows that belong to a split, each with the id of its content.

    A row without a `split` belongs to every split.

    Raises:
        BadRowsError: which line is none.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRowsError(path=path, line=data[: error.start].count(b"\n") + 1,
                           why="it is not UTF-8") from error  # fmt: skip
    found = []
    for number, raw in _csv(text, path) if path.lower().endswith(".csv") else _jsonl(text, path):
        if raw.get("split") not in (None, "", split):
            continue
        try:
            line = line_of(dict(raw), number)
        except VolanoError as error:
            raise BadRowsError(path=path, line=number, why=error.message) from error
        found.append({**line.columns, "id": line.id, "split": split})
    return found


def _jsonl(text: str, path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BadRowsError(path=path, line=number, why="it is no JSON") from error
        if not isinstance(row, dict):
            raise BadRowsError(path=path, line=number, why="it is no object")
        yield number, row


def _csv(text: str, path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in table:
            if None in row or None in row.values():
                raise BadRowsError(path=path, line=table.line_num, why="it has other columns")
            yield table.line_num, row
    except csv.Error as error:
        raise BadRowsError(path=path, line=table.line_num, why=str(error)) from error
