"""Recorder: the one process that moves spooled frames into rows.

One look reads what is new in every segment and commits rows and offsets in one
transaction. Killed before the commit, the recorder reads the same frames again;
killed after it, it goes on behind them; a frame that comes twice all the same
is known by its id. A segment is deleted when its writer is gone and all of it
is committed. A stream that had begun in a life that is over gets a trace with
the outcome `cut`.

When the records cannot be written (disk full, disk failing) the spool stays as
it is, the recorder says so and tries again until it works.
"""

import logging
import os
import sqlite3
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from volano.core.clock import Clock, SystemClock
from volano.core.ports.annotate import Annotate
from volano.traces.hot import HotStore
from volano.traces.intake import Intake, Sink
from volano.traces.look import Look, Tally
from volano.traces.mask.masking import Masking
from volano.traces.segment import SUFFIX, Segment, life_of, segment_paths

log = logging.getLogger(__name__)

_LOOK_BYTES = 8 << 20
"""Larger batches write fewer pages; this is half a second's work, and little memory."""
_GATHER_S = 0.1
"""How long calls gather between two looks that found some: a commit costs as much as twenty rows."""
_FORGOTTEN_S = 60.0
_MAX_PAUSE_S = 5.0
_LAST_LOOKS_S = 5.0


class Recorder:
    """The only writer of the hot records. `tally` tells how it goes."""

    def __init__(
        self,
        folder: Path,
        hot: HotStore,
        sinks: Mapping[int, Sink] | None = None,
        *,
        annotate: Annotate | None = None,
        masking: Masking | None = None,
        clock: Clock | None = None,
        max_bytes_a_look: int = _LOOK_BYTES,
    ):
        self.folder, self.hot, self.tally = folder, hot, Tally()
        self._masking = masking
        self._intake = Intake(sinks or {}, annotate, clock or SystemClock(), masking)
        self._max_bytes = max_bytes_a_look
        self._segments: dict[str, Segment] = {}
        self._offsets: dict[str, int] | None = None
        self._deleted: list[str] = []
        self._behind = False
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def drain_once(self) -> int:
        """Take in what is new, up to a batch of each writer; return the number of frames.

        Raises:
            sqlite3.Error, OSError: it could not be written; nothing was lost, call again.
        """
        if self._offsets is None:
            self._offsets = self._start()
        look = self._look(self._offsets)
        self._behind = look.behind
        if look.readings:
            with self.hot.transaction() as conn:
                self._forget(conn, self._deleted)
                self._intake.take(conn, look)
            self._deleted.clear()
            self._offsets.update((s.name, reading.offset) for s, reading in look.readings)
            self.tally.add(look)
            self._delete([segment for segment, reading in look.readings if reading.drained])
            self._wipe(self._offsets)
        return look.size

    def drain(self, *, limit_s: float = float("inf")) -> int:
        """Take in all that is there now; return the number of frames."""
        total, end_s = 0, time.monotonic() + limit_s
        while (frames := self.drain_once()) and time.monotonic() < end_s:
            total += frames
        return total + frames

    def run(self, stop: threading.Event, *, poll_s: float = 0.02) -> None:
        """Record until told to stop, then take in the rest."""
        pause_s = poll_s
        while not stop.is_set():
            try:
                frames = self.drain_once()
                resting = not (frames and self._behind)
                if resting:
                    self.hot.tidy()
            except (sqlite3.Error, OSError) as error:
                pause_s = min(_MAX_PAUSE_S, max(0.1, 2 * pause_s))
                self._tell(error)
                stop.wait(pause_s)
                continue
            self._tell(None)
            pause_s = poll_s
            if resting:
                stop.wait(_GATHER_S if frames else poll_s)
        try:
            self.drain(limit_s=_LAST_LOOKS_S)
        except (sqlite3.Error, OSError) as error:
            self._tell(error)

    def close(self) -> None:
        """Let go of the spool's files; the hot store stays its owner's."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def _start(self) -> dict[str, int]:
        """Return the offsets; put in order what a recorder that was killed left behind."""
        conn, paths = self.hot.conn, segment_paths(self.folder)
        offsets = dict(conn.execute("SELECT segment, offset FROM offsets").fetchall())
        self._deleted = sorted(offsets.keys() - {path.name for path in paths})
        begun = {life for (life,) in conn.execute("SELECT DISTINCT life FROM begun").fetchall()}
        look = Look(over=dict.fromkeys(begun - {life_of(path.name) for path in paths}, 0))
        if look.over:
            with self.hot.transaction():
                self._intake.write_cut(conn, look)
            self.tally.add(look)
        for path in self.folder.glob(f"*{SUFFIX}.new"):
            if time.time() - path.stat().st_mtime > _FORGOTTEN_S:
                path.unlink(missing_ok=True)
        return offsets

    def _look(self, offsets: dict[str, int]) -> Look:
        """Read on, up to a batch of each life: a backlog of many segments makes no look larger."""
        look = Look()
        over: dict[str, bool] = {}
        room: dict[str, int] = {}
        for segment in self._open():
            left = room.setdefault(segment.life, self._max_bytes)
            dead = segment.dead()
            offset = offsets.get(segment.name, 0)
            if left <= 0 or (not dead and segment.size() == offset):
                over[segment.life] = False
                look.behind |= left <= 0
                continue
            reading = segment.read(offset, dead=dead, max_bytes=left)
            whole = reading.offset >= segment.size()
            room[segment.life] = left - (reading.offset - offset) if whole else 0
            look.behind |= not whole
            over[segment.life] = over.get(segment.life, True) and reading.drained
            if reading.drained or reading.offset != offset:
                look.readings.append((segment, reading))
        ended = {life for life, drained in over.items() if drained}
        if ended:  # a life goes on where it took a new segment since the listing above
            ended -= {
                life_of(p.name) for p in segment_paths(self.folder) if p.name not in self._segments
            }
        for segment in self._segments.values():
            if segment.life in ended:
                last = look.over.get(segment.life, 0)
                look.over[segment.life] = max(last, segment.changed_us())
        return look

    def _open(self) -> list[Segment]:
        """Open segments that are new; return all, in the order of writing."""
        paths = segment_paths(self.folder)
        for path in paths:
            if path.name not in self._segments:
                self._segments[path.name] = Segment(path)
        for name in self._segments.keys() - {path.name for path in paths}:
            self._segments.pop(name).close()
        return [self._segments[path.name] for path in paths]

    def _delete(self, drained: list[Segment]) -> None:
        """Delete segments that are committed; their offsets go with the next commit."""
        if not drained:
            return
        for segment in drained:
            segment.path.unlink(missing_ok=True)
        _sync_folder(self.folder)
        for segment in drained:
            self._segments.pop(segment.name).close()
            self._deleted.append(segment.name)
            if self._offsets is not None:
                self._offsets.pop(segment.name, None)

    def _wipe(self, offsets: dict[str, int]) -> None:
        """Where something is masked, what is committed is overwritten in the spool at once."""
        if self._masking is not None and self._masking.active:
            for segment in self._segments.values():
                segment.wipe(offsets.get(segment.name, 0))

    @staticmethod
    def _forget(conn: sqlite3.Connection, names: list[str]) -> None:
        conn.executemany("DELETE FROM offsets WHERE segment = ?", [(name,) for name in names])

    def _tell(self, error: Exception | None) -> None:
        """Say it once when recording stops, and once when it goes on."""
        trouble = "" if error is None else f"{type(error).__name__}: {error}"
        if trouble and trouble != self.tally.trouble:
            log.error(
                "Calls cannot be recorded in %s (%s). Nothing is lost: the spool %s keeps them, "
                "and it is tried again. Free space on that disk, or look with `volano doctor`.",
                self.hot.path,
                trouble,
                self.folder,
            )
        elif self.tally.trouble and not trouble:
            log.warning("Calls are recorded again in %s.", self.hot.path)
        self.tally.trouble = trouble


def run(
    spool_folder: Path,
    hot_path: Path,
    *,
    stop: threading.Event,
    sinks: Mapping[int, Sink] | None = None,
    annotate: Annotate | None = None,
) -> None:
    """Be the recorder of a state folder until told to stop.

    Raises:
        RecorderBusyError: another process is it already.
        RecordsTooNewError, RecordsBrokenError: the records cannot be written by this one.
    """
    hot = HotStore(hot_path)
    recorder = Recorder(spool_folder, hot, sinks, annotate=annotate)
    try:
        recorder.run(stop)
    finally:
        recorder.close()
        hot.close()


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
