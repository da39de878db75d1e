"""Set aside: bytes of a spool that are no readable record are kept, counted and told of."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from volano.traces.segment import Segment

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loss:
    """A piece of a segment that could not become a record, and where its bytes are kept."""

    at_us: int
    segment: str
    start: int
    end: int
    why: str
    aside: str


def set_aside(segment: Segment, start: int, end: int, *, why: str, now_us: int) -> Loss:
    """Keep a copy of these bytes in `aside/`, on the disk, before the segment may go.

    Doing it again, after a crash, gives the same file.

    Raises:
        OSError: the copy could not be written; the segment must stay.
    """
    folder = segment.path.parent / "aside"
    folder.mkdir(mode=0o700, exist_ok=True)
    kept = folder / f"{segment.name}.{start}-{end}.bytes"
    _write(kept, segment.cut(start, end))
    log.warning(
        "%d bytes of the spool segment %s were set aside: %s. They are kept in %s; "
        "if the disk is sound and nothing was killed, report it with this file, else delete it.",
        end - start,
        segment.name,
        why,
        kept,
    )
    return Loss(now_us, segment.name, start, end, why, str(kept))


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    fd = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fsync(fd)
    finally:
        os.close(fd)
    new.rename(path)
