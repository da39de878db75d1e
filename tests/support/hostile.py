"""Bodies that a client or provider should never send: sound ones with something wrong inside."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

from support.exchanges import json_values

ODD: list[Any] = [
    None,
    True,
    -1,
    1.5,
    10**400,
    -(10**30),
    1e308,
    "",
    "\ud800",
    "data:",
    [],
    [[]],
    {},
    {"type": "text"},
    [{"type": []}],
    [None],
]
"""Values that stand wrong almost everywhere."""


@st.composite
def spoiled(draw: st.DrawFn, body: bytes) -> bytes:
    """This JSON with one of its values replaced, taken away or renamed; at times cut short."""
    value = json.loads(body)
    for _ in range(draw(st.integers(1, 3))):
        _spoil(draw, value)
    said = json.dumps(value).encode()
    return said[: draw(st.integers(0, len(said)))] if draw(st.integers(0, 9)) == 0 else said


def _spoil(draw: st.DrawFn, value: Any) -> None:
    while isinstance(value, (dict, list)) and value:
        key = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        if isinstance(value[key], (dict, list)) and value[key] and draw(st.integers(0, 3)):
            value = value[key]
            continue
        match draw(st.integers(0, 3)):
            case 0:
                del value[key]
            case 1 if isinstance(value, dict):
                value[draw(st.text(max_size=5))] = value.pop(key)
            case _:
                value[key] = copy.deepcopy(draw(st.sampled_from(ODD) | json_values))
        return


DEEP = b"[" * 200_000
TOO_DEEP = [
    DEEP,
    b'{"model":"m","max_tokens":1,"messages":' + DEEP,
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":' + DEEP,
    b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"zzz":' + DEEP,
    b'{"a":' * 200_000,
]
NOT_JSON = [
    b"",
    b"{",
    b"\xff",
    b'{"model":"\xff"}',
    b"null",
    b"[]",
    b"3",
    b'"x"',
    b'{"model":"\\ud800"}',
]
