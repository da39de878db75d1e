"""A Piece: one file that rows are read from, wherever it came from."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from volano.data.sources import reasons
from volano.data.sources.apart import Apart
from volano.data.sources.limits import Limits
from volano.data.sources.unpack import BrokenFileError, packing, unpacked


@dataclass(frozen=True, slots=True)
class Piece:
    """A file on this machine, its readable name, and what each of its rows says of its origin."""

    path: Path
    name: str
    origin: Mapping[str, Any] = field(default_factory=dict)
    charset: str | None = None
    """What a server said of its encoding."""
    apart: Apart | None = None
    """The process that reads documents, where it serves several files."""

    @contextmanager
    def open(self, limits: Limits) -> Iterator[BinaryIO]:
        """Open it as a stream of bytes, unpacked."""
        with unpacked(self.path, limits) as stream:
            yield stream

    def whole(self, limits: Limits) -> bytes:
        """Return all bytes of a document.

        Raises:
            BrokenFileError: it is larger than a document may be, or does not unpack.
        """
        with self.open(limits) as stream:
            data = stream.read(limits.document + 1)
        if len(data) > limits.document:
            raise BrokenFileError(reasons.TOO_LARGE, f"more than {limits.document} bytes")
        return data

    @contextmanager
    def local(self, limits: Limits) -> Iterator[Path]:
        """Give the path of the unpacked bytes, for readers that jump about in a file."""
        if not packing(self.path):
            yield self.path
            return
        with tempfile.NamedTemporaryFile(prefix="volano-") as copy:
            with self.open(limits) as stream:
                shutil.copyfileobj(stream, copy)
            copy.flush()
            yield Path(copy.name)
