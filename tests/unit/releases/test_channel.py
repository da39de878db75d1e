"""A channel's arms always share out all of it."""

import pytest

from volano.releases.channel import Channel, arms

QUIET = Channel("support", "sha256:a", "support@1", "user", 1)


def test_a_channel_at_rest_has_one_arm():
    [arm] = arms(QUIET)
    assert (arm.release, arm.release_digest, arm.share, arm.role) == (
        "support@1", "sha256:a", 1_000_000, "stable",
    )  # fmt: skip
    assert arm.rollout_id is None


@pytest.mark.parametrize("share", [0, 1, 50_000, 999_999, 1_000_000])
def test_a_moving_channel_has_two(share):
    moving = Channel(
        "support", "sha256:a", "support@1", "user", 1,
        candidate="sha256:b", candidate_ref="support@2", share=share, rollout_id="r", salt="s",
    )  # fmt: skip
    stable, candidate = arms(moving)
    assert (stable.role, candidate.role) == ("stable", "candidate")
    assert (stable.share, candidate.share) == (1_000_000 - share, share)
    assert {stable.rollout_id, candidate.rollout_id} == {"r"}
    assert moving.share_millionths == share
