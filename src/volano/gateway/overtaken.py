"""A call that waits to be asked again, while its channel moves on.

Calls under way end by the snapshot that they began with. One that is asked *again* (its target
failed, its budget had no room, the answer that it waited for did not come) is another matter: a
release that was taken back meanwhile must not be sent anything more, least of all the repetition
of what it failed at. Such a call goes where a new one would go now, by the shares, the scope and
the exclusions of this moment, so that a user whom the bad release had failed still gets a good
answer. Its trace tells of both.
"""

from collections.abc import Sequence

from volano.gateway.balance import Circumstances, order
from volano.gateway.call import Call
from volano.gateway.placing import place, user_of
from volano.gateway.routes import Route, Way
from volano.traces.trace import SHADOW


def overtaken(call: Call) -> bool:
    """Say whether its channel has left the release of this call; then it has another one now."""
    route = _now(call)
    if route is None:
        return False
    call.route = route
    call.ask = None  # it was put into words by the other release's prompt
    return True


def plan(call: Call) -> Sequence[Way]:
    """In which order are the release's targets asked?"""
    route, state = call.route, call.state
    assert route is not None
    info, home = route.info, state.routes.snapshot.region
    at = Circumstances(state.wheel.now, state.random, call.unit, info.latency_target_s, home)
    return order(route.ways, info.strategy, at)


def _now(call: Call) -> Route | None:
    """Return the arm that it belongs to now; None where its release is served as before, or nothing is."""
    channel, old = call.state.routes.channels.get(call.channel), call.route
    if channel is None or old is None or old.arm == SHADOW:
        return None  # a copy is for its shadow, or for nobody
    if any(arm.info.release_digest == old.info.release_digest for arm in channel.arms):
        return None
    before, call.unit = call.unit, user_of(call)
    route = place(call, channel)
    if route.ways:
        return route
    call.unit = before
    return None
