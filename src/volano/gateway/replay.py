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

from volano.core.errors import VolanoError
from volano.gateway import words
from volano.gateway.answer import Answer
from volano.gateway.cache import Key, key_of
from volano.gateway.call import Call
from volano.gateway.coalesce import Flight
from volano.gateway.errors import CacheHeaderError, SpoolFullError
from volano.gateway.overtaken import overtaken
from volano.gateway.record import record_soon
from volano.gateway.refusal import refuse_call, trace_headers
from volano.gateway.render import Rendered
from volano.gateway.seen import Known
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
    said = call.request.fields.get(b"x-volano-cache")
    if said is not None:
        said = _checked(said)
    state = call.state
    digest = _words(call, caching.scope == "release") if said != _OFF else None
    if digest is None:
        limit(call)
        return ask(call)
    route, who = call.route, call.key
    assert route is not None
    assert who is not None
    release, door = route.info.release_digest, call.door.name
    key = key_of(caching.scope, call.channel, who.group, release, door, digest)
    if said != _REFRESH:
        answer = state.cache.get(key, call.began_at_us, caching.ttl_s)
        if answer is not None:
            if call.known is None:
                known = Known(call.door, call.peek, caching.scope == "release", digest)
                state.seen.put(call.body, known)
            limit(call, 0)
            return Replay(call, answer, "hit")
    limit(call)
    flight = state.flights.find(key) if said != _REFRESH else None
    if flight is not None:
        return Waiting(call, flight, ask)
    return _lead(call, key, ask)


def _checked(said: bytes) -> bytes:
    """Return the header's value. Raises CacheHeaderError."""
    found = said.strip().lower()
    if found not in (_OFF, _REFRESH):
        raise CacheHeaderError(given=said[:80].decode("utf-8", "replace"))
    return found


def _words(call: Call, any_channel: bool) -> bytes | None:
    """The digest of what is asked; None: it cannot be answered again."""
    known, door = call.known, call.door
    if known is not None and known.door is door and known.any_channel is any_channel:
        return known.words
    return words.digest(door.name, call.body, call.peek, any_channel=any_channel)


def _lead(call: Call, key: Key, ask: Ask) -> Turn | None:
    """Have it answered, for those too who ask the same meanwhile and later."""
    call.cached = "miss"
    call.flight = flight = call.state.flights.open(key)
    try:
        return ask(call)
    except BaseException:
        flight.over(None)  # nobody may wait for an answer that will not come
        raise


class Replay:
    """Gives an answer again: recorded, then sent."""

    __slots__ = ("_call",)

    def __init__(self, call: Call, answer: bytes, cached: str):
        self._call = call
        call.cached, call.status, call.outcome, call.response = cached, 200, "ok", answer
        call.first_at_us = call.state.clock.monotonic_us()
        call.usage, call.cost_nano, call.priced_by = _NONE, 0, PRICED_BY
        record_soon(call, self._send)

    def _send(self, kept: bool) -> None:
        call = self._call
        route, request = call.route, call.request
        assert route is not None
        if not kept:
            refuse_call(call, SpoolFullError())
        elif call.streamed:
            request.start(200, route.stream_head + trace_headers(call))
            request.finish(call.response)
        else:
            request.respond(200, route.json_head + trace_headers(call), call.response)

    def left(self) -> None:
        """It is recorded as answered."""

    def stop(self) -> None:
        """An answer that only waits to be recorded is a whole one."""
        self._call.state.batch.flush()

    def pause(self) -> None:
        """There is nothing more to come."""

    resume = pause


_NONE = Usage()


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
            again = self._ask(call) if overtaken(call) else _lead(call, flight.key, self._ask)
            self._turn = again
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
