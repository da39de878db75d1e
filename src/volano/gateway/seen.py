"""What was read of requests before: the same bytes need not be read again.

Only requests of channels with a cache are remembered, and only while there is
room: then all are forgotten. It saves time and decides nothing.
"""

from typing import NamedTuple

from volano.gateway.door import Door
from volano.wire.peek import Peek

MAX_BODY_BYTES = 16 << 10
"""A longer body is not remembered: it is not the reading that costs then."""
OVERHEAD_BYTES = 1000


class Known(NamedTuple):
    """A request that was read, and the digest of its words (`words.digest`)."""

    door: Door
    peek: Peek
    any_channel: bool
    words: bytes | None


class Seen:
    """Bodies of a worker, `most` bytes of them."""

    __slots__ = ("_room", "bodies", "most")

    def __init__(self, most: int):
        self.most = self._room = most
        self.bodies: dict[bytes, Known] = {}

    def put(self, body: bytes, known: Known) -> None:
        """Remember what was read."""
        size = len(body) + OVERHEAD_BYTES
        if len(body) > MAX_BODY_BYTES or size > self.most:
            return
        if body not in self.bodies:
            self._room -= size
        if self._room < 0:
            self.bodies.clear()
            self._room = self.most - size
        self.bodies[body] = known
