"""What a call leaves behind: a frame in the spool, a count in shared memory."""

from collections.abc import Callable

from volano.costs.price import NO_ANSWER
from volano.gateway.call import Call
from volano.gateway.settle import BROKEN, reckon, settle
from volano.gateway.snapshot import Arm, Target
from volano.traces.frame import Kind, encode
from volano.traces.trace import REPEATED, SHADOW, STOPPED

_CALL = int(Kind.CALL)
DROPPED = "an engine of ours had no free place for this copy"
"""What `error` says of a copy that was left out on its way. It says nothing of the release."""
_OURS = (STOPPED, DROPPED)


def record(call: Call) -> bool:
    """Append the call's one frame. False: not kept, so the call must not be answered."""
    if call.recorded or call.key is None:
        return True
    return call.state.keep(_CALL, close(call))


def record_soon(call: Call, then: Callable[[bool], None]) -> None:
    """Append the call's one frame together with others of this turn; `then` hears if it was kept."""
    if call.recorded or call.key is None:
        then(True)
    else:
        call.state.batch.add(close(call), then)


def close(call: Call) -> bytes:
    """The call is over: count it, return its frame's payload."""
    call.recorded = True
    state, key, route, way = call.state, call.key, call.route, call.way
    assert key is not None
    broken = call.outcome in BROKEN
    if broken:
        reckon(call)
    if call.granted is not None:
        settle(call)
    arm = _NO_ARM
    if route is not None:
        arm = route.info
        if call.replayed:
            pass  # somebody looks at an answer: it says nothing of how the release serves
        elif call.outcome == "ok" and not call.cached:
            state.slot.count(arm.slot, error=False)
        elif call.error not in _OURS and call.cached not in REPEATED:
            state.slot.count(arm.slot, error=_is_failure(call))
    target = way.target if way is not None else _NO_TARGET
    began, began_at, first_at = call.began_us, call.began_at_us, call.first_at_us
    ended = began + state.clock.monotonic_us() - began_at
    first = began + first_at - began_at if first_at else None
    if call.account is not None:
        call.account.close(call, ended)
    if call.unanswered and call.cost_nano is None:
        call.cost_nano, call.priced_by = 0, NO_ANSWER
    if call.under_way:
        state.pulse.ended(streamed=call.streamed)
    if arm.arm != SHADOW:  # a copy is no call of anybody's
        state.pulse.count(
            (call.door.name, call.channel if route is not None else "", arm.release, target.name),
            call.outcome, call.status, ended - began,
            first_at - began_at if first_at and call.streamed else -1,
            len(call.body), len(call.response),
        )  # fmt: skip
    if route is not None and route.mirror is not None and _is_answered(call):
        state.copies.offer(call)
    tags = _placed(call, _tags(call) if call.tried or call.cached or call.replayed else call.tags)
    if call.flight is not None and call.outcome != "ok":
        call.flight.over(None)
    # A `traces.frame.Call`, field by field in its order, not made into an object first.
    return encode((
        call.trace, call.span, call.parent, began, ended, first, key.id, key.group, call.channel,
        arm.release, arm.release_digest, arm.share, arm.arm, arm.rollout, call.unit,
        call.door.name, target.name, target.model, call.streamed, call.status, call.outcome,
        call.error, call.body, call.response, state.name, "", tags,
        call.held, call.held_nano, call.cost_nano, call.cost_currency, call.priced_by,
        target.billed_as, call.session, call.usage if broken else None, call.estimated,
    ))  # fmt: skip


_NO_ARM = Arm(release="", release_digest="", targets=(), share=0, arm="")
_NO_TARGET = Target(name="", url="", model="")
_NO_TAGS: dict[str, str] = {}
_REPEATED = {said: {"cache": said} for said in REPEATED}
"""What `Call.cached` says of an answer that was given before, and the tags of its trace.

Such a call is not counted for the guard: it says nothing of how the release
answers now, and many of them would hide that it does not.
"""


def _tags(call: Call) -> dict[str, str]:
    """The client's own tags, and ours."""
    ours = _REPEATED.get(call.cached) or ({"tried": call.tried} if call.tried else _NO_TAGS)
    if call.replayed:
        ours = {**ours, "replay": call.replayed}
    return {**call.tags, **ours} if call.tags else ours


def _placed(call: Call, tags: dict[str, str]) -> dict[str, str]:
    """Tags with the region: what the call says of itself, else where this gateway stands."""
    here = call.state.routes.snapshot.region
    return {**tags, "region": here} if here and "region" not in tags else tags


def _is_answered(call: Call) -> bool:
    """Whether its release was asked, for a user: however that ended, it may be copied.

    Also when the client left: which calls are copied must not depend on how they ended.
    """
    asked = call.way is not None and call.outcome != "refused" and call.cached not in REPEATED
    return asked and call.error != STOPPED and not call.replayed


_CLIENTS_OWN = frozenset((400, 413, 422))


def _is_failure(call: Call) -> bool:
    """Whether the count guard takes it for the release's failure.

    A call that our own shutdown ended is not asked about: it is no call of the release's.
    The guard compares with nothing, so what the upstream refused as the client's
    own mistake must not trip it: one careless client would take a release back.
    """
    if call.outcome == "error":
        return call.status not in _CLIENTS_OWN
    return call.outcome == "cut"


def begin_frame(call: Call) -> bytes:
    """Return the payload of the begin frame of a call that streams or holds money."""
    key, route, way = call.key, call.route, call.way
    assert key is not None
    assert route is not None
    assert way is not None
    arm, target = route.info, way.target
    tags = _placed(call, _tags(call) if call.tried or call.replayed else call.tags)
    # A `traces.frame.Begin`, field by field in its order, as in `close`.
    return encode((
        call.trace, call.span, call.parent, call.began_us, key.id, key.group, call.channel,
        arm.release, arm.release_digest, arm.share, arm.arm, arm.rollout, call.unit,
        call.door.name, target.name, target.model, call.streamed, call.body, "", tags,
        call.held, call.held_nano, call.cost_currency, call.priced_by, target.billed_as,
        call.session,
    ))  # fmt: skip
