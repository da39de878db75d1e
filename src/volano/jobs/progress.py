"""Progress: an append-only file of lines, which any process may read while it grows.

Each line is a JSON object {"at_us", "step", "of", "metrics"}. A writer may be
killed within a line, and a disk may lose one: a line that does not read is
passed over.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, SupportsFloat

TAIL_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a stage of a run is: `step` of `of` (0 when nobody knows), and what was measured."""

    at_us: int
    step: int
    of: int
    metrics: dict[str, float | None]
    stage: str = ""

    @property
    def share(self) -> float | None:
        """How much is done, from 0 to 1; None when nobody knows how much there is."""
        return min(1.0, self.step / self.of) if self.of > 0 else None


def write(path: Path, at_us: int, step: int, of: int, metrics: dict[str, SupportsFloat]) -> None:
    """Append one line. A measure that is NaN or infinite becomes null."""
    line = {"at_us": at_us, "step": step, "of": of, "metrics": _finite(metrics)}
    data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, b"\n" + data if _torn(fd) else data)
    finally:
        os.close(fd)


def read(path: Path, *, stage: str = "") -> list[Progress]:
    """Return every line that reads, in order; nothing when there is no file."""
    try:
        data = path.read_bytes()
    except OSError:
        return []
    return _parse(data, stage)


def last(path: Path, *, stage: str = "") -> Progress | None:
    """Return the newest line that reads among the last 64 KiB."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            data = file.read()
    except OSError:
        return None
    return next(reversed(_parse(data, stage)), None)


def _torn(fd: int) -> bool:
    """Whether the file ends within a line, because its writer was killed there."""
    size = os.fstat(fd).st_size
    return size > 0 and os.pread(fd, 1, size - 1) != b"\n"


def _finite(metrics: dict[str, SupportsFloat]) -> dict[str, float | None]:
    values = {name: float(value) for name, value in metrics.items()}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _parse(data: bytes, stage: str) -> list[Progress]:
    return [p for line in data.split(b"\n") if (p := _line(line, stage)) is not None]


def _line(line: bytes, stage: str) -> Progress | None:
    try:
        value: Any = json.loads(line)
        metrics = value["metrics"]
        if not isinstance(metrics, dict):
            return None
        return Progress(int(value["at_us"]), int(value["step"]), int(value["of"]), metrics, stage)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
