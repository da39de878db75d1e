"""The content of a call to `/v1/embeddings`: the texts and their tokens; vectors are no text.

As in `content`, nothing raises and what cannot be read is None. Vectors are long,
so the fast way reads the usage only and passes over the rest.
"""

import msgspec

from volano.traces.content import Content, clean, count_of, load, text_of
from volano.wire.exchange import Usage


class _Told(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw(b"")


_told = msgspec.json.Decoder(_Told).decode


def read_embeddings(request: bytes, response: bytes) -> Content:
    """Read the input, where it is text, and how many tokens it has."""
    try:
        asked = load(request)
        given = asked.get("input") if isinstance(asked, dict) else None
        tokens = _tokens(response)
        usage = None if tokens is None else Usage(input=tokens)
        return Content(clean(text_of(given)), prompt_tokens=tokens, usage=usage)
    except RecursionError:
        return Content()


def _tokens(response: bytes) -> int | None:
    try:
        usage = load(bytes(_told(response).usage))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return count_of(usage, "prompt_tokens", "total_tokens") if isinstance(usage, dict) else None
