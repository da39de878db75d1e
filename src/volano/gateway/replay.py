"""Answers that were given before: from the cache, or of an identical call under way.

    header x-volano-cache     reads the cache     waits for another     is kept
    none                      yes                 yes                   yes
    refresh                   no                  no                    yes
    off                       no                  no                    no

A repeated answer is a call like others: it counts for the limits (one request, no
tokens), has a trace of its own, recorded before the answer goes out, and costs
nothing. It is no target's, and the guard of a rollout does not count it.
"""

from collections.abc import Callable
from functools import partial

from volano.core.errors import VolanoError
from volano.gateway import words
from volano.gateway.answer import Answer
from volano.gateway.cache import key_of
from volano.gateway.call import Call
from volano.gateway.coalesce import Flight
from volano.gateway.errors import CacheHeaderError, SpoolFullError
from volano.gateway.record import record_soon
from volano.gateway.refusal import refuse_call, trace_headers
from volano.gateway.render import Rendered
from volano.gateway.snapshot import Caching
from volano.gateway.turn import Turn
from volano.wire.exchange import Usage

Limit = Callable[..., None]
Ask = Callable[[Call], Turn | None]
PRICED_BY = "cache"
_OFF, _REFRESH = b"off", b"refresh"


def serve(call: Call, caching: Caching, limit: Limit, ask: Ask) -> Turn | None:
    """Answer a call of a channel that has a cache.

    Raises:
        VolanoError: the call is refused, and why.
    """
    said = call.request.fields.get(b"x-volano-cache", b"").strip().lower()
    if said and said not in (_OFF, _REFRESH):
        raise CacheHeaderError(given=said[:80].decode("utf-8", "replace"))
    if said == _OFF or not words.repeatable(call.door.name, call.body):
        limit(call)
        return ask(call)
    key, state = _key(call, caching), call.state
    if said != _REFRESH:
        answer = state.cache.get(key, now_us=call.began_at_us, ttl_s=caching.ttl_s)
        if answer is not None:
            limit(call, 0)
            return Replay(call, answer, "hit")
    limit(call)
    flight = state.flights.find(key) if said != _REFRESH else None
    if flight is not None:
        return Waiting(call, flight, ask)
    return _lead(call, key, ask)


def _lead(call: Call, key: bytes, ask: Ask) -> Turn | None:
    """Have it answered, for those too who ask the same meanwhile and later."""
    call.cached = "miss"
    call.flight = flight = call.state.flights.open(key)
    try:
        return ask(call)
    except BaseException:
        flight.over(None)  # nobody may wait for an answer that will not come
        raise


def _key(call: Call, caching: Caching) -> bytes:
    route, key, door = call.route, call.key, call.door.name
    assert route is not None
    assert key is not None
    asked = words.asked(door, call.body, call.peek, any_channel=caching.scope == "release")
    return key_of(
        caching, channel=call.channel, group=key.group, release=route.info.release_digest,
        door=door, words=asked,
    )  # fmt: skip


class Replay:
    """Gives an answer again: recorded, then sent."""

    __slots__ = ("_batch",)

    def __init__(self, call: Call, answer: bytes, cached: str):
        self._batch = call.state.batch
        call.cached, call.status, call.outcome, call.response = cached, 200, "ok", answer
        call.first_at_us = call.state.clock.monotonic_us()
        call.usage, call.cost_nano, call.priced_by = _NONE, 0, PRICED_BY
        record_soon(call, partial(_send, call))

    def left(self) -> None:
        """It is recorded as answered."""

    def stop(self) -> None:
        """An answer that only waits to be recorded is a whole one."""
        self._batch.flush()

    def pause(self) -> None:
        """There is nothing more to come."""

    resume = pause


_NONE = Usage()


def _send(call: Call, kept: bool) -> None:
    route, request = call.route, call.request
    assert route is not None
    if not kept:
        refuse_call(call, SpoolFullError())
    elif call.streamed:
        request.start(200, route.stream_head + trace_headers(call))
        request.finish(call.response)
    else:
        request.respond(200, route.json_head + trace_headers(call), call.response)


class Waiting:
    """Waits for the answer to an identical call; where none comes, asks for itself."""

    __slots__ = ("_ask", "_call", "_flight", "_timer", "_turn")

    def __init__(self, call: Call, flight: Flight, ask: Ask):
        self._call = call
        self._ask = ask
        self._turn: Turn | None = None
        self._flight: Flight | None = flight
        flight.follow(self.told)
        state = call.state
        self._timer = state.loop.call_later(state.limits.coalesce_s, self._late)

    def told(self, answer: bytes | None) -> None:
        """It has come, or will not come."""
        flight = self._end()
        if flight is None:
            return
        call = self._call
        if answer is not None:
            self._turn = Replay(call, answer, "coalesced")
            return
        try:
            self._turn = _lead(call, flight.key, self._ask)
        except VolanoError as error:
            refuse_call(call, error)

    def _late(self) -> None:
        """It takes too long; nobody else shall begin to wait for that one."""
        if self._flight is not None:
            self._call.state.flights.forget(self._flight)
        self.told(None)

    def _end(self) -> Flight | None:
        """Wait no longer. None where that was over already."""
        flight, self._flight = self._flight, None
        if flight is not None:
            flight.leave(self.told)
            self._timer.cancel()
        return flight

    def _now(self) -> Turn:
        """What answers; while it waits, an answer without a target, which can only end."""
        if self._end() is not None:
            self._turn = Answer(self._call, (), Rendered(b"", ""), True)
        return self._turn or _DONE

    def left(self) -> None:
        """The client is gone; the others do not notice."""
        self._now().left()

    def stop(self) -> None:
        """The worker ends before the answer came."""
        self._now().stop()

    def pause(self) -> None:
        """Nothing is written while it waits."""
        if self._turn is not None:
            self._turn.pause()

    def resume(self) -> None:
        """The client reads again."""
        if self._turn is not None:
            self._turn.resume()


class _Done:
    """The call was refused: nothing is left to do."""

    def left(self) -> None: ...
    def stop(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


_DONE = _Done()
