"""What an exporter hears: ExportTraceServiceResponse, or google.rpc.Status, in its own encoding.

Both are so small that they are written by hand.
"""

import msgspec

PROTOBUF, JSON = "protobuf", "json"
TYPES = {
    PROTOBUF: b"content-type: application/x-protobuf\r\n",
    JSON: b"content-type: application/json\r\n",
}
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 3, 415: 3, 429: 8, 503: 14}
"""HTTP status -> code of google.rpc.Status (code.proto); any other is 13, an internal error."""


class MalformedError(ValueError):
    """The body is no export request."""


def accepted(encoding: str, rejected: int = 0, message: str = "") -> bytes:
    """Return the body of the answer to a request that was taken in, but for so many spans."""
    if encoding == JSON:
        if not rejected:
            return b"{}"
        partial = {"rejectedSpans": str(rejected), "errorMessage": message}
        return msgspec.json.encode({"partialSuccess": partial})
    if not rejected:
        return b""
    partial_success = b"\x08" + _varint(rejected) + _text(2, message)
    return b"\x0a" + _varint(len(partial_success)) + partial_success


def refused(encoding: str, status: int, message: str) -> bytes:
    """Return the body of the answer to a request that was not taken in."""
    code = _CODES.get(status, 13)
    if encoding == JSON:
        return msgspec.json.encode({"code": code, "message": message})
    return b"\x08" + _varint(code) + _text(2, message)


def _text(number: int, text: str) -> bytes:
    data = text.encode()
    return bytes((number << 3 | 2,)) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
