"""Strict reading, for `data add`: CSV and JSONL become raw rows, all of them or none.

A file is read to its end before anything is kept; the first thing that is
wrong stops it, with the line and what to do. Columns are found by name:
`text` and `label`, or their usual other names; the others are kept as they are,
but for what JSON cannot say (see `sound`): of a number beyond 2^53 - 1 the digits as text.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from volano.data.errors import (
    AmbiguousColumnError,
    BadCsvError,
    BadJsonError,
    ColumnClashError,
    DuplicateColumnError,
    MissingColumnError,
    NoRowsError,
    RaggedRowError,
    UnknownFormatError,
    UnsoundValueError,
)
from volano.data.lines import MAX_FILE, MAX_LINE, read_lines
from volano.data.sources.jsons import DuplicateKeyError, loads_strict
from volano.data.sources.limits import Limits
from volano.data.sources.sound import UnsoundError, sound

COLUMNS = {
    "text": ("text", "input", "question", "prompt", "message", "utterance"),
    "label": ("label", "category", "intent", "answer", "output", "completion"),
}
"""What a column of texts, and one of labels, is called; the first name wins over the others."""

_DEPTH = Limits().depth
_OURS = ("origin", "split")
"""What a row of ours says of itself: this file is where it comes from now, and splits are made anew."""

Found = tuple[int, dict[str, Any]]
"""A line number (of the row's first line) and the row's columns."""


def read(
    path: Path | str,
    *,
    text: str | None = None,
    label: str | None = None,
    max_file: int = MAX_FILE,
    max_line: int = MAX_LINE,
) -> list[dict[str, Any]]:
    """Return the rows of a CSV, TSV or JSONL file with `text`, `label` and their other columns.

    `text` and `label` name the columns where the usual names do not; another column
    of that name is `source_text` or `source_label` then. Columns without a name, as of
    row numbers, are left out. A field in quotes may hold line ends; each line may have `max_line` bytes.

    Raises:
        UnknownFormatError: the name ends in none of .csv .tsv .jsonl .ndjson.
        MissingColumnError, AmbiguousColumnError, DuplicateColumnError,
            RaggedRowError: the columns; a row that lacks one is named.
        ColumnClashError: there is a `source_text` or `source_label` already.
        UnsoundValueError: another column has a value that JSON cannot say.
        BadCsvError, BadJsonError: a line that does not parse.
        NoRowsError: an empty file, or a header alone.
        SourceNotFoundError and the others of `lines.read_lines`: the file itself.
    """
    path = Path(path)
    parse = _FORMATS.get(path.suffix.lower())
    if parse is None:
        raise UnknownFormatError(path=path)
    rows = list(parse(read_lines(path, max_file=max_file, max_line=max_line), path))
    if not rows:
        raise NoRowsError(path=path.name)
    return _select(rows, path, {"text": text, "label": label})


def _csv(lines: Iterable[tuple[int, str]], path: Path, delimiter: str = ",") -> Iterator[Found]:
    reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
    header: list[str] = []
    for line, cells in _cells(reader, path):
        if not header:
            header = _header(cells, line, path)
        elif len(cells) != len(header):
            raise _ragged(cells, header, line, path)
        else:
            yield line, dict(zip(header, cells, strict=True))


def _tsv(lines: Iterable[tuple[int, str]], path: Path) -> Iterator[Found]:
    return _csv(lines, path, delimiter="\t")


def _cells(reader: Any, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of cells with the line it begins in; blank lines are no rows."""
    begins = 1
    try:
        for cells in reader:
            if cells and (len(cells) > 1 or cells[0].strip()):
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise BadCsvError(line=begins, path=path.name, reason=_plain(error)) from error


def _plain(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quote is opened and never closed"
    if "field limit" in text:
        return f"a field is longer than {csv.field_size_limit()} characters (an open quote?)"
    return text


def _header(cells: Sequence[str], line: int, path: Path) -> list[str]:
    names = [cell.strip() for cell in cells]
    for name, count in Counter(names).items():
        if count > 1:
            raise DuplicateColumnError(path=path.name, column=name, line=line)
    return names


def _ragged(cells: Sequence[str], header: Sequence[str], line: int, path: Path) -> RaggedRowError:
    lacking = ", ".join(f"`{name}`" for name in header[len(cells) :])
    advice = f"It lacks {lacking}." if lacking else "A text with commas must stand in quotes."
    return RaggedRowError(
        line=line, path=path.name, got=len(cells), want=len(header), advice_=advice
    )


def _jsonl(lines: Iterable[tuple[int, str]], path: Path) -> Iterator[Found]:
    for number, line in lines:
        if line.strip():
            yield number, _object(line, number, path)


def _object(line: str, number: int, path: Path) -> dict[str, Any]:
    try:
        value = loads_strict(line)
    except DuplicateKeyError as error:
        raise DuplicateColumnError(path=path.name, column=error, line=number) from error
    except (ValueError, RecursionError) as error:
        reason = "it nests too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadJsonError(line=number, path=path.name, reason=reason) from error
    if not isinstance(value, dict):
        raise BadJsonError(line=number, path=path.name, reason="it is another kind of value")
    return value


def _select(
    rows: Sequence[Found], path: Path, named: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    columns = {
        role: name if name is not None else _guess(role, rows[0], path)
        for role, name in named.items()
    }
    selected = []
    for line, cells in rows:
        for column in columns.values():
            if column not in cells:
                raise _missing(line, column, cells, path)
        for name in columns:
            other = f"source_{name}"
            if {name, other} <= cells.keys() - set(columns.values()):
                raise ColumnClashError(path=path.name, column=other, other=name, line=line)
        more = {
            f"source_{name}" if name in columns else name: _sound(value, name, line, path)
            for name, value in cells.items()
            if name and name not in columns.values() and name not in _OURS
        }
        selected.append(more | {role: cells[column] for role, column in columns.items()})
    return selected


def _sound(value: Any, name: str, line: int, path: Path) -> Any:
    try:
        return sound(value, _DEPTH)
    except UnsoundError as error:
        why = str(error) or error.reason
        raise UnsoundValueError(line=line, path=path.name, column=name, why=why) from error


def _guess(role: str, first: Found, path: Path) -> str:
    line, cells = first
    if role in cells:
        return role
    usual = [name for name in cells if name.casefold() in COLUMNS[role]]
    if len(usual) > 1:
        raise AmbiguousColumnError(path=path.name, role=role, columns=", ".join(usual))
    if not usual:
        raise _missing(line, role, cells, path)
    return usual[0]


def _missing(line: int, column: str, cells: Mapping[str, Any], path: Path) -> MissingColumnError:
    return MissingColumnError(
        line=line, path=path.name, column=column, columns=", ".join(cells) or "nothing"
    )


_FORMATS = {".csv": _csv, ".tsv": _tsv, ".jsonl": _jsonl, ".ndjson": _jsonl}
