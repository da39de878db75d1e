"""The place: how far was forwarded, and what became of it. One small file, whole or not at all."""

import os
from pathlib import Path

import msgspec


class Place(msgspec.Struct):
    """`calls` and `spans` are the `seq` of the last row that is done with, sent or not."""

    calls: int = 0
    spans: int = 0
    sent: int = 0
    skipped: int = 0
    refused: int = 0
    trouble: str = ""
    at_us: int = 0


def load(path: Path) -> Place:
    """Return the place; the beginning where there is none. A file that cannot be read is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Place)
    except (FileNotFoundError, msgspec.DecodeError):
        return Place()


def save(path: Path, place: Place) -> None:
    """Put the place on the disk. Raises OSError."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(place))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
