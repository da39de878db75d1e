"""Reading many small blobs: packs stay open, and each record is one read of the file."""

import hashlib
import os
from collections import OrderedDict
from pathlib import Path

import zstandard

from volano.store import pack
from volano.store.errors import CorruptBlobError, MissingBlobError
from volano.store.pack import HEADER_BYTES, Place

OPEN_PACKS = 64


class PackReader:
    """Reads whole blobs out of the packs of a folder; at most 64 packs are open at once."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._open: OrderedDict[str, int] = OrderedDict()
        self._press = zstandard.ZstdDecompressor()

    def read(self, place: Place) -> bytes:
        """Return a blob's bytes, checked.

        Raises:
            MissingBlobError: the pack file is gone.
            CorruptBlobError: the bytes are not those that were put.
        """
        if place.size > pack.FRAME_BYTES or place.codec not in (pack.RAW, pack.ZSTD):
            return b"".join(pack.frames(self._folder, place))
        try:
            raw = os.pread(self._file(place), HEADER_BYTES + place.stored, place.offset)
            if raw[:HEADER_BYTES] != pack.header(place):
                raise _corrupt(place, "its header does not match the index")
            data = raw[HEADER_BYTES:]
            if place.codec == pack.ZSTD:
                data = self._press.decompress(data, max_output_size=max(place.size, 1))
        except (zstandard.ZstdError, OSError) as error:
            raise _corrupt(place, str(error)) from error
        if len(data) != place.size or hashlib.sha256(data).hexdigest() != place.digest.hex:
            raise _corrupt(place, "the checksum differs")
        return data

    def close(self) -> None:
        """Close all packs."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _file(self, place: Place) -> int:
        fd = self._open.get(place.pack)
        if fd is not None:
            self._open.move_to_end(place.pack)
            return fd
        try:
            fd = os.open(self._folder / place.pack, os.O_RDONLY)
        except FileNotFoundError as error:
            why = f": pack {place.pack} is gone"
            raise MissingBlobError(digest=place.digest, why=why) from error
        self._open[place.pack] = fd
        if len(self._open) > OPEN_PACKS:
            os.close(self._open.popitem(last=False)[1])
        return fd


def _corrupt(place: Place, why: str) -> CorruptBlobError:
    return CorruptBlobError(digest=place.digest, pack=place.pack, why=why)
