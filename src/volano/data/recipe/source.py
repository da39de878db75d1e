"""Sources as a recipe sees them: the port, and the plain ones.

The room `data.sources` opens files, URLs, databases and traces; this module
opens what a recipe written in Python brings along (`rows`), and JSON Lines.
"""

import hashlib
import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from volano.core.canon import canonical
from volano.data.recipe.errors import UnknownSourceError
from volano.data.recipe.shard import row_of
from volano.data.sources import loads_strict
from volano.data.step import Record, Rejected

MAX_LINE = 16 * 2**20
_PATHS = ("path", "paths", "file", "files", "folder", "folders", "glob")


class Source(Protocol):
    """Where rows come from."""

    def rows(self, reject: Callable[[Rejected], None]) -> Iterator[Record]:
        """Yield rows, each with its `origin`; what is no row goes to `reject`."""
        ...

    def fingerprint(self) -> str:
        """Name the content: another name when it may have changed."""
        ...

    def state(self) -> Mapping[str, Any]:
        """Return what a later reading needs in order to read only what is new."""
        ...


Opener = Callable[[Mapping[str, Any]], Source]


def opener_of(dotted: str) -> Opener:
    """Return the function that `module:name` says: how a child process is told to open sources."""
    module, _, name = dotted.partition(":")
    found: Opener = getattr(importlib.import_module(module), name)
    return found


def open_source(spec: Mapping[str, Any], *, state: Mapping[str, Any] | None = None) -> Source:  # noqa: ARG001 - the agreed signature
    """Open `rows: [...]` or `path: FILE.jsonl`.

    Raises:
        UnknownSourceError: it is something else.
    """
    if isinstance(spec.get("rows"), list):
        return RowSource(spec["rows"])
    if isinstance(spec.get("path"), str):
        return JsonLines(Path(spec["path"]))
    raise UnknownSourceError(where=json.dumps(dict(spec))[:100], why="no source reads this")


def located(spec: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the spec with its relative paths counted from a folder: the recipe's own."""
    return {key: _located(value, folder) if key in _PATHS else value for key, value in spec.items()}


def _located(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_located(item, folder) for item in value]
    return str(folder / value) if isinstance(value, str) and "://" not in value else value


class RowSource:
    """Rows that stand in the recipe itself."""

    def __init__(self, rows: list[Any]):
        self._rows = rows

    def rows(self, reject: Callable[[Rejected], None]) -> Iterator[Record]:
        """Yield each object; `origin` is its place."""
        for at, row in enumerate(self._rows):
            if isinstance(row, Mapping):
                yield {"origin": {"row": at}, **row}
            else:
                reject(Rejected({"value": row, "origin": {"row": at}}, "collect", "not an object"))

    def fingerprint(self) -> str:
        """Return the digest of the rows."""
        return hashlib.sha256(canonical(self._rows)).hexdigest()

    def state(self) -> Mapping[str, Any]:
        """Nothing: all rows are read each time."""
        return {}


class Gathered:
    """Rows of a dataset that its Run has written out; they keep the origin they were given."""

    def __init__(self, path: Path, digest: str):
        self._path = path
        self._digest = digest

    def rows(self, reject: Callable[[Rejected], None]) -> Iterator[Record]:  # noqa: ARG002 - none is bad
        """Yield the rows."""
        with self._path.open("rb") as file:
            yield from map(row_of, file)

    def fingerprint(self) -> str:
        """Return the dataset's digest."""
        return self._digest

    def state(self) -> Mapping[str, Any]:
        """Nothing: a version never changes."""
        return {}


class JsonLines:
    """A file of JSON objects, one in each line; what is none is set aside with the line's number."""

    def __init__(self, path: Path):
        self._path = path

    def rows(self, reject: Callable[[Rejected], None]) -> Iterator[Record]:
        """Yield the objects.

        Raises:
            UnknownSourceError: the file cannot be read.
        """
        for number, line in self._lines():
            origin = {"file": self._path.name, "line": number}
            row, why = _object(line)
            if row is not None:
                yield {**row, "origin": origin}
            elif why:
                shown = line[:1000].decode(errors="replace")
                reject(Rejected({"line": shown, "origin": origin}, "collect", why))

    def fingerprint(self) -> str:
        """Return the sha256 of the file: the same on every machine.

        Raises:
            UnknownSourceError: the file cannot be read.
        """
        try:
            with self._path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._unread(error) from error

    def state(self) -> Mapping[str, Any]:
        """Nothing: the file is read each time."""
        return {}

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield each line with its number; of one that is too long, only the beginning."""
        try:
            with self._path.open("rb") as file:
                number = 0
                while line := file.readline(MAX_LINE + 1):
                    number += 1
                    yield number, line
                    while len(line) > MAX_LINE and not line.endswith(b"\n"):
                        line = file.readline(MAX_LINE + 1)
        except OSError as error:
            raise self._unread(error) from error

    def _unread(self, error: OSError) -> UnknownSourceError:
        return UnknownSourceError(where=self._path.name, why=error.strerror or str(error))


def _object(line: bytes) -> tuple[Record | None, str]:
    """Return the object in a line, or why there is none; neither for an empty line."""
    if len(line) > MAX_LINE:
        return None, "line too long"
    try:
        text = line.decode("utf-8-sig").strip()
        value = loads_strict(text) if text else None
    except UnicodeDecodeError:
        return None, "not UTF-8"
    except (ValueError, RecursionError):
        return None, "not JSON"
    if isinstance(value, dict):
        return value, ""
    return None, "not an object" if text else ""
