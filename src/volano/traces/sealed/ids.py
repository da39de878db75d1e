"""A Bloom filter of trace ids: says which sealed files surely do not have a trace.

Kirsch and Mitzenmacher, "Less hashing, same performance" (2008): position i is
h1 + i·h2 of one hash. At 10 bits an id and 7 positions 0.8 % of the files without
the id are opened for nothing. Ids are hashed: clients choose them as they like.
"""

from collections.abc import Iterable
from hashlib import blake2b

_BITS_AN_ID = 10
_POSITIONS = 7
_LEAST_BITS = 512


def mark(trace_id: str) -> tuple[int, int]:
    """Return the two hashes of an id."""
    digest = blake2b(trace_id.encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little") | 1


def filter_of(marks: Iterable[tuple[int, int]]) -> bytes:
    """Return the bits of a set of marked ids."""
    known = [*marks]
    size = max(_LEAST_BITS, len(known) * _BITS_AN_ID)
    bits = bytearray(-(-size // 8))
    size = 8 * len(bits)
    for first, step in known:
        for n in range(_POSITIONS):
            at = (first + n * step) % size
            bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


def may_have(bits: bytes, marked: tuple[int, int]) -> bool:
    """Whether the id may be among those; False is certain."""
    first, step = marked
    size = 8 * len(bits)
    places = ((first + n * step) % size for n in range(_POSITIONS))
    return all(bits[at >> 3] >> (at & 7) & 1 for at in places)
