"""Turnover: how many replicas of two releases run while one takes the other's place.

Of n replicas k are replaced: n - k of the old release are asked, k of the new one, and
one more of it runs already, to take the next place when it is warm. So n + 1 run, and
never 2 n.
"""

from typing import NamedTuple

from volano.releases.channel import MILLION, Channel


class Number(NamedTuple):
    """How many replicas run, and how many of them are asked."""

    run: int
    asked: int


def turnover(channel: Channel, usual: int) -> dict[str, Number]:
    """Return the numbers for the releases of a channel whose engines are being replaced."""
    if not channel.rolling or channel.candidate is None:
        return {}
    done = channel.share * usual // MILLION
    old, new = max(1, usual - done), max(1, done)
    return {
        channel.stable: Number(old, old),
        channel.candidate: Number(min(usual, done + 1), new),
    }
