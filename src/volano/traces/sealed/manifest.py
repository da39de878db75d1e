"""The manifest: which sealed files there are, what each holds, and what is wrong with some."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

FOLDER = "sealed"
ASIDE = "aside"


@dataclass(frozen=True, slots=True)
class SealedFile:
    """One file: `path` below the folder of sealed files, times in microseconds UTC.

    `columns` and `squeezed` are lists of names with a comma between; `why` is empty
    while the file is sound.
    """

    path: str
    table: str
    day: str
    rows: int
    bytes: int
    sha256: str
    min_seq: int
    max_seq: int
    min_us: int
    max_us: int
    columns: str
    squeezed: str
    sealed_us: int
    why: str = ""


_FIELDS = tuple(field.name for field in fields(SealedFile))
_NAMES = ", ".join(f'"{name}"' for name in _FIELDS)
_SELECT = f"SELECT {_NAMES} FROM sealed"  # noqa: S608 - constants
_INSERT = f"INSERT INTO sealed ({_NAMES}) VALUES ({', '.join('?' * len(_FIELDS))})"  # noqa: S608


def folder_of(hot_path: Path) -> Path:
    """Return where the sealed files of these hot records lie."""
    return hot_path.parent / FOLDER


def aside_of(hot_path: Path) -> Path:
    """Return where sealed files are put that cannot be read."""
    return hot_path.parent / ASIDE


def load(conn: sqlite3.Connection, table: str = "") -> tuple[SealedFile, ...]:
    """Return the files of a table, or of all, in the order of recording; damaged ones too.

    Records of an older volano, which the recorder has not brought up to date yet, have none.
    """
    if conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'sealed'").fetchone() is None:
        return ()
    sql = f'{_SELECT} WHERE ? = \'\' OR "table" = ? ORDER BY "table", min_seq'
    return tuple(SealedFile(*row) for row in conn.execute(sql, (table, table)))


def add(conn: sqlite3.Connection, file: SealedFile, bits: bytes) -> None:
    """Name a file that lies on the disk under its name."""
    conn.execute(_INSERT, [getattr(file, name) for name in _FIELDS])
    conn.execute("INSERT INTO sealed_ids VALUES (?, ?)", (file.path, bits))


def drop(conn: sqlite3.Connection, files: Iterable[SealedFile], now_us: int) -> None:
    """Take files out; they are unlinked a while later, for readers that know them still."""
    for file in files:
        conn.execute("DELETE FROM sealed WHERE path = ?", (file.path,))
        conn.execute("DELETE FROM sealed_ids WHERE path = ?", (file.path,))
        conn.execute("INSERT OR REPLACE INTO sealed_gone VALUES (?, ?)", (file.path, now_us))


def tell(conn: sqlite3.Connection, file: SealedFile, why: str) -> None:
    """Say what is wrong with a file; nothing, when it is sound again."""
    conn.execute("UPDATE sealed SET why = ? WHERE path = ?", (why, file.path))


def gone(conn: sqlite3.Connection, before_us: int) -> Sequence[str]:
    """Return the paths that were taken out before a moment."""
    rows = conn.execute("SELECT path FROM sealed_gone WHERE at_us < ?", (before_us,)).fetchall()
    return [path for (path,) in rows]
