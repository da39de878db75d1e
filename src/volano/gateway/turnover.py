"""Turnover: how many replicas of two releases run while one takes the other's place.

Of n replicas k are replaced: n - k of the old release are asked, k of the new one, and
one more of it runs already, to take the next place when it is warm. So n + 1 run, and
never 2 n. A canary before that may have a share between two numbers of replicas: then the
one more is asked as well, once it answers, so that no replica of either release has more
users than one has usually.
"""

from typing import NamedTuple

from volano.releases.channel import Channel
from volano.releases.rolling import replaced, share_of


class Number(NamedTuple):
    """How many replicas run, how many of them are asked, and how many must be there for that."""

    run: int
    asked: int
    needed: int


def turnover(channel: Channel, usual: int) -> dict[str, Number]:
    """Return the numbers for the releases of a channel whose engines are being replaced."""
    if not channel.rolling or channel.candidate is None:
        return {}
    done = replaced(channel.share, usual)
    run, needed = min(usual, done + 1), max(1, done)
    asked = run if channel.share > share_of(done, usual) else needed
    old = max(1, usual - done)
    return {
        channel.stable: Number(old, old, old),
        channel.candidate: Number(run, asked, needed),
    }
