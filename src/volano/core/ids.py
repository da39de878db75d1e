"""Ids: UUIDv7 (RFC 9562) for rows that sort by time, W3C ids for traces."""

import os
import re

_TRACE = re.compile(r"(?!0{32})[0-9a-f]{32}")


def uuid7(now_us: int, random: bytes | None = None) -> str:
    """Return a UUIDv7 for this moment: 48 bits of milliseconds, then randomness.

    The 12 bits of `rand_a` carry the microsecond within the millisecond (RFC
    9562 §6.2, method 3), so that ids made in one process sort as they were made.
    """
    random = os.urandom(8) if random is None else random
    millis, micros = divmod(now_us, 1000)
    high = (millis << 16) | 0x7000 | (micros << 2)
    low = (int.from_bytes(random, "big") & (2**62 - 1)) | (2 << 62)
    text = f"{high:016x}{low:016x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def trace_id() -> str:
    """Return a new W3C trace id: 32 hexadecimal digits, not all zero."""
    return os.urandom(16).hex()


def span_id() -> str:
    """Return a new W3C span id: 16 hexadecimal digits."""
    return os.urandom(8).hex()


def is_trace_id(text: str) -> bool:
    """Whether the text is a valid W3C trace id (not all zero)."""
    return bool(_TRACE.fullmatch(text))
