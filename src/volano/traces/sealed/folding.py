"""Folding: many small neighbours become one large file, and newer prices go into their rows.

Small files of a day are merged when there are eight of them in a row, when they make a file
of half the largest size, or when the day is over. A file of that size is left alone, so a row
is written anew a handful of times at most.
"""

import sqlite3
from collections.abc import Sequence

from volano.traces.hot import HotStore, reading
from volano.traces.sealed import manifest
from volano.traces.sealed.manifest import SealedFile
from volano.traces.sealed.rewriting import Rewriting

MAX_ROWS = 1 << 18
MAX_BYTES = 256 << 20
_AT_ONCE = 8


class Folding:
    """Folds one group of files a step."""

    def __init__(self, hot: HotStore, rewrite: Rewriting, *, max_rows: int = MAX_ROWS):
        self._hot, self._rewrite, self._max_rows = hot, rewrite, max_rows

    def step(self) -> bool:
        """Write one group anew; False: there was none.

        Raises:
            OSError, sqlite3.Error, Failed: as in `Rewriting`.
        """
        with reading(self._hot.path) as conn:
            if conn is None:
                return False
            files = [file for file in manifest.load(conn) if not file.why]
            group = self._mergeable(files) or _repriced(conn, files)
        if group:
            self._rewrite(group)
        return bool(group)

    def _mergeable(self, files: Sequence[SealedFile]) -> list[SealedFile]:
        """Return the first group of neighbours that should be one file."""
        newest = {file.table: file.day for file in files}
        group: list[SealedFile] = []
        for file in [*files, None]:
            if file is not None and self._fits(group, file):
                group.append(file)
                continue
            if group and self._worth(group, today=group[0].day == newest[group[0].table]):
                return group
            group = [file] if file is not None and self._small(file) else []
        return []

    def _fits(self, group: Sequence[SealedFile], file: SealedFile) -> bool:
        if not group or not self._small(file):
            return False
        rows = sum(one.rows for one in group) + file.rows
        size = sum(one.bytes for one in group) + file.bytes
        return _shape(group[0]) == _shape(file) and rows <= self._max_rows and size <= MAX_BYTES

    def _worth(self, group: Sequence[SealedFile], *, today: bool) -> bool:
        if not today or len(group) >= _AT_ONCE:
            return len(group) > 1
        return len(group) > 1 and sum(file.rows for file in group) > self._max_rows // 2

    def _small(self, file: SealedFile) -> bool:
        return file.rows < self._max_rows // 2 and file.bytes < MAX_BYTES // 2


def _shape(file: SealedFile) -> tuple[str, ...]:
    return file.table, file.day, file.columns, file.squeezed


def _repriced(conn: sqlite3.Connection, files: Sequence[SealedFile]) -> list[SealedFile]:
    """Return a file whose calls have newer prices, once no wish for more is under way."""
    if conn.execute("SELECT 1 FROM wishes").fetchone():
        return []
    found = conn.execute("SELECT min(seq) FROM repriced").fetchone()[0]
    calls = (file for file in files if file.table == "calls")
    return [f for f in calls if found is not None and f.min_seq <= found <= f.max_seq]
