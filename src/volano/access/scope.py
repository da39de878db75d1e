"""Scopes: what a key may do.

    chat:CHANNEL    call this channel:  chat:support, chat:support/staging
    chat:PREFIX*    call every channel whose name begins so:  chat:support/*, chat:*
    door:DOOR       come in by this door of the gateway:  door:openai.chat
    door:PREFIX*    by every door whose name begins so:  door:openai.*, door:*
    approve         agree that a channel may move to a release, over HTTP
    feedback, read  give feedback, read traces and feedback, over HTTP
    data            list, show and read datasets over HTTP, as far as they are granted
    traces          send spans (OTLP)
    prompts         read what prompts say, over HTTP
    replay          have calls taken for replays of recorded ones: no evidence in a rollout

A `*` stands at the end only. `chat:` says which channels, `door:` says how. A
key without any `door:` scope may use every door, so that keys older than this
word go on as before; one with `door:` scopes may use these doors only.
"""

import re
from collections.abc import Iterable

from volano.access.errors import BadScopeError
from volano.core.errors import VolanoError
from volano.core.ref import check_name

PLAIN = ("approve", "data", "feedback", "prompts", "read", "replay", "traces")
_DOOR = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_DOOR_PREFIX = re.compile(r"([a-z][a-z0-9_]*\.)*[a-z0-9_]*")
_MOST = 100


def check_scope(scope: str) -> str:
    """Return the scope in NFC.

    Raises:
        BadScopeError: no such scope.
    """
    if scope in PLAIN:
        return scope
    kind, _, name = scope.partition(":")
    try:
        if kind == "chat":
            return f"chat:{_channel(name)}"
    except VolanoError as error:
        raise BadScopeError(scope=scope[:120]) from error
    pattern = _DOOR_PREFIX if name.endswith("*") else _DOOR
    if kind == "door" and len(name) <= _MOST and pattern.fullmatch(name.removesuffix("*")):
        return scope
    raise BadScopeError(scope=scope[:120])


def grants(scopes: Iterable[str], kind: str, name: str) -> bool:
    """Whether one of the scopes of this kind (`chat`, `door`) names this, by itself or by `*`."""
    wanted = f"{kind}:{name}"
    for scope in scopes:
        if scope == wanted:
            return True
        if scope[-1:] == "*" and scope.startswith(kind + ":") and wanted.startswith(scope[:-1]):
            return True
    return False


def may_enter(scopes: Iterable[str], door: str) -> bool:
    """Whether a key with these scopes may come in by this door."""
    doors = [scope for scope in scopes if scope.startswith("door:")]
    return not doors or grants(doors, "door", door)


def _channel(name: str) -> str:
    """Check a channel's name, or the beginning of one before a `*`."""
    if name == "*":
        return name
    if name.endswith("*"):
        return check_name(name[:-1] + "x")[:-1] + "*"
    return check_name(name)
