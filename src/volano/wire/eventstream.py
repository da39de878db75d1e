"""AWS event stream framing (`application/vnd.amazon.eventstream`), read and written.

A message is a prelude (total length, headers length, CRC-32 of these eight bytes),
headers, a payload, and a CRC-32 of everything before it; all numbers are big-endian.
Source: the Smithy specification, "Amazon Event Stream". A header is a name (one byte
of length), a type byte and a value.

The prelude's own checksum is looked at first, so that a broken length never makes us
wait for bytes that will not come.
"""

import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID
from zlib import crc32

Value = bool | int | bytes | str | datetime | UUID

_PRELUDE = struct.Struct("!III")
_U16 = struct.Struct("!H")
_U32 = struct.Struct("!I")
_NUMBERS = {2: struct.Struct("!b"), 3: struct.Struct("!h"), 4: struct.Struct("!i"),
            5: struct.Struct("!q"), 8: struct.Struct("!q")}  # fmt: skip
_OVERHEAD = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BrokenMessageError(ValueError):
    """These bytes are no event stream message."""


class Message(NamedTuple):
    """One message: its headers by name (`:event-type`...) and its payload."""

    headers: dict[str, Value]
    payload: bytes

    def word(self, name: str) -> str:
        """A header of type string; empty where there is none."""
        value = self.headers.get(name)
        return value if isinstance(value, str) else ""


class Reader:
    """Feed bytes cut anywhere, get whole messages.

    After an error nothing more can be read: where the next message begins is unknown.
    """

    __slots__ = ("_rest", "max_message")

    def __init__(self, max_message: int = 16 << 20):
        self._rest = bytearray()
        self.max_message = max_message

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that are complete now.

        Raises:
            BrokenMessageError: a checksum, a length or a header is wrong, or a message
                is longer than `max_message`.
        """
        rest = self._rest
        rest += data
        messages = []
        start = 0
        while len(rest) - start >= _PRELUDE.size:
            total, headers = self._lengths(rest, start)
            if len(rest) - start < total:
                break
            messages.append(_message(bytes(rest[start : start + total]), headers))
            start += total
        del rest[:start]
        return messages

    @property
    def empty(self) -> bool:
        """Whether no message is begun and unfinished."""
        return not self._rest

    def _lengths(self, data: bytearray, start: int) -> tuple[int, int]:
        total, headers, check = _PRELUDE.unpack_from(data, start)
        if crc32(data[start : start + 8]) != check:
            raise BrokenMessageError("the checksum of a message's prelude does not match")
        if total > self.max_message:
            raise BrokenMessageError(f"a message of {total} bytes is longer than allowed")
        if total < headers + _OVERHEAD:
            raise BrokenMessageError("a message is shorter than its own headers")
        return total, headers


def _message(data: bytes, headers_length: int) -> Message:
    if crc32(data[:-4]) != _U32.unpack_from(data, len(data) - 4)[0]:
        raise BrokenMessageError("the checksum of a message does not match")
    end = _PRELUDE.size + headers_length
    try:
        headers = _headers(data[_PRELUDE.size : end])
    except (struct.error, IndexError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise BrokenMessageError(f"a message's headers cannot be read: {error}") from None
    return Message(headers, data[end:-4])


def _headers(data: bytes) -> dict[str, Value]:
    found: dict[str, Value] = {}
    at = 0
    while at < len(data):
        name, at = _take(data, at + 1, data[at])
        value, at = _value(data, at + 1, data[at])
        found[name.decode()] = value
    return found


def _value(data: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind in (0, 1):
        return kind == 0, at
    if number := _NUMBERS.get(kind):
        value = number.unpack_from(data, at)[0]
        return (_EPOCH + timedelta(milliseconds=value) if kind == 8 else value), at + number.size
    if kind in (6, 7):
        raw, at = _take(data, at + 2, _U16.unpack_from(data, at)[0])
        return (raw.decode() if kind == 7 else raw), at
    if kind == 9:
        raw, at = _take(data, at, 16)
        return UUID(bytes=raw), at
    raise BrokenMessageError(f"there is no header type {kind}")


def _take(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    if at + length > len(data):
        raise BrokenMessageError("a header is longer than the headers")
    return data[at : at + length], at + length


def encode(headers: Mapping[str, Value], payload: bytes = b"") -> bytes:
    """One message. Whole numbers are written as `long`, the widest type.

    Raises:
        ValueError: a name or value is too long.
    """
    packed = b"".join(_pack(name, value) for name, value in headers.items())
    lengths = struct.pack("!II", len(packed) + len(payload) + _OVERHEAD, len(packed))
    message = lengths + _U32.pack(crc32(lengths)) + packed + payload
    return message + _U32.pack(crc32(message))


def _pack(name: str, value: Value) -> bytes:
    raw = name.encode()
    if not 0 < len(raw) < 256:
        raise ValueError(f"a header's name has 1 to 255 bytes, not {len(raw)}")
    return bytes((len(raw),)) + raw + _pack_value(value)


def _pack_value(value: Value) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return b"\x05" + _NUMBERS[5].pack(value)
    if isinstance(value, datetime):
        return b"\x08" + _NUMBERS[8].pack((value - _EPOCH) // timedelta(milliseconds=1))
    if isinstance(value, UUID):
        return b"\x09" + value.bytes
    raw = value.encode() if isinstance(value, str) else value
    if len(raw) > 0x7FFF:
        raise ValueError(f"a header's value has at most 32767 bytes, not {len(raw)}")
    return (b"\x07" if isinstance(value, str) else b"\x06") + _U16.pack(len(raw)) + raw
