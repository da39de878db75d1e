"""Blobs: bytes as a zstd frame (RFC 8878), pressed only where that pays.

To press a kilobyte takes longer than to write it twice, and does not put a third row
on the page of a table: so short blobs are stored in a frame as they are, which every
zstd reader opens. They are pressed when they are sealed, many together.
"""

from collections.abc import Callable

import zstandard

SHORT_BYTES = 2048
_MAGIC = bytes.fromhex("28b52ffd")
_ONE_BYTE, _TWO_BYTES = b"\x20", b"\x60"
"""Frame header descriptors: a single segment, its size in one byte, or in two of what is above 256."""
_LAST_RAW = 1
"""Block header: the last block, as it is; its size stands above these three bits."""


def packer(level: int) -> Callable[[bytes], bytes]:
    """Return what makes a frame of bytes. For one thread."""
    press = zstandard.ZstdCompressor(level=level).compress

    def pack(data: bytes) -> bytes:
        return press(data) if len(data) > SHORT_BYTES else framed(data)

    return pack


def framed(data: bytes) -> bytes:
    """Return a frame that holds these bytes as they are; at most `SHORT_BYTES`."""
    size = len(data)
    block = (size << 3 | _LAST_RAW).to_bytes(3, "little")
    if size < 256:
        return b"%b%b%c%b%b" % (_MAGIC, _ONE_BYTE, size, block, data)
    return b"%b%b%b%b%b" % (_MAGIC, _TWO_BYTES, (size - 256).to_bytes(2, "little"), block, data)
