"""Kept: the release that a channel served before, and that stays hot for a return at once."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept hot, since which rollout replaced it, and for how long still.

    `until_us` is when that is over by the wall clock as it is now, if volano runs on.
    """

    release: str
    release_digest: str
    rollout_id: str
    left_us: int
    until_us: int = 0
