"""A channel's cache: who may say what of it, and what is kept of that."""

import pytest

from support.workspace import ANNA
from volano.releases.channel import MAX_TTL_S
from volano.releases.errors import BadCacheError, UnknownChannelError


@pytest.fixture
def shop(workspace):
    workspace.serve("support")
    return workspace


def kept(shop):
    channel = shop.releases.channel("support")
    return channel.cache_ttl_s, channel.cache_scope, channel.cache_set_us


def test_a_channel_has_no_cache_until_it_is_said(shop):
    assert kept(shop) == (None, None, None)
    assert shop.releases.channels()[0].cache_ttl_s is None


def test_what_is_said_holds_and_is_published(shop):
    published = len(shop.published)
    said = shop.releases.cache("support", ttl=300, by=ANNA)
    assert (said.channel, said.ttl_s, said.scope) == ("support", 300, "group")
    assert said.says == "answers are kept for 300 s, shared in the group"
    assert kept(shop) == (300, "group", shop.clock.now_us())
    assert len(shop.published) == published + 1
    event = shop.ledger.list(subject="channel/support")[0]
    assert event.verb == "channel.cache"


def test_said_again_is_set_anew_and_off_is_off(shop):
    shop.releases.cache("support", ttl=300, scope="release", by=ANNA)
    first = kept(shop)
    shop.clock.advance(5)
    shop.releases.cache("support", ttl=300, scope="release", by=ANNA)
    assert kept(shop)[:2] == first[:2]
    assert kept(shop)[2] > first[2]
    assert shop.releases.cache("support", off=True, by=ANNA).says == "each call is answered anew"
    assert kept(shop)[:2] == (None, None)


def test_a_rollout_leaves_it(shop):
    shop.releases.cache("support", ttl=60, scope="channel", by=ANNA)
    before = kept(shop)
    shop.serve("support")
    assert shop.releases.channel("support").stable_ref == "support@2"
    shop.releases.promote(shop.cut("support").ref, channel="support", plan="5%,100%", by=ANNA)
    moving = shop.releases.channel("support")
    assert moving.candidate_ref == "support@3"
    assert kept(shop) == before


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "1 to"), ({"ttl": 0}, "1 to"), ({"ttl": -1}, "1 to"), ({"ttl": MAX_TTL_S + 1}, "1 to"),
        ({"ttl": 5, "scope": "world"}, "the scope is one of group, channel, release"),
        ({"ttl": 5, "off": True}, "not both"),
    ],
)  # fmt: skip
def test_what_cannot_be_changes_nothing(shop, given, why):
    shop.releases.cache("support", ttl=60, by=ANNA)
    before = kept(shop)
    with pytest.raises(BadCacheError, match=why):
        shop.releases.cache("support", **given, by=ANNA)
    assert kept(shop) == before


def test_a_channel_must_be_there(shop):
    with pytest.raises(UnknownChannelError):
        shop.releases.cache("nobody", ttl=60, by=ANNA)
