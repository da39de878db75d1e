from types import SimpleNamespace

import pytest

from volano.gateway import path
from volano.gateway.choose import choose
from volano.gateway.exclude import Excluded
from volano.gateway.routes import Route, RoutedChannel
from volano.gateway.snapshot import Arm, Channel, Key, Target

TARGET = (Target(name="t", url="unix:/x", model="m"),)
RULES = ("tag:internal", "tag:tier=gold", "user:анна", "group:shop/support", "key:k-9")


@pytest.mark.parametrize(
    ("key", "user", "tags", "left_out"),
    [
        (Key("k-1"), "bob", {}, False),
        (Key("k-1"), "bob", {"internal": ""}, True),
        (Key("k-1"), "bob", {"tier": "gold"}, True),
        (Key("k-1"), "bob", {"tier": "silver"}, False),
        (Key("k-1"), "анна", {}, True),
        (Key("k-1", "shop/support/night"), "bob", {}, True),
        (Key("k-1", "shop/supporters"), "bob", {}, False),
        (Key("k-9"), "bob", {}, True),
    ],
)
def test_who_is_left_out(key, user, tags, left_out):
    assert Excluded(RULES)(key, user, tags) is left_out


def channel(*shares, roles=None, unit="user", exclude=()):
    roles = roles or ["stable", *["candidate"] * (len(shares) - 1)]
    arms = tuple(
        Arm(release=f"s@{n}", release_digest="", targets=TARGET, share=share, arm=role)
        for n, (share, role) in enumerate(zip(shares, roles, strict=True), 1)
    )
    made = Channel(arms=arms, salt="s", unit=unit, exclude=exclude)
    return RoutedChannel(made, [Route(arm, []) for arm in arms])


def test_who_is_left_out_gets_the_stable_release_under_another_name():
    made = channel(500_000, 500_000, exclude=("tag:internal",))
    assert (made.aside.info.release, made.aside.arm) == ("s@1", "excluded")
    assert made.excludes is not None


def test_a_channel_that_compares_nothing_has_nothing_to_ask():
    assert channel(1_000_000).plain
    assert channel(1_000_000).excludes is None
    assert not channel(1_000_000, unit="session").plain
    assert not channel(500_000, 500_000).plain


def test_nobody_moves_between_the_others_when_an_arm_is_out():
    units = [f"u{i}" for i in range(4000)]
    before, after = channel(400_000, 300_000, 300_000), channel(
        400_000, 300_000, 300_000, roles=("stable", "out", "candidate")
    )  # fmt: skip
    for unit in units:
        was, is_now = choose(before.arms, "s", unit), choose(after.arms, "s", unit)
        assert was.info.release == is_now.info.release
        assert is_now.arm == ("out" if is_now.info.release == "s@2" else was.arm)


def chosen(made, **given):
    """Let the path choose for a call; return it with its unit and its route."""
    call = SimpleNamespace(
        key=Key("k-1"), channel="c", unit="анна", trace="t" * 32, session="", tags={}, route=None, replayed="",
        state=SimpleNamespace(routes=SimpleNamespace(channels={"c": made})),
    )  # fmt: skip
    vars(call).update(given)
    path.choose(call)
    return call


def test_a_session_sticks_whoever_speaks_in_it():
    made = channel(500_000, 500_000, unit="session")
    for session in (f"chat-{n}" for n in range(20)):
        arms = {chosen(made, session=session, unit=f"user-{n}").route for n in range(10)}
        assert len(arms) == 1
        assert chosen(made, session=session).unit == session
    assert chosen(made).unit == "анна"


def test_the_path_leaves_out_whom_a_rule_names_and_nobody_else():
    made = channel(10_000, 990_000, exclude=("tag:internal", "user:анна"), unit="request")
    assert chosen(made).route.arm == "excluded"
    assert chosen(made, unit="bob", tags={"internal": "1"}).route.arm == "excluded"
    assert chosen(made, unit="bob", trace="1" * 32).route.arm == "candidate"
    assert chosen(made, unit="bob").unit == "t" * 32
