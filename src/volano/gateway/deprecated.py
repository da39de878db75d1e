"""What callers are told of a channel or a release that should be left, as header lines.

    deprecation: @1793491200                              RFC 9745: since when
    sunset: Mon, 01 Mar 2027 00:00:00 GMT                 RFC 8594: when it may be gone
    link: </v1/models/support>; rel="successor-version"   RFC 5829: what follows

The lines are made once for each snapshot: an answer of what is not deprecated pays nothing.
"""

import re
from email.utils import formatdate

from msgspec import Struct

_LATEST_S = 253_402_300_799
_ADDRESS = re.compile(r"/[A-Za-z0-9._~/%@:+-]*")


class Deprecated(Struct, frozen=True):
    """Since when, until when (seconds of the epoch; None: not said), and where its successor is.

    The successor's address is relative to the gateway; "" is none.
    """

    since_s: int
    until_s: int | None = None
    successor: str = ""

    def lines(self) -> bytes:
        """Return the header lines of every answer."""
        said = [f"deprecation: @{self.since_s}"]
        if self.until_s is not None:
            said.append(f"sunset: {formatdate(self.until_s, usegmt=True)}")
        if self.successor:
            said.append(f'link: <{self.successor}>; rel="successor-version"')
        return "".join(f"{line}\r\n" for line in said).encode("ascii")

    def check(self) -> None:
        """Make sure that its lines are what they should be. Raises ValueError: they are not."""
        moments = [self.since_s, *([] if self.until_s is None else [self.until_s])]
        if not all(0 <= moment <= _LATEST_S for moment in moments):
            raise ValueError("a date of a deprecation is impossible")
        if self.successor and not _ADDRESS.fullmatch(self.successor):
            raise ValueError(f"the successor's address is impossible: {self.successor[:80]}")
