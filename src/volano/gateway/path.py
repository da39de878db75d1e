"""A request's path: authenticate, admit, read, choose, limit, answer; then settle and record.

    headers there   arrive    authenticate -> admit
    body there      serve     read -> choose -> limit -> answer (again: replay.py)
    answer there    (answer.py) settle and record, and only then the last byte

Each step is a plain function on one small mutable Call. A step that says no
raises; the refusal goes out as the door's own error object and, when the key was
good, into a trace with the outcome "refused".
"""

import difflib
import re
from typing import NamedTuple

from volano.gateway import answer as answers
from volano.gateway import errors as no
from volano.gateway import replay
from volano.gateway.answer import Answer
from volano.gateway.call import Call
from volano.gateway.denied import Denied
from volano.gateway.door import Door
from volano.gateway.limits import estimate
from volano.gateway.overtaken import plan
from volano.gateway.placing import place, user_of
from volano.gateway.snapshot import Key
from volano.gateway.state import State
from volano.gateway.turn import Turn
from volano.wire import openai
from volano.wire.request import Request
from volano.wire.timers import NEVER

_TRACEPARENT = re.compile(
    rb"(?:00(?=.{53}\Z)|(?!00|ff)[0-9a-f]{2})"
    rb"-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)
"""Version 00 ends there; later ones may go on, and `ff` is none."""
_LONGEST_STATE = 512

_LONGEST_WORD = 4096


class Ticket(NamedTuple):
    """What `arrive` decided, for all requests with the same head while one snapshot holds."""

    mark: object
    door: Door
    key: Key
    session: str
    unit: str
    tags: dict[str, str]
    until_us: float


def arrive(call: Call) -> Ticket | None:
    """The headers are there. Raises: a VolanoError that refuses the call.

    Returns what holds for others with the same head: nothing where more than the head
    decides (who sent it), or where it names a trace of the client's own.
    """
    authenticate(call)
    identify(call)
    admit(call)
    key, state = call.key, call.state
    assert key is not None
    if key.ips or call.parent is not None:
        return None
    until_us = NEVER if key.expires_us is None else key.expires_us
    return Ticket(state.mark, call.door, key, call.session, call.given_unit, call.tags, until_us)


def arrive_again(state: State, request: Request, ticket: Ticket) -> Call | None:
    """Begin a call whose head was decided before; None when that must be decided anew."""
    mark, door, key, session, unit, tags, until_us = ticket
    now_us = state.clock.now_us()
    most = state.routes.snapshot.max_body_bytes
    length = request.length
    if mark is not state.mark or now_us >= until_us or length is None or length > most:
        return None
    if state.full_until and state.refusing:
        return None
    request.limit = most
    digits = (state.random.getrandbits(192) | _NOT_ZERO).to_bytes(24, "big").hex()
    return Call(
        state, request, door, now_us, state.clock.monotonic_us(), 0, key, digits[:32], digits[32:],
        None, session, unit, tags,
    )  # fmt: skip


def serve(call: Call, body: bytes) -> Turn | None:
    """The body is there. Raises: a VolanoError that refuses the call."""
    read(call, body)
    choose(call)
    assert call.route is not None
    if call.route.caching is not None:
        return replay.serve(call, call.route.caching, limit, ask)
    limit(call)
    return ask(call)


def ask(call: Call) -> Answer | None:
    """Have it answered by a target of its release. Raises: a VolanoError that refuses the call."""
    route = call.route
    assert route is not None
    if not route.ways:
        raise no.NoTargetError(release=route.info.release)
    return answers.begin(call, route.ways if len(route.ways) == 1 else plan(call))


def authenticate(call: Call) -> None:
    """Whose call is it? The key comes as OpenAI's clients send it, or as Anthropic's do."""
    fields = call.request.fields
    authorization = fields.get(b"authorization")
    if not authorization:
        given = fields.get(b"x-api-key")
        if not given:
            raise no.NoKeyError
        authorization = b"Bearer " + given
    call.key = call.state.routes.key(authorization, call.state.clock)
    if call.key is None:
        raise no.WrongKeyError


def identify(call: Call) -> None:
    """Give the call its trace id, or the client's (W3C trace context); hear whose it is."""
    fields = call.request.fields
    call.session = _word(fields.get(b"x-volano-session"))
    call.given_unit = _word(fields.get(b"x-volano-unit"))
    call.tags = _tags(fields)
    digits = (call.state.random.getrandbits(192) | _NOT_ZERO).to_bytes(24, "big").hex()
    call.trace, call.span = digits[:32], digits[32:]
    given = fields.get(b"traceparent")
    found = _TRACEPARENT.fullmatch(given) if given else None
    if found is not None:
        call.trace, call.parent = found[1].decode(), found[2].decode()
        call.tracestate = _state(call.request.headers)
        assert call.key is not None
        if "replay" in call.key.scopes:
            call.replayed = _word(fields.get(b"x-volano-replay"))


def _state(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return what tracing systems say to each other: as many whole entries as 512 bytes hold."""
    given = b",".join(value for name, value in headers if name == b"tracestate").strip()
    if len(given) > _LONGEST_STATE:
        given = given[: _LONGEST_STATE + 1].rpartition(b",")[0]
    return given if given.isascii() and given.decode().isprintable() else b""


_NOT_ZERO = 1 << 64 | 1


_TAG = b"x-volano-tag-"
_MOST_TAGS = 32
_OURS = frozenset(_TAG + name for name in (b"cache", b"replay", b"shadow", b"tokens", b"tried"))
"""Tags that say what the gateway did: no client can forge them."""


def _tags(fields: dict[bytes, bytes]) -> dict[str, str]:
    """What the client says of the call in its own words: `x-volano-tag-order: 4711`."""
    given = [name for name in fields if name.startswith(_TAG) and name not in _OURS]
    return {name[len(_TAG) :].decode("latin-1"): _word(fields[name]) for name in given[:_MOST_TAGS]}


def _word(given: bytes | None) -> str:
    return given[:_LONGEST_WORD].decode("utf-8", "replace") if given else ""


def admit(call: Call) -> None:
    """May it come in at all, from there and by this door?"""
    state, key = call.state, call.key
    assert key is not None
    if key.ips and not key.may_come_from(call.request.peer):
        raise no.AddressError(address=call.request.peer, id=key.id)
    if not key.may_enter(call.door.dialect):
        raise no.DoorScopeError(door=call.door.dialect, id=key.id)
    most = state.routes.snapshot.max_body_bytes
    if state.refusing:
        raise no.SpoolFullError
    coding = call.request.fields.get(b"content-encoding", b"identity")
    if coding.lower() != b"identity":
        raise no.EncodedBodyError(coding=coding[:40].decode("latin-1"))
    if (call.request.length or 0) > most:
        raise no.BodyTooLargeError(limit=most)
    call.request.limit = most


def read(call: Call, body: bytes) -> None:
    """What does it want?"""
    call.body = body
    seen = call.state.seen.bodies
    call.known = known = seen.get(body) if seen else None
    try:
        if known is not None and known.door is call.door:
            call.peek = peek = known.peek
        else:
            call.peek = peek = call.door.peek(body)
    except openai.MalformedError as error:
        raise no.BadBodyError(reason=error) from None
    except openai.FieldError as error:
        raise no.BadFieldError(reason=error, param=error.param) from None
    call.channel = peek.model
    call.streamed = peek.stream and call.door.generates
    call.unit = user_of(call)


def choose(call: Call) -> None:
    """Which release serves it?"""
    key = call.key
    assert key is not None
    routes = call.state.routes
    channel = routes.channels.get(call.channel)
    if channel is None:
        release = routes.snapshot.refused.get(call.channel)
        if release is not None and key.may_call(call.channel):
            raise no.RefusedReleaseError(channel=call.channel, release=release)
        allowed = routes.allowed(key)
        successor = routes.snapshot.closed.get(call.channel)
        if successor is not None and key.may_call(call.channel):
            raise no.ClosedChannelError(
                channel=call.channel, successor=successor, allowed=_listed(allowed),
                param="model", code="model_not_found",
            )  # fmt: skip
        near = difflib.get_close_matches(call.channel[:200], allowed, n=1)
        guess = f" (did you mean `{near[0]}`?)" if near else ""
        raise no.UnknownChannelError(
            channel=call.channel[:200], guess=guess, allowed=_listed(allowed),
            param="model", code="model_not_found",
        )  # fmt: skip
    if not key.may_call(call.channel):
        raise no.ScopeError(channel=call.channel, allowed=_listed(routes.allowed(key)))
    call.route = place(call, channel)


def limit(call: Call, tokens: int | None = None) -> None:
    """Is there room for it in the limits of its key, its groups and its channel?

    Without `tokens` they are estimated.
    """
    key, admission = call.key, call.state.admission
    assert key is not None
    if not admission.limits_anything:
        return
    meters = admission.meters(key, call.channel)
    if not meters:
        return
    if tokens is None:
        tokens = estimate(call.body, call.peek.max_tokens)
    found = admission.admit(meters, tokens)
    if isinstance(found, Denied):
        raise no.RateLimitError.of(found)
    call.granted = found


def _listed(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:20])
    return shown + (" and more" if len(names) > 20 else "") if names else "nothing yet"
