"""Frames: how a record lies in a spool segment, and what it says.

    frame := 'VF' | u8 version | u8 kind | u32 length | u32 crc of payload
             | u32 crc of the 12 bytes before | payload          (little endian)

Both checksums are CRC-32 started from a seed that comes from the segment's
name. A body inside a payload may contain anything, also bytes that look like
a frame; without the seed they never pass for one when a damaged segment is
searched for its next whole frame. The header has a checksum of its own, so
that a damaged length is seen at once and not taken for a frame still being
written.

Payloads are MessagePack arrays: fields may be added at the end with a
default, never moved or removed within one frame version.
"""

import struct
import zlib
from enum import IntEnum

import msgspec

from volano.wire.exchange import Usage

MAGIC = b"VF"
VERSION = 1
MAX_PAYLOAD_BYTES = 128 << 20
"""No payload is larger; a header that claims more is damaged."""

_HEADER = struct.Struct("<2sBBIII")
_CHECKED = struct.Struct("<2sBBII")
HEADER_BYTES = _HEADER.size


class Kind(IntEnum):
    """What a frame's payload is."""

    CALL = 1
    BEGIN = 2
    FEEDBACK = 3
    REPRICE = 4
    SPANS = 5


class Call(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """One call through a door, finished or broken off. Times are microseconds UTC.

    `first_us` is the moment of the first content, of a plain answer that of its
    first bytes (all its tokens come at once); `share` is the share of the
    chosen arm at that moment in millionths; `outcome` is ok, error (upstream
    or ours), cut (the stream broke), left (the client went), or refused
    (before any upstream was asked). Bodies are the bytes on the client's side.
    `usage` is there where an answer broke off: what it had used by then, `estimated` where not
    all of it was told. `held` names the budget slots (their generations) that counted the call and
    `held_nano` what it held there; `cost_nano` is what it settled, where that is
    known in the gateway: the trace then says the same. `provider` is whose price it has.
    """

    id: str
    span_id: str
    parent_span_id: str | None = None
    began_us: int
    ended_us: int
    first_us: int | None = None
    key_id: str = ""
    group: str = ""
    channel: str = ""
    release: str = ""
    release_digest: str = ""
    share: int = 0
    arm: str = ""
    rollout: str | None = None
    unit: str = ""
    door: str = ""
    target: str = ""
    model: str = ""
    streamed: bool = False
    status: int = 0
    outcome: str = "ok"
    error: str | None = None
    request: bytes = b""
    response: bytes = b""
    worker: str = ""
    environment: str = ""
    tags: dict[str, str] = {}
    held: list[int] = []
    held_nano: int | None = None
    cost_nano: int | None = None
    cost_currency: str = ""
    priced_by: str = ""
    provider: str = ""
    session: str = ""
    usage: Usage | None = None
    estimated: bool = False


class Begin(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """A call that streams, or that holds money, has begun. If its worker dies, this is what the trace is made from."""

    id: str
    span_id: str
    parent_span_id: str | None = None
    began_us: int
    key_id: str = ""
    group: str = ""
    channel: str = ""
    release: str = ""
    release_digest: str = ""
    share: int = 0
    arm: str = ""
    rollout: str | None = None
    unit: str = ""
    door: str = ""
    target: str = ""
    model: str = ""
    streamed: bool = True
    request: bytes = b""
    environment: str = ""
    tags: dict[str, str] = {}
    held: list[int] = []
    held_nano: int | None = None
    cost_currency: str = ""
    priced_by: str = ""
    provider: str = ""
    session: str = ""


class Spans(msgspec.Struct, array_like=True, kw_only=True, gc=False):
    """One OTLP export request as it came: `encoding` is protobuf or json, the body perhaps gzipped."""

    key_id: str = ""
    group: str = ""
    received_us: int
    encoding: str = "protobuf"
    gzipped: bool = False
    body: bytes


encode = msgspec.msgpack.Encoder().encode
"""Payload bytes of a `Call`, a `Begin` or `Spans`."""

decode_call = msgspec.msgpack.Decoder(Call).decode
decode_begin = msgspec.msgpack.Decoder(Begin).decode
decode_spans = msgspec.msgpack.Decoder(Spans).decode


def seed_of(segment_name: str) -> int:
    """The seed of both checksums in the segment of this file name."""
    return zlib.crc32(segment_name.encode())


def header(kind: int, payload: bytes, seed: int) -> bytes:
    """Return the 16 bytes that stand before this payload."""
    checked = _CHECKED.pack(MAGIC, VERSION, kind, len(payload), zlib.crc32(payload, seed))
    return checked + zlib.crc32(checked, seed).to_bytes(4, "little")


class Header(msgspec.Struct, frozen=True, gc=False):
    """A header that passed its own checksum."""

    version: int
    kind: int
    length: int
    check: int

    def fits(self, payload: bytes | memoryview, seed: int) -> bool:
        """Whether this is the payload that was written."""
        return zlib.crc32(payload, seed) == self.check


def parse_header(data: bytes, at: int, seed: int) -> Header | None:
    """Read the header at this place, or None where no sound header stands."""
    if not data.startswith(MAGIC, at) or len(data) - at < HEADER_BYTES:
        return None
    _, version, kind, length, check, head = _HEADER.unpack_from(data, at)
    if zlib.crc32(data[at : at + _CHECKED.size], seed) != head or length > MAX_PAYLOAD_BYTES:
        return None
    return Header(version, kind, length, check)
