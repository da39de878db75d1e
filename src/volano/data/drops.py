"""Which rows go: decided in any order for all shards, read back by each shard in its own order."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from volano.data.shingles import Places
from volano.data.step import Notes, Record

DROP = np.dtype([("row", "<u8"), ("of", "<u8"), ("alike", "<f4")])


class Origins(Protocol):
    """Knows where a row came from, by its number in the whole."""

    def origin(self, row: int) -> Any:
        """Return where this row came from."""
        ...


class Drops:
    """Rows that go, written into one file for each shard; memory is that of one shard."""

    def __init__(self, folder: Path, starts: Sequence[int] | Places):
        self.folder = folder
        self.starts = np.asarray(starts, np.int64)

    def add(self, gone: Places, kept: Places, alike: npt.NDArray[np.float64] | float = 1.0) -> None:
        """Note rows that go, the row that stays for each, and how alike they are."""
        drops = np.empty(gone.size, DROP)
        drops["row"], drops["of"], drops["alike"] = gone, kept, alike
        shards = np.searchsorted(self.starts, gone, "right") - 1
        for shard in np.unique(shards).tolist():
            with (self.folder / f"gone-{shard}").open("ab") as file:
                file.write(drops[shards == shard].data)

    def told(self, origins: Origins) -> list[dict[str, str]]:
        """Return for each shard the file that says which of its rows go, in their order."""
        known: OrderedDict[int, Any] = OrderedDict()
        told = []
        for shard, start in enumerate(self.starts[:-1].tolist()):
            raw, path = self.folder / f"gone-{shard}", self.folder / f"drops-{shard}.jsonl"
            drops = np.fromfile(raw, DROP) if raw.exists() else np.empty(0, DROP)
            raw.unlink(missing_ok=True)
            drops.sort(order="row")
            with path.open("wb") as file:
                for row, of, alike in drops.tolist():
                    if of not in known:
                        known[of] = origins.origin(of)
                        if len(known) > 4096:
                            known.popitem(last=False)
                    line = (row - start, known[of], round(alike, 4))
                    file.write(msgspec.json.encode(line) + b"\n")
            told.append({"drops": str(path)})
        return told


def let_through(
    rows: Iterable[Record], notes: Notes, reason: str, decided: dict[str, str]
) -> Iterator[Record]:
    """Yield the rows of a shard that do not go; say of each other one which row stays for it."""
    with Path(decided["drops"]).open("rb") as file:
        drops = (msgspec.json.decode(line) for line in file)
        at, of, alike = next(drops, (-1, None, 0.0))
        for number, row in enumerate(rows):
            if number != at:
                yield row
                continue
            notes.drop(row, reason, None if alike == 1 else f"similarity {alike:.2f}", of)
            at, of, alike = next(drops, (-1, None, 0.0))
