"""What other controllers are told: one word, one number, at any moment of a rollout."""

import pytest

from support.workspace import ANNA
from volano.core.principal import SYSTEM
from volano.releases.errors import NotProvenError, UnknownChannelError
from volano.releases.outlook import Outlooks


@pytest.fixture
def moving(desk, street):
    desk.serve()
    rollout = desk.releases.promote(desk.cut().ref, channel="support", by=ANNA)
    return Outlooks(street.reconciler), rollout


def test_a_rollout_without_evidence_is_running_and_says_what_is_missing(moving, street):
    outlooks, rollout = moving
    assert outlooks.verdict("support").verdict == "running"
    street.tick()
    street.tick()
    found = outlooks.verdict("support")
    assert (found.verdict, found.value, found.ok) == ("running", 0, False)
    assert any("units: 0 of 50" in why for why in found.missing)
    with pytest.raises(NotProvenError, match="running"):
        outlooks.confirm("support", by=ANNA)
    assert found.rollout == rollout.id


def test_a_step_that_takes_too_long_is_inconclusive(moving, street):
    outlooks, _ = moving
    street.tick()
    street.tick(seconds=4000)
    assert outlooks.verdict("support").verdict == "inconclusive"


def test_harm_is_a_failure_also_after_it_was_taken_back(moving, street):
    outlooks, _ = moving
    street.tick()
    for _ in range(30):
        street.call("support", "candidate", outcome="error")
    street.tick()
    found = outlooks.verdict("support")
    assert (found.verdict, found.value) == ("failed", -1)
    assert "guard" in found.reason


def test_what_arrived_is_a_success(moving, desk):
    outlooks, rollout = moving
    desk.releases.end(rollout, "arrived", {"reason": "all gates hold"}, by=SYSTEM)
    assert (outlooks.verdict("support").verdict, outlooks.confirm("support", by=ANNA).value) == (
        "success", 1,
    )  # fmt: skip


def test_a_channel_that_never_was_is_told_so(moving):
    outlooks, _ = moving
    with pytest.raises(UnknownChannelError):
        outlooks.verdict("nowhere")
