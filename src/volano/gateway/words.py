"""What a request asks, as bytes: two that differ in nothing else want the same answer.

As little as possible is left out: who asks for whom, where the API never says it
back, and the channel's name where a release's channels share answers. All else
counts byte for byte, spaces and the order of names too. That finds fewer
repetitions than it could, and never a false one.
"""

import re
from collections.abc import Callable
from hashlib import blake2b
from itertools import islice

import msgspec

from volano.wire.peek import Peek

_IGNORED: dict[str, tuple[str, ...]] = {
    "openai.chat": ("user", "safety_identifier", "metadata"),
    "openai.completions": ("user",),
    "openai.embeddings": ("user",),
    "anthropic.messages": ("metadata",),
}
"""The Responses API repeats `user` and `metadata` in its answers, so that they count there."""
_STATEFUL = (b'"background"', b'"conversation"', b'"previous_response_id"')
"""What the Responses API keeps between calls: the same bytes may mean something else next time."""
_TRIES = 2


class _Said(msgspec.Struct, gc=False):
    """The top-level values that may be left out."""

    model: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    user: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    safety_identifier: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_said: Callable[[bytes], _Said] = msgspec.json.Decoder(_Said).decode
_NAMES = {
    name: re.compile(b'"%b"[ \\t\\r\\n]*:[ \\t\\r\\n]*' % name.encode())
    for name in _Said.__struct_fields__
}


def digest(door: str, body: bytes, peek: Peek, *, any_channel: bool) -> bytes | None:
    """Return the digest of what a request asks; None where that is not all that its answer depends on.

    BLAKE2b of 32 bytes (RFC 7693): nobody can make two questions that have the same.
    """
    if not repeatable(door, body):
        return None
    said = asked(door, body, peek, any_channel=any_channel)
    return blake2b(said, digest_size=32).digest()


def repeatable(door: str, body: bytes) -> bool:
    """Whether the request says all that its answer depends on."""
    return door != "openai.responses" or not any(name in body for name in _STATEFUL)


def asked(door: str, body: bytes, peek: Peek, *, any_channel: bool) -> bytes:
    """Return the body without what does not change the answer; it must have been read (`peek`).

    A member goes whole, with its comma and the space after that: the body then reads as one
    that never had it, and what else stands there is untouched.
    """
    chat = peek.chat
    if chat is not None and b'"metadata"' not in body and body.find(b"\\u") < 0:
        quick = _texts_left_out(
            body,
            (b'"model"', any_channel),
            (b'"user"', chat.user is not None),
            (b'"safety_identifier"', chat.safety_identifier is not None),
        )
        if quick is not None:
            return quick
    names = _IGNORED.get(door, ()) if peek.user is not None or b'"metadata"' in body else ()
    if any_channel:
        names = ("model", *names)
    if not names:
        return body
    said = _said(body)
    for name in names:
        value = getattr(said, name)
        if value is not msgspec.UNSET:
            body = _without(body, name, bytes(value))
    return body


def _texts_left_out(body: bytes, *names: tuple[bytes, bool]) -> bytes | None:
    r"""Leave out the top-level texts of these names, as far as they are there and wanted.

    None: it is not plain to see which they are. A name that stands only once before a
    colon, where no `\u` could hide another, is the one that `peek` has read.
    """
    for name, wanted in names:
        if not wanted:
            continue
        found, at = -1, body.find(name)
        while at >= 0:
            end = at + len(name)
            if body[end] in _AFTER_A_NAME:
                if found >= 0:
                    return None
                found = end
            at = body.find(name, end)
        begins = body.find(b'"', found, found + 3) if found >= 0 else -1
        ends = body.find(b'"', begins + 1)
        if begins < 0 or body[found:begins] not in _COLONS or b"\\" in body[begins:ends]:
            return None
        changed = _cut(body, found - len(name), ends + 1)
        if changed is None:
            return None
        body = changed
    return body


_AFTER_A_NAME = b": \t\r\n"
_COLONS = frozenset((b":", b": "))
_SPACE = b" \t\r\n"


def _without(body: bytes, name: str, value: bytes) -> bytes:
    r"""Leave out a top-level member; the body as it is where that is not plain to see.

    Where no `\u` could hide another spelling of the name and it stands there only
    once, that is the one. Otherwise it may stand elsewhere too, deeper or twice: then
    the right one is proven by the top level, which has none afterwards.
    """
    pattern = _NAMES[name]
    found = pattern.search(body)
    if found is None:
        return body
    at = found.end()
    if pattern.search(body, at) is None and body.find(b"\\u") < 0:
        plain = _cut(body, found.start(), at + len(value)) if body.startswith(value, at) else None
        return body if plain is None else plain
    for found in islice(pattern.finditer(body), _TRIES):
        if not body.startswith(value, found.end()):
            continue
        changed = _cut(body, found.start(), found.end() + len(value))
        if changed is not None and getattr(_said(changed), name) is msgspec.UNSET:
            return changed
    return body


def _cut(body: bytes, begins: int, ends: int) -> bytes | None:
    """Take out a member from its name to its value's end, with one comma.

    None: these are not the bounds of a member, such as a number that goes on, or a name
    inside a text; or it is the only one of its object.
    """
    after = ends
    while body[after] in _SPACE:
        after += 1
    if body[after] not in b",}":
        return None
    before = begins - 1
    while body[before] in _SPACE:
        before -= 1
    if body[before] == _COMMA:
        return body[:before] + body[ends:]
    if body[before] != _BRACE or body[after] != _COMMA:
        return None
    after += 1
    while body[after] in _SPACE:
        after += 1
    return body[:begins] + body[after:]


_COMMA, _BRACE = b",{"
