"""Spool: where a process leaves its records, fast and safe, for the recorder to collect.

`append` is one write to a file that the process has open and locked; it costs
a few microseconds and needs no other process to be alive. What was appended
survives kill -9 of anything; it survives a power cut once it is synced, which
a thread does in groups every `fsync_every_s`, and `sync()` does at once.

When the disk is full, or the spool folder holds `max_total_bytes` because the
recorder does not keep up, `append` raises `SpoolFullError` and leaves no
trace in the file; whether the caller refuses its call or goes on unrecorded
is its owner's policy. Writers look at the folder's size now and then, so n
writers may exceed the limit by n times 1/64 of it.
"""

import errno
import fcntl
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from volano.core.errors import UnavailableError
from volano.traces.errors import (
    FrameTooLargeError,
    SpoolBrokenError,
    SpoolClosedError,
    SpoolFullError,
)
from volano.traces.frame import HEADER_BYTES, MAX_PAYLOAD_BYTES, header, seed_of
from volano.traces.segment import SUFFIX, segment_paths

log = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOOK_AGAIN_S = 0.1
_MAX_PARTS = 1024
"""Linux takes no more pieces in one write (IOV_MAX)."""


class _File:
    """One open segment: descriptor, size, and how far it is known to be on disk."""

    __slots__ = ("fd", "seed", "size", "synced")

    def __init__(self, folder: Path, name: str):
        """Make the file under another name, lock it, and only then let it be seen."""
        unseen = folder / f"{name}.new"
        self.fd = os.open(unseen, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
        self.seed = seed_of(name)
        self.size = self.synced = 0
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            unseen.rename(folder / name)
        except OSError:
            os.close(self.fd)
            raise


class Spool:
    """One writer's end. Safe to use from several threads of one process; not across a fork."""

    def __init__(
        self,
        folder: Path,
        writer_name: str,
        *,
        fsync_every_s: float = 0.05,
        max_segment_bytes: int = 32 << 20,
        max_total_bytes: int = 4 << 30,
    ):
        """Open a new life of this writer.

        Raises:
            SpoolFullError: not even an empty file can be made there.
        """
        self.folder = folder
        self._fsync_every_s = fsync_every_s
        self._max_segment, self._max_total = max_segment_bytes, max_total_bytes
        self._step = max(1 << 16, min(4 << 20, max_total_bytes >> 6))
        writer = re.sub(r"[^A-Za-z0-9_.]", "_", writer_name) or "writer"
        self.life = f"{writer}-{time.time_ns() // 1000:016d}.{secrets.token_hex(4)}"
        self._number = 0
        self._lock, self._sync_lock = threading.Lock(), threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._retired: list[_File] = []
        self._new_name = False
        self._look_again_s = 0.0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._room = 0
        self._file = self._open()

    def append(self, kind: int, payload: bytes) -> None:
        """Add one frame. It is safe from kill -9 at return, from a power cut after the next sync.

        Raises:
            SpoolFullError: the disk or the folder's limit is full; nothing was written.
            FrameTooLargeError: no frame may be that large.
            SpoolClosedError: the spool was closed before.
        """
        self.append_all(kind, (payload,))

    def append_all(self, kind: int, payloads: Sequence[bytes]) -> None:
        """Add frames of one kind by one write: all of them, or none. Raises: as `append`."""
        size = sum(map(len, payloads)) + len(payloads) * HEADER_BYTES
        with self._lock:
            file = self._file
            if size > self._room or file.size + size > self._max_segment or file.fd < 0:
                file = self._make_room(size)
            seed = file.seed
            parts: list[bytes] = []
            for payload in payloads:
                parts += (header(kind, payload, seed), payload)
            if len(parts) > _MAX_PARTS:
                parts = [b"".join(parts)]
            try:
                written = os.writev(file.fd, parts)
                if written != size:
                    self._write_rest(file.fd, b"".join(parts), written)
            except OSError as error:
                self._take_back(file)
                if error.errno in _FULL:
                    raise self._full(os.strerror(error.errno or 0)) from error
                raise SpoolBrokenError(folder=self.folder, why=error.strerror) from error
            file.size += size
            self._room -= size

    def sync(self) -> None:
        """Return when all that was appended so far is on the disk.

        Several threads share one disk sync.

        Raises:
            SpoolBrokenError: the disk reported an error; the newest records may be lost.
        """
        with self._lock:
            file, target = self._file, self._file.size
        with self._sync_lock:
            if file.synced < target or self._retired or self._new_name:
                self._sync_all()

    def start_syncing(self) -> None:
        """Start the thread that syncs in groups; a daemon, ended by `close()`."""
        self._thread = threading.Thread(target=self._keep_syncing, name="spool-sync", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Sync, and end this writer's life. Idempotent."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        if self._file.fd < 0:
            return
        try:
            self.sync()
        finally:
            with self._lock:
                os.close(self._file.fd)
                self._file.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- what happens now and then --------------------------------------

    def _open(self) -> _File:
        name = f"{self.life}-{self._number:06d}{SUFFIX}"
        try:
            file = _File(self.folder, name)
        except OSError as error:
            raise self._full(os.strerror(error.errno or 0)) from error
        self._number += 1
        self._new_name = True
        return file

    def _rotate(self) -> _File:
        """Take a new segment; the old one keeps its lock until it is synced."""
        old, self._file = self._file, self._open()
        self._retired.append(old)
        return self._file

    def _make_room(self, size: int) -> _File:
        if self._file.fd < 0:
            raise SpoolClosedError(folder=self.folder)
        if size - HEADER_BYTES > MAX_PAYLOAD_BYTES:
            raise FrameTooLargeError(size=size - HEADER_BYTES, limit=MAX_PAYLOAD_BYTES)
        if size > self._room:
            self._look(size)
        if size > self._room:
            raise self._full(f"it holds its limit of {self._max_total} bytes")
        if self._file.size and self._file.size + size > self._max_segment:
            self._rotate()
        return self._file

    def _look(self, size: int) -> None:
        """Measure the folder; when full, give up the own segment so that it can be deleted."""
        now_s = time.monotonic()
        if now_s < self._look_again_s:
            return
        free = self._max_total - sum(_size(path) for path in segment_paths(self.folder))
        self._room = max(0, min(free, max(self._step, size)))
        if free < size:
            self._look_again_s = now_s + _LOOK_AGAIN_S
            if self._file.size:
                self._rotate()

    def _full(self, why: str) -> SpoolFullError:
        return SpoolFullError(folder=self.folder, why=why)

    @staticmethod
    def _write_rest(fd: int, data: bytes, written: int) -> None:
        while written < len(data):
            written += os.write(fd, memoryview(data)[written:])

    def _take_back(self, file: _File) -> None:
        """Cut off what was written of the frames, else leave the file: its tail is set aside later."""
        try:
            os.ftruncate(file.fd, file.size)
        except OSError:
            log.exception("Could not cut a half-written record off %s", self.folder)
            self._rotate()

    def _keep_syncing(self) -> None:
        while not self._stop.wait(self._fsync_every_s):
            try:
                self.sync()
            except UnavailableError as error:
                log.error("%s %s", error, error.advice)  # noqa: TRY400 - told in two lines

    def _sync_all(self) -> None:
        with self._lock:
            retired, self._retired = self._retired, []
            file, size, new_name, self._new_name = (
                self._file,
                self._file.size,
                self._new_name,
                False,
            )
        try:
            for old in retired:
                os.fdatasync(old.fd)
                old.synced = old.size
            if file.synced < size:
                os.fdatasync(file.fd)
            if new_name:
                _sync_folder(self.folder)
            file.synced = size
        except OSError as error:
            self._new_name = True
            self._leave_unsure(file)
            raise SpoolBrokenError(folder=self.folder, why=error.strerror) from error
        finally:
            for old in retired:
                os.close(old.fd)

    def _leave_unsure(self, file: _File) -> None:
        """Go on in a new file: after a failed sync the kernel takes the old pages for clean."""
        with self._lock:
            if self._file is file:
                self._rotate()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
