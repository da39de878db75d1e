"""A shadow stage: nobody moves, calls are copied, and the copies cost no more than they may."""

from volano.core.money import Money
from volano.releases.channel import MILLION, arms

from .test_reconciler import begin, events, state

PLAN = "shadow 20% 1 USD,100%"


def copy(street, n=1, *, nano=0, currency="USD", **more):
    """Record n calls of the stable release, each with its copy."""
    for _ in range(n):
        found = street.workspace.releases.channel("support")
        original = street.call("support", "stable")
        street.call(
            "support", "shadow", tags={"shadow": original}, key_id="shadow", share=found.mirror,
            release=found.candidate_ref, cost_nano=nano, cost_currency=currency,
            priced_by="test", **more,
        )  # fmt: skip


def mirror(street):
    return street.workspace.releases.channel("support").mirror


def shown(street):
    return street.reconciler.status("support")["shadow"]


def test_while_it_is_shadowed_every_user_has_the_stable_release(street):
    begin(street, plan=PLAN)
    found = street.workspace.releases.channel("support")
    by_role = {arm.role: (arm.release, arm.share, arm.currency) for arm in arms(found)}
    assert by_role == {
        "stable": (found.stable_ref, MILLION, ""),
        "shadow": (found.candidate_ref, 200_000, "USD"),
    }


def test_what_copies_cost_is_shown_and_ends_them_at_the_budget(street):
    rollout = begin(street, plan=PLAN)
    copy(street, 3, nano=300_000_000)
    street.tick()
    assert (mirror(street), shown(street)["copies"]) == (200_000, 3)
    assert (shown(street)["spent"], shown(street)["budget"]) == ("0.90 USD", "1.00 USD")
    copy(street, nano=100_000_000)
    street.tick()
    assert (mirror(street), shown(street)["is_spent"]) == (0, True)
    assert [arm.role for arm in arms(street.workspace.releases.channel("support"))] == [
        "stable", "candidate"
    ]  # fmt: skip
    assert street.workspace.releases.channel("support").share == 0
    street.tick()
    assert events(street, rollout).count("spent") == 1
    assert state(street, rollout) == "moving"


def test_a_restarted_control_knows_that_it_is_spent(street):
    begin(street, plan=PLAN)
    copy(street, nano=2_000_000_000)
    street.tick()
    again = street.fresh_after_tick()
    assert mirror(street) == 0
    assert again.status("support")["shadow"]["spent"] == str(Money(2_000_000_000, "USD"))


def test_money_that_cannot_be_compared_with_the_budget_ends_it_too(street):
    begin(street, plan=PLAN)
    copy(street, nano=1, currency="EUR")
    street.tick()
    assert mirror(street) == 0


def test_without_a_budget_it_goes_on(street):
    begin(street, plan="shadow 20%,100%")
    copy(street, nano=10**15)
    street.tick()
    assert (mirror(street), shown(street)["budget"]) == (200_000, None)


def test_copies_are_no_evidence_of_users(street):
    begin(street, plan=PLAN)
    copy(street, 5, outcome="error")
    street.tick()
    calls = street.reconciler.status("support")["evidence"]["calls"]
    assert (calls["stable"], calls["candidate"]) == (5, 0)
    assert shown(street)["failed"] == 5


def test_a_shadow_that_fails_is_taken_back_by_the_guard(street):
    rollout = begin(street, plan=PLAN)
    digest = rollout.candidate
    street.serving.counted[digest] = (0, 0)
    street.tick()
    street.serving.counted[digest] = (25, 25)
    street.tick()
    assert state(street, rollout) == "back"
