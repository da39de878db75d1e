"""Sorting more than fits into memory: by parts, each sorted on its own.

What is sorted are (key, row) pairs, to find rows with equal keys. Equal keys
fall into one part by their remainder, so that parts need no merging, and the
rows of one key come in their order.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

PART = 1 << 20
"""Pairs that are sorted together in memory: 16 MB of them."""
MOST_PARTS = 512
"""Files that are open together."""
PAIR = np.dtype([("key", "<u8"), ("row", "<u8")])

Pairs = npt.NDArray[np.void]


def chunks(path: Path, kind: npt.DTypeLike, many: int = PART // 4) -> Iterator[npt.NDArray[Any]]:
    """Yield the numbers in a file, `many` at a time."""
    with path.open("rb") as file:
        while (numbers := np.fromfile(file, kind, many)).size:
            yield numbers


def numbered(
    paths: Sequence[Path],
    starts: Sequence[int],
    keep: Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.bool_]] | None = None,
) -> Iterator[Pairs]:
    """Yield the keys in the files with the numbers of their rows; `keep` says of rows which count."""
    for path, start in zip(paths, starts, strict=True):
        at = start
        for keys in chunks(path, "<u8"):
            pairs = np.empty(keys.size, PAIR)
            pairs["key"], pairs["row"] = keys, np.arange(at, at + keys.size, dtype=np.uint64)
            at += keys.size
            yield pairs if keep is None else pairs[keep(pairs["row"])]


def repeated(pairs: Iterable[Pairs], total: int, folder: Path) -> Iterator[Pairs]:
    """Yield the pairs whose key stands there more than once, sorted by key and then by row.

    What has one key comes in one array. `total` says how many pairs there are
    at most; rows must ascend within each key.
    """
    parts = min(-(-total // PART), MOST_PARTS)
    if parts <= 1:
        yield _repeated(np.concatenate([np.empty(0, PAIR), *pairs]))
        return
    paths = [folder / f"part-{number}" for number in range(parts)]
    scatter(pairs, "key", paths)
    for path in paths:
        yield _repeated(np.fromfile(path, PAIR))
        path.unlink()


def scatter(records: Iterable[npt.NDArray[np.void]], key: str, paths: Sequence[Path]) -> None:
    """Write records into files, in their order: those with one value in the field `key` into one."""
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for chunk in records:
            where = (chunk[key] % np.uint64(len(paths))).astype(np.int64)
            ends = np.cumsum(np.bincount(where, minlength=len(paths)))
            ordered = chunk[np.argsort(where, kind="stable")]
            for file, piece in zip(files, np.split(ordered, ends[:-1]), strict=True):
                file.write(piece.data)


def _repeated(pairs: Pairs) -> Pairs:
    keys = pairs["key"]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    same = keys[1:] == keys[:-1]
    twice = np.zeros(keys.size, np.bool_)
    twice[1:] = same
    twice[:-1] |= same
    return pairs[order[twice]]
