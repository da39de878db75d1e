"""Scopes: channels and doors, each by name or by its beginning."""

import pytest

from volano.access.errors import BadScopeError
from volano.access.key import Key
from volano.access.scope import check_scope, grants, may_enter
from volano.gateway import snapshot


@pytest.mark.parametrize(
    "scope",
    ["chat:*", "chat:support", "chat:support/staging", "chat:support/*", "chat:sup*", "feedback",
     "read", "door:*", "door:openai.*", "door:openai.chat", "door:anthropic"],
)  # fmt: skip
def test_scopes_there_are(scope):
    assert check_scope(scope) == scope


@pytest.mark.parametrize(
    "scope",
    ["", "chat", "chat:", "chat:**", "chat:*x", "chat:a*b", "chat:/*", "chat:a b", "chat:a//*",
     "admin", "read:x", "*", "door:", "door:OpenAI", "door:a/b", "door:*.chat", "door:.x", "door",
     "door:openai.", "door:" + "a" * 101],
)  # fmt: skip
def test_scopes_there_are_not(scope):
    with pytest.raises(BadScopeError):
        check_scope(scope)


def test_a_scope_is_nfc():
    assert check_scope("chat:u\u0308bersetzung") == "chat:\u00fcbersetzung"
    assert check_scope("chat:u\u0308ber*") == "chat:\u00fcber*"


@pytest.mark.parametrize(
    ("scope", "channel", "may"),
    [
        ("chat:support", "support", True),
        ("chat:support", "support/staging", False),
        ("chat:support/*", "support/staging", True),
        ("chat:support/*", "support", False),
        ("chat:support/*", "supportx", False),
        ("chat:support*", "support", True),
        ("chat:*", "anything/at/all", True),
        ("door:*", "support", False),
    ],
)
def test_channels_are_named_or_begin_so(scope, channel, may):
    assert grants([scope], "chat", channel) is may
    assert Key("x", "n", "", (scope,), 0).allows(f"chat:{channel}") is may
    assert snapshot.Key("x", scopes=(scope,)).may_call(channel) is may


def test_a_key_without_door_scopes_uses_every_door():
    """So keys made before there were door scopes go on as before."""
    assert may_enter(("chat:*",), "openai.chat")
    assert may_enter((), "anything")


def test_a_key_with_door_scopes_uses_these_only():
    scopes = ("chat:*", "door:openai.*", "door:anthropic.messages")
    assert may_enter(scopes, "openai.embeddings")
    assert may_enter(scopes, "anthropic.messages")
    assert not may_enter(scopes, "gemini.chat")
    assert snapshot.Key("x", scopes=scopes).may_enter("openai.chat")
    assert not snapshot.Key("x", scopes=scopes).may_enter("gemini.chat")


def test_other_scopes_are_themselves():
    key = Key("x", "n", "", ("read", "chat:*"), 0)
    assert key.allows("read")
    assert not key.allows("feedback")
