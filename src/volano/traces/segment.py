"""Segments: the files of a spool, and how they are read while a writer still appends.

A segment's name says whose it is: `<writer>-<life>-<number>.seg`. A *life* is
one life of one writing process; it has one or more segments. The writer holds
a lock (flock) on its newest segment for as long as it lives, and locks a new
segment before it lets go of the old one. So a segment whose lock is free
grows no more, and a life none of whose segments is locked is over.
"""

import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path

from volano.traces.frame import HEADER_BYTES, MAGIC, VERSION, parse_header, seed_of

SUFFIX = ".seg"
_WIPE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Frame:
    """One whole frame: its place in the segment, its kind, its payload."""

    offset: int
    version: int
    kind: int
    payload: bytes

    @property
    def known(self) -> bool:
        """Whether this version of volano can read it."""
        return self.version == VERSION

    @property
    def end(self) -> int:
        return self.offset + HEADER_BYTES + len(self.payload)


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a segment, from start to end, that are no frame."""

    start: int
    end: int


@dataclass(slots=True)
class Reading:
    """What one look at a segment gave: go on at `offset` next time."""

    offset: int
    frames: list[Frame] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    drained: bool = False


class Segment:
    """One segment file, opened for reading."""

    def __init__(self, path: Path):
        self.path = path
        self.name = path.name
        self.life = life_of(path.name)
        self._seed = seed_of(path.name)
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._wiped = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def size(self) -> int:
        """Bytes in the file now."""
        return os.fstat(self._fd).st_size

    def changed_us(self) -> int:
        """When the writer last wrote, microseconds UTC."""
        return os.fstat(self._fd).st_mtime_ns // 1000

    def dead(self) -> bool:
        """Whether nobody writes this file any more. Ask before reading, then the end is the end."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return True

    def read(self, offset: int, *, dead: bool, max_bytes: int = 4 << 20) -> Reading:
        """Read whole frames from an offset, up to about `max_bytes` (at least one frame).

        A frame that is not whole yet is waited for while the writer lives;
        what is damaged is jumped over, to the next whole frame, and reported
        as a gap. `drained` says that nothing is left in a dead segment.
        """
        size = self.size()
        reading = Reading(min(offset, size))
        start = reading.offset
        data = self._load(start, min(max_bytes, size - start))
        while reading.offset < size:
            frame = self._frame(data, reading.offset - start)
            if frame is None and start + len(data) < size:
                if reading.frames or reading.gaps or not data:
                    return (
                        reading  # nothing there: the writer took back what it could not write whole
                    )
                wanted = min(2 * len(data), size - start)
                data = self._load(start, wanted)
                size = size if len(data) == wanted else start + len(data)
                continue
            if frame is None:
                found = self._search(data, reading.offset - start + 1)
                if found is None and not dead:
                    return reading
                end = size if found is None else start + found
                reading.gaps.append(Gap(reading.offset, end))
                reading.offset = end
                continue
            version, kind, payload = frame
            reading.frames.append(Frame(reading.offset, version, kind, payload))
            reading.offset += HEADER_BYTES + len(payload)
        reading.drained = dead
        return reading

    def wipe(self, end: int) -> None:
        """Overwrite what stands before this place; nobody reads it again. The writer only appends.

        Raises:
            OSError: it could not be done; the next time begins at the same place.
        """
        if self._wiped >= end:
            return
        fd = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            while self._wiped < end:
                self._wiped += os.pwrite(
                    fd, bytes(min(_WIPE_BYTES, end - self._wiped)), self._wiped
                )
        finally:
            os.close(fd)

    def cut(self, start: int, end: int) -> bytes:
        """Return these bytes as they lie in the file."""
        return self._load(start, end - start)

    def _load(self, offset: int, length: int) -> bytes:
        parts = []
        while length > 0 and (part := os.pread(self._fd, length, offset)):
            parts.append(part)
            offset, length = offset + len(part), length - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _frame(self, data: bytes, at: int) -> tuple[int, int, bytes] | None:
        head = parse_header(data, at, self._seed)
        if head is None or at + HEADER_BYTES + head.length > len(data):
            return None
        payload = data[at + HEADER_BYTES : at + HEADER_BYTES + head.length]
        return (head.version, head.kind, payload) if head.fits(payload, self._seed) else None

    def _search(self, data: bytes, at: int) -> int | None:
        """Find the next whole frame behind a damaged place."""
        while (at := data.find(MAGIC, at)) >= 0:
            if self._frame(data, at) is not None:
                return at
            at += 1
        return None


def segment_paths(folder: Path) -> list[Path]:
    """Return the segments of a spool folder, oldest life first, in the order of writing."""
    try:
        names = [n for n in os.listdir(folder) if n.endswith(SUFFIX)]  # noqa: PTH208 - polled
    except FileNotFoundError:
        return []
    return [folder / name for name in sorted(names, key=lambda n: n.partition("-")[2])]


def life_of(segment_name: str) -> str:
    """Return the life that a segment belongs to: `w-1.ab-000001.seg` -> `w-1.ab`."""
    return segment_name.rpartition("-")[0]


def writer_of(life: str) -> str:
    """Return the name of the writer whose life it is: `w-1.ab` -> `w`."""
    return life.partition("-")[0]
