"""Search: asks the index of words. An index that is not there, or damaged, covers nothing."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from volano.traces.errors import IndexBrokenError
from volano.traces.search.fold import VERSION


class Search:
    """Short looks at the index; each opens the file and closes it.

    Raises:
        IndexBrokenError: the file begins well, and is damaged further on.
    """

    def __init__(self, path: Path):
        self._path = path

    def covered(self, table: str) -> int:
        """Return up to which `seq` a table is indexed."""
        with self._reading() as conn:
            if conn is None:
                return 0
            rows = conn.execute("SELECT seq FROM covered WHERE name = ?", [table]).fetchall()
            return rows[0][0] if rows else 0

    def seqs(self, table: str, match: str, *, before: int, limit: int) -> Sequence[int]:
        """Return the newest rows with these words (in the language of FTS5), newest first."""
        with self._reading() as conn:
            if conn is None:
                return []
            rows = conn.execute(
                f"SELECT rowid FROM {table}_words WHERE {table}_words MATCH ? AND rowid < ? "  # noqa: S608
                "ORDER BY rowid DESC LIMIT ?",
                [match, before, limit],
            )
            return [seq for (seq,) in rows]

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        try:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            conn = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
        except sqlite3.OperationalError:
            yield None
            return
        try:
            yield conn if _usable(conn) else None
        except sqlite3.DatabaseError as error:
            raise IndexBrokenError(path=self._path, why=error) from error
        finally:
            conn.close()


def _usable(conn: sqlite3.Connection) -> bool:
    try:
        found: int = conn.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError:
        return False  # the indexer finds it too, and builds it anew
    return found == VERSION
