"""How far the records are behind the calls: bytes of the spool that are no rows yet."""

from dataclasses import dataclass
from pathlib import Path

from volano.traces.hot import reading
from volano.traces.segment import segment_paths


@dataclass(frozen=True, slots=True)
class Backlog:
    """`spooled` bytes lie in the spool, `waiting` of them are not recorded yet."""

    spooled: int
    waiting: int


def backlog(spool: Path, hot_path: Path) -> Backlog:
    """Measure the spool against what the recorder has committed.

    Raises:
        RecordsBrokenError, RecordsUnavailableError, RecordsTooNewError: as in `hot.reading`.
    """
    sizes = {path.name: size for path in segment_paths(spool) if (size := _size(path)) is not None}
    offsets: dict[str, int] = {}
    with reading(hot_path) as conn:
        if conn is not None:
            offsets = dict(conn.execute("SELECT segment, offset FROM offsets").fetchall())
    waiting = sum(max(0, size - offsets.get(name, 0)) for name, size in sizes.items())
    return Backlog(sum(sizes.values()), waiting)


def _size(path: Path) -> int | None:
    """Return a segment's size; None when the recorder has just deleted it."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
