"""Writing a version: rows stream in, chunks and pages go to the store, in few large packs."""

import re
from collections import Counter

from volano.core.digest import Digest
from volano.core.manifest import File
from volano.data.chunks import Cutter, Entry
from volano.data.errors import BadSplitError
from volano.data.line import Line
from volano.data.tree import Growing
from volano.store import Blobs
from volano.store.session import Session

ROWS = ".rows"
REJECTED = "rejected"
MOST_SPLITS = 64
BATCH_BYTES = 16 * 2**20
"""So much is put at once: one pack, one transaction. It is what a writer holds in memory."""
_SPLIT = re.compile(r"\w[\w.\-]{0,62}")


class RowsWriter:
    """Writes the rows of one version, split by split, as they come.

    Nothing names what was put until the version is recorded: whoever is killed
    before leaves bytes for the garbage collector.
    """

    def __init__(self, blobs: Blobs, session: Session):
        self._blobs, self._session = blobs, session
        self._splits: dict[str, tuple[Cutter, Growing]] = {}
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.counts: Counter[str] = Counter()

    def add(self, split: str, line: Line) -> None:
        """Take the next row of a split.

        Raises:
            BadSplitError: a name that cannot be one, or too many splits.
        """
        found = self._splits.get(split)
        cutter, growing = found or self._open(split)
        self.counts[split] += 1
        chunk = cutter.add(line)
        if chunk is not None:
            self._keep(growing, *chunk)

    def end(self) -> dict[str, File]:
        """Put what is left; return the files of the version: a tree for each split."""
        files = {}
        for split, (cutter, growing) in self._splits.items():
            chunk = cutter.end()
            if chunk is not None:
                self._keep(growing, *chunk)
            root, page = growing.end()
            files[split + ROWS] = File(root, page.size)
        self._flush()
        return files

    def _open(self, split: str) -> tuple[Cutter, Growing]:
        if len(self._splits) > MOST_SPLITS:
            raise BadSplitError(split=split[:80], why="there are too many", most=MOST_SPLITS)
        if not _SPLIT.fullmatch(split) or ".." in split:
            raise BadSplitError(split=ascii(split)[1:81], why="it is no name", most=MOST_SPLITS)
        self._splits[split] = (Cutter(), Growing(self._put))
        return self._splits[split]

    def _keep(self, growing: Growing, entry: Entry, data: bytes) -> None:
        self._put(data, entry.digest)
        growing.add(entry)

    def _put(self, data: bytes, digest: Digest | None = None) -> Digest:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= BATCH_BYTES:
            self._flush()
        return digest or Digest.of(data)

    def _flush(self) -> None:
        self._blobs.put_many(self._waiting, session=self._session)
        self._waiting, self._waiting_bytes = [], 0
