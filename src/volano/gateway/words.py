"""What a request asks, as bytes: two that differ in nothing else want the same answer.

As little as possible is left out: who asks for whom, where the API never says it
back, and the channel's name where a release's channels share answers. All else
counts byte for byte, spaces and the order of names too. That finds fewer
repetitions than it could, and never a false one.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from typing import Any

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
_fields: Callable[[bytes], dict[str, Any]] = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def repeatable(door: str, body: bytes) -> bool:
    """Whether the request says all that its answer depends on."""
    return door != "openai.responses" or not any(name in body for name in _STATEFUL)


def asked(door: str, body: bytes, peek: Peek, *, any_channel: bool) -> bytes:
    """Return the body without what does not change the answer; it must have been read (`peek`)."""
    names = _IGNORED.get(door, ()) if peek.user is not None or b'"metadata"' in body else ()
    if any_channel:
        names = ("model", *names)
    if not names:
        return body
    fields = _fields(body)
    for name in names:
        if name in fields:
            body = _without(body, name, bytes(fields[name]))
    return body


def _without(body: bytes, name: str, value: bytes) -> bytes:
    """Put null for a top-level value; the body as it is where that is not plain to see.

    The name may stand elsewhere too, deeper or twice. That the right one was
    found is proven: afterwards the top level says null.
    """
    for found in islice(_NAMES[name].finditer(body), _TRIES):
        at = found.end()
        if not body.startswith(value, at):
            continue
        changed = body[:at] + b"null" + body[at + len(value) :]
        with suppress(msgspec.MsgspecError):  # the value only began like this one
            if bytes(_fields(changed)[name]) == b"null":
                return changed
    return body


_NAMES = {
    name: re.compile(b'"%b"[ \\t\\r\\n]*:[ \\t\\r\\n]*' % name.encode())
    for name in {"model", *(name for names in _IGNORED.values() for name in names)}
}
