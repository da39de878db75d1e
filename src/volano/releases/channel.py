"""A Channel is the name that clients call; it is the only thing that routes traffic."""

from dataclasses import dataclass

MILLION = 1_000_000
UNITS = ("user", "request")
"""What sticks to one release: all calls of a user, or nothing beyond one call."""
SCOPES = ("group", "channel", "release")
"""Who may get an answer that another got: its group, all callers of the channel, or of the release."""
MAX_TTL_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Channel:
    """What a channel serves now. `share` is the candidate's part, in millionths.

    Answers are cached for `cache_ttl_s` seconds, in the scope of `SCOPES`; None: not at all.
    """

    name: str
    stable: str
    stable_ref: str
    unit: str
    updated_us: int
    group: str = ""
    candidate: str | None = None
    candidate_ref: str | None = None
    share: int = 0
    rollout_id: str | None = None
    salt: str = ""
    cache_ttl_s: int | None = None
    cache_scope: str | None = None
    cache_set_us: int | None = None

    @property
    def share_millionths(self) -> int:
        """The candidate's share of new units, in millionths."""
        return self.share


@dataclass(frozen=True)
class Arm:
    """One release that a channel serves, with its share of the units in millionths."""

    release: str
    release_digest: str
    share: int
    role: str
    rollout_id: str | None = None


def arms(channel: Channel) -> list[Arm]:
    """Return the channel's arms: the stable release, then the candidate if there is one."""
    stable = Arm(
        channel.stable_ref, channel.stable, MILLION - channel.share, "stable", channel.rollout_id
    )
    if channel.candidate is None or channel.candidate_ref is None:
        return [stable]
    candidate = Arm(
        channel.candidate_ref, channel.candidate, channel.share, "candidate", channel.rollout_id
    )
    return [stable, candidate]
