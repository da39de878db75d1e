"""The most that a call can cost at a target, before it is made."""

import math
import re
from typing import Any

import msgspec
from msgspec import Struct

from volano.costs.price import Price, worst_case, worst_case_of_text
from volano.gateway.call import Call
from volano.gateway.door import CHAT
from volano.gateway.errors import BadBodyError

_IMAGE = re.compile(rb'"image_url"[ \t\r\n]*:|"input_image"|"image"')
_UNSEEN = re.compile(
    rb'"(?:file_id|file_url|file_data|previous_response_id|conversation|document|container)"'
)
"""What a body may name that is not in it; a prompt and a url are such at times only."""
_HINTS = b'"file_', b'"previous_response', b'"conversation', b'"document', b'"container'
"""One of these stands in all that `_UNSEEN` finds. Looking for them is quick."""
_ESCAPED = re.compile(rb"\\u00([2-7][0-9a-fA-F])")
_LIMITS = ("max_completion_tokens", "max_tokens")


class _Many(Struct):
    """How many answers are asked for. Values of other types are the target's to refuse."""

    n: Any = None
    best_of: Any = None
    prompt: Any = None


_decoder = msgspec.json.Decoder(_Many)


class Bound(Struct, frozen=True):
    """What a call costs at most. `images` as they are counted in it."""

    nano: int | None
    images: int = 0


def bound(call: Call, price: Price, body: bytes) -> Bound:
    """Return the most that a call can cost when this body is sent; `nano` is None without a bound.

    Raises:
        BadBodyError: it cannot be told how many answers are asked for.
    """
    limit = call.peek.max_tokens
    if (
        limit is not None
        and call.door is CHAT
        and not (price.tiers or price.second)
        and _in_plain_words(call.body)
    ):
        return Bound(worst_case_of_text(price, max(len(body), len(call.body)), limit))
    if not call.door.generates and call.door.name == "anthropic.count_tokens":
        return Bound(0)
    asked = _plain(call.body)
    images = len(_IMAGE.findall(asked)) if b"image" in asked else 0
    total_s = call.state.limits.upstream.total_s
    if price.second and math.isinf(total_s):
        return Bound(None, images)
    nano = worst_case(
        price, max(len(body), len(call.body)), _longest(call),
        n=_answers(call, asked), images=images, audio=b'"input_audio"' in asked,
        unseen=_unseen(call, asked), context_tokens=price.context,
        max_us=int(total_s * 1e6) if price.second else 0,
    )  # fmt: skip
    return Bound(nano, images)


def _in_plain_words(body: bytes) -> bool:
    """Whether a chat's body is words and nothing else that could cost: what most of them are."""
    return not (
        b"\\u00" in body
        or b"image" in body
        or b'"input_audio"' in body
        or b'"n"' in body
        or b'"url"' in body
        or any(map(body.__contains__, _HINTS))
    )


def _plain(body: bytes) -> bytes:
    """The body with the escapes undone in which a name could be hidden. It may find too many."""
    if b"\\u00" not in body:
        return body
    return _ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), body)


def _longest(call: Call) -> int | None:
    """The longest answer: what the client allows, else the flow."""
    if not call.door.generates:
        return 0
    if call.peek.max_tokens is not None:
        return max(0, call.peek.max_tokens)
    assert call.route is not None
    defaults = call.route.info.flow.defaults
    found = [defaults[name] for name in _LIMITS if isinstance(defaults.get(name), int)]
    return max(found) if found else None


def _decode(body: bytes) -> _Many:
    try:
        return _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadBodyError(reason=error) from None


def _answers(call: Call, body: bytes) -> int:
    if call.door.name == "openai.completions":
        many = _decode(call.body)
        prompts = many.prompt if isinstance(many.prompt, list) else [many.prompt]
        each = max(_number(many.n), _number(many.best_of))
        return each * (1 if all(isinstance(p, int) for p in prompts) else len(prompts))
    return _number(_decode(call.body).n) if b'"n"' in body else 1


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 1 else 1


def _unseen(call: Call, body: bytes) -> bool:
    """Whether the body names what is not in it. A completion's prompt is in it."""
    if any(map(body.__contains__, _HINTS)) and _UNSEEN.search(body) is not None:
        return True
    if b'"prompt"' in body and call.door.name == "openai.responses":
        return True
    return b'"url"' in body and b'"image_url"' not in body
