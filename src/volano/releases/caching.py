"""What is said of a channel's cache."""

from dataclasses import dataclass

from volano.releases.channel import MAX_TTL_S, SCOPES
from volano.releases.errors import BadCacheError


@dataclass(frozen=True)
class Caching:
    """Answers of a channel are kept for `ttl_s` seconds and shared in `scope`; None: they are not.

    `says` puts it into words.
    """

    channel: str
    ttl_s: int | None
    scope: str | None
    says: str


def caching(channel: str, *, ttl: int | None, scope: str, off: bool) -> Caching:
    """Return what is meant.

    Raises:
        BadCacheError: it cannot be, and why.
    """
    if off and ttl is not None:
        raise BadCacheError(channel=channel, why="it is off or it has a time, not both")
    if off:
        return Caching(channel, None, None, "each call is answered anew")
    if ttl is None or not 1 <= ttl <= MAX_TTL_S:
        raise BadCacheError(channel=channel, why=f"answers are kept for 1 to {MAX_TTL_S} seconds")
    if scope not in SCOPES:
        raise BadCacheError(channel=channel, why=f"the scope is one of {', '.join(SCOPES)}")
    return Caching(channel, ttl, scope, f"answers are kept for {ttl} s, shared in the {scope}")
