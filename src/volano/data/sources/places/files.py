"""Files by name or pattern, and whole folders.

{files: "raw/**/*.jsonl.gz", columns: {text: body, label: intent}}
{folder: docs/, exclude: ["drafts/**"], rows: paragraph}
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from volano.data.errors import NoFilesError, SourceNotFoundError
from volano.data.sources.piece import Piece
from volano.data.sources.pieces import (
    CHEAP_BYTES,
    Columns,
    columns_of,
    digest,
    read_pieces,
    stamp,
)
from volano.data.sources.reading import READING_KEYS, Reading, reading_of
from volano.data.sources.source import SOURCES, Around, Reject, Source, set_aside
from volano.data.sources.spec import check_keys, flag, text, texts
from volano.data.sources.walk import Found, fixed_part, walk
from volano.data.step import Record

KEYS = ("columns", "exclude", "hidden", "outside", *READING_KEYS)


@dataclass(slots=True)
class Files:
    """Files below folders. With a state, only those that are new or other than then."""

    root: Path
    patterns: tuple[tuple[str, str], ...]
    """Folder and pattern below it."""
    reading: Reading
    columns: Columns
    exclude: tuple[str, ...] = ()
    hidden: bool = False
    outside: bool = False
    since: Mapping[str, Any] | None = None
    _known: dict[str, Any] = field(default_factory=dict, init=False)
    _read: list[tuple[Piece, tuple[int, int]]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        self._known = dict((self.since or {}).get("files", {}))

    def rows(self, reject: Reject) -> Iterator[Record]:
        """Yield the rows of one file after the other, in the order of their names.

        Raises:
            NoFilesError: a pattern names none.
            SourceNotFoundError: the folder is not there.
        """
        return read_pieces(self._pieces(reject), self.reading, self.columns, reject)

    def fingerprint(self) -> str:
        """Return a digest of the names and contents of all files."""
        told = hashlib.sha256()
        for found in self._found():
            content = found.reason or digest(found.path)
            told.update(f"{found.name}\0{content}\n".encode(errors="replace"))
        return told.hexdigest()

    def state(self) -> Mapping[str, Any]:
        """Return the digest of each file that was read to its end and is still the same."""
        for piece, before in self._read:
            self._known.pop(piece.name, None)
            with suppress(OSError):
                known = piece.origin.get("sha256") or digest(piece.path)
                if stamp(piece.path) == before:
                    self._known[piece.name] = known
        self._read.clear()
        return {"files": dict(sorted(self._known.items()))}

    def _pieces(self, reject: Reject) -> Iterator[Piece]:
        for found in self._found():
            origin: dict[str, Any] = {"source": found.name}
            if found.reason:
                set_aside(reject, origin, found.reason, found.detail or None)
                continue
            try:
                before = stamp(found.path)
                if before[0] <= CHEAP_BYTES or self.since is not None:
                    origin["sha256"] = digest(found.path)
            except OSError as error:
                set_aside(reject, origin, "unreadable", error.strerror or str(error))
                continue
            if self.since and self.since.get("files", {}).get(found.name) == origin["sha256"]:
                continue
            piece = Piece(found.path, found.name, origin)
            yield piece
            self._read.append((piece, before))

    def _found(self) -> Iterator[Found]:
        seen: set[Path] = set()
        for given, pattern in self.patterns:
            fixed, number = PurePosixPath(given).as_posix(), 0
            folder = self.root / given
            if not folder.is_dir():
                raise SourceNotFoundError(path=given)
            outside = Path(given).is_absolute() or ".." in Path(given).parts
            prefix = f"{fixed}/" if fixed != "." and not outside else ""
            for found in walk(
                folder, pattern, exclude=self.exclude, prefix=prefix, hidden=self.hidden,
                outside=self.outside,
            ):  # fmt: skip
                number += 1
                if found.path not in seen:
                    seen.add(found.path)
                    yield Found(found.path, prefix + found.name, found.reason, found.detail)
            if not number and self.since is None:
                raise NoFilesError(pattern=f"{prefix}{pattern}")


@SOURCES.register("files")
def by_pattern(spec: Mapping[str, Any], around: Around) -> Source:
    """Open files by name or pattern."""
    return _files(spec, around, tuple(map(fixed_part, texts(spec["files"], "files"))))


@SOURCES.register("folder")
def by_folder(spec: Mapping[str, Any], around: Around) -> Source:
    """Open all files below a folder."""
    return _files(spec, around, ((text(spec["folder"], "folder"), "**"),))


def _files(spec: Mapping[str, Any], around: Around, patterns: tuple[tuple[str, str], ...]) -> Files:
    kind = next(name for name in ("files", "folder") if name in spec)
    check_keys(spec, (kind, *KEYS), f"a source of {kind}")
    return Files(
        around.root, patterns, reading_of(spec), columns_of(spec.get("columns", {})),
        texts(spec["exclude"], "exclude") if "exclude" in spec else (),
        flag(spec.get("hidden", False), "hidden"), flag(spec.get("outside", False), "outside"),
        around.since,
    )  # fmt: skip
