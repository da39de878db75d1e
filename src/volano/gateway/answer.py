"""The answering of a call: upstreams asked in turn, answer relayed, call recorded.

An Answer receives what an upstream says. Until content was passed on to the
client everything is still open: another target of the release may answer
instead, the same one with another of its keys, or a little later (`detour`).
After that a stream ends in one of three ways, and never looks complete when it
is not: with the upstream's end (ok), with the door's error event and no end
(cut), or the client is gone (left). The frame is appended before the last byte
is written.
"""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from volano.core.errors import VolanoError
from volano.costs.price import NOT_ASKED
from volano.gateway.account import Account
from volano.gateway.call import Call, Money
from volano.gateway.complaint import OURS, as_client_hears, retry_after_s, spared, still_loading
from volano.gateway.detour import Detour, Step
from volano.gateway.errors import FaultError, OverloadedError, SpoolFullError
from volano.gateway.key_variables import KeyVariables
from volano.gateway.keyring import OF_THE_KEY, Keyring
from volano.gateway.overtaken import overtaken, plan
from volano.gateway.passage import BrokenStreamError, Chat, Native, Passage, Translated
from volano.gateway.record import begin_frame, record, record_soon
from volano.gateway.refusal import refuse_call, trace_headers
from volano.gateway.render import Rendered, render
from volano.gateway.routes import Way
from volano.gateway.sentence import ended
from volano.gateway.streaming import Stream
from volano.gateway.versions import CLIENTS_SAY, with_clients
from volano.serving.timings import without_timings
from volano.traces.trace import STOPPED
from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.all import SERVED, SERVED_EMBEDDINGS, SPOKEN, SPOKEN_EMBEDDINGS
from volano.wire.embeddings import EmbeddingAsk
from volano.wire.exchange import Ask, CannotSayError, Reply, Usage
from volano.wire.http_client import Dial, Failure, Upstream
from volano.wire.listening import LISTENERS
from volano.wire.thoughts import Marker

_log = logging.getLogger("volano.gateway")
_STATUS = {"timeout": 504, "busy": 503, "stopped": 503}
LONGEST_ADVICE_S = 30
"""A client of an engine that is full is never told to wait longer."""
LOADS_S = 5
"""When a client of an engine that is still loading is told to come again."""
_ROOM_S = 0.003
"""How often a call looks for room in a budget."""
_UNHEARD = frozenset(("connect", "busy", "key_missing", "certificate"))
"""Failures before a target heard anything."""
_ADVICE = {
    "key_missing": "Set it and start `volano up` again; see `volano model keys`",
    "certificate": (
        "Check the address; where the authority is your own, "
        "name its PEM file with `volano target update NAME --ca-file FILE`, or for all targets in "
        "SSL_CERT_FILE. See `volano target list`"
    ),
}
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504, 529))
"""Statuses that may be gone on the next try."""


class Answer(msgspec.Struct, eq=False):
    """One call's exchange with its upstreams, asked in the order of `ways`."""

    call: Call
    ways: Sequence[Way]
    rendered: Rendered
    plain: bool
    at: int = 0
    upstream: Upstream | Dial | None = None
    timer: asyncio.Handle | None = None
    asked_at: float = 0.0
    under_way: bool = False
    beginning: bool = False
    """Its begin frame waits for this turn of the loop to end."""
    retry_after_s: float = 0.0
    lost: bool = False
    """A target that heard the call vanished while it answered: it may charge for that."""
    key: int = 0
    detour: Detour | None = None
    status: int = 0
    stream: Stream | None = None
    parts: list[bytes] = []
    size: int = 0

    # asking

    def go(self) -> None:
        """Ask the target, where a budget covers the call as soon as what it can cost is held."""
        try:
            if self.call.account is None:
                self.ask()
            else:
                self._pay(self.call.account)
        except Exception:  # noqa: BLE001 - whatever it is, the client must not wait in vain
            self._fault()

    def once_more(self) -> None:
        """Ask again; where the channel has left the release meanwhile, what it serves now."""
        try:
            if overtaken(self.call):
                self._move()
                if self.call.streamed and self.call.account is None:
                    self.announce()
                    return
        except VolanoError as error:
            self._let_go()
            refuse_call(self.call, error)
            return
        except Exception:  # noqa: BLE001 - as in `go`
            self._fault()
            return
        self.go()

    def _move(self) -> None:
        """Take the targets of the call's new release. Raises VolanoError where none has words for it."""
        call = self.call
        if call.flight is not None:  # its answer is another release's: nobody else may have it
            call.flight.over(None)
            call.flight = None
        self.ways = plan(call)
        self.at, self.rendered = first(call, self.ways)
        if self.detour is not None:
            self.detour.moved(self.ways)
        call.way = self.ways[self.at]

    def _pay(self, account: Money) -> None:
        """Hold what it can cost; the begin frame says so before the target is asked."""
        call, loop = self.call, self.call.state.loop
        self.timer = None
        try:
            held = account.hold(call, self.ways[self.at], self.rendered.body)
            if not held:
                now = loop.time()
                account.until = account.until or now + call.state.limits.budget_s
                if now >= account.until:
                    raise account.waited(call)
        except VolanoError as error:
            refuse_call(call, error)
            return
        if not held:
            self.timer = loop.call_later(_ROOM_S, self.once_more)
        elif call.streamed or call.held:
            self.announce()
        else:
            account.until = 0.0
            self.ask()

    def announce(self) -> None:
        """Leave a begin frame, which tells who is asked; then ask."""
        self.beginning = True
        self.call.state.begins.add(begin_frame(self.call), self.begun)

    def begun(self, kept: bool) -> None:
        """The begin frame is kept, or could not be: ask the target."""
        call, self.beginning = self.call, False
        if not kept:
            refuse_call(call, SpoolFullError())
            return
        if call.account is not None:
            call.account.until = 0.0
        try:
            self.ask()
        except Exception:  # noqa: BLE001 - as in `go`
            self._fault()

    def _fault(self) -> None:
        _log.exception("the call %s could not be put to its target", self.call.trace)
        self._let_go()
        refuse_call(self.call, FaultError())

    def ask(self) -> None:
        """Send the call to its target."""
        call = self.call
        way = self.ways[self.at]
        self.timer = None
        if way.target.lacks:
            named = KeyVariables(way.target.lacks)
            why = f"the {named.noun} {named.needed}, which should hold its key, {named.not_set}"
            self.failed(Failure("key_missing", why, True))
            return
        now = call.state.wheel.now
        spared_s = way.health.spared_s(now) if way.health.rest_until > now else 0.0
        if spared_s:
            if not self._goes(self._other_ways().past(self.at, "rests")):
                self._spare(spared_s)
            return
        refused = 0 if self.detour is None else self.detour.refused
        self.key = 0 if way.keys is None else way.keys.next(now, refused)
        body, dialect = self.rendered
        head = way.head(dialect, body, streamed=call.streamed, clock=call.state.clock, key=self.key)
        if dialect in CLIENTS_SAY:
            head = with_clients(head, call, dialect)
        traced = f"{len(body)}\r\ntraceparent: 00-{call.trace}-{call.span}-01\r\n\r\n".encode()
        if call.tracestate:
            traced = traced[:-2] + b"tracestate: %b\r\n\r\n" % call.tracestate
        self.asked_at = now
        self.under_way = True
        way.health.began(now)
        if call.account is not None:
            call.account.heard = True
        self.upstream = way.origin.send(head + traced + body, self)

    def _spare(self, for_s: float) -> None:
        """Answer in the place of a provider that said when it will take calls again."""
        call = self.call
        self.status, self.retry_after_s = 429, for_s
        call.response, call.error = spared(call, self.ways[self.at].target, for_s)
        call.status, call.outcome, call.unanswered = 429, "error", not self.lost
        self._settle()

    def connected(self, upstream: Upstream) -> None:
        self.upstream = upstream

    def full(self) -> None:
        """The request is one write; there is nothing to hold back."""

    ready = full

    # the upstream answers

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        if status != 200:
            self.retry_after_s = retry_after_s(headers)
        elif self.call.streamed:
            kind = next((value for name, value in headers if name == b"content-type"), b"")
            if kind.lower().startswith((b"text/event-stream", b"application/vnd.amazon.eventst")):
                self.stream = self._stream()

    def _stream(self) -> Stream:
        target = self.ways[self.at].target
        spoken = self.rendered.dialect == self.call.door.name
        return Stream(self.call, target, self._passage(), spoken)

    def _passage(self) -> Passage:
        door, dialect = self.call.door.name, self.rendered.dialect
        engine = self.ways[self.at].target.engine
        call = self.call
        if door != dialect:
            assert isinstance(call.ask, Ask)
            writer = SERVED[door].event_writer(call.ask)
            model = self.ways[self.at].target.model
            marker = Marker(door, dialect, model)
            reader = SPOKEN[dialect].event_reader()
            began_s = call.began_us // 1_000_000
            return Translated(reader, writer, marker, id=call.trace, model=model, created_s=began_s)
        if door == "openai.chat":
            return Chat(wants_usage=call.peek.wants_usage, engine=engine)
        return Native(LISTENERS[dialect](), wants_usage=call.peek.wants_usage, engine=engine)

    def data(self, chunk: bytes) -> None:
        if self.stream is not None:
            self._relay(self.stream, chunk)
            return
        self._mark_first()
        self.parts.append(chunk)
        self.size += len(chunk)
        if self.size > self.call.state.limits.answer_bytes:
            self._drop_upstream()
            self._fail(Failure("malformed", "the upstream's answer is too large", False))

    def whole(self, body: bytes) -> None:
        self.upstream = None
        self.status = 200
        self.call.first_at_us = self.call.state.clock.monotonic_us()
        self._plain(body)

    def ended(self) -> None:
        self.upstream = None
        if self.stream is not None:
            self.failed(Failure("closed", "the upstream ended the stream before its end", False))
            return
        self._plain(self.parts[0] if len(self.parts) == 1 else b"".join(self.parts))

    def failed(self, failure: Failure) -> None:
        self.upstream = None
        self._blame(failure)
        told = self.stream.error if self.stream is not None else ""
        if self.call.request.started:
            assert self.stream is not None
            self.stream.cut(told or failure.text)
        elif not self._goes(self._other_ways().again(self.at, failure.text, failure)):
            self._fail(failure._replace(text=told) if told else failure)

    def _mark_first(self) -> None:
        """Note when the first content came; of a plain answer, its first bytes."""
        call = self.call
        if not call.first_at_us and self.status == 200:
            call.first_at_us = call.state.clock.monotonic_us()
            self.ways[self.at].health.spoke(call.state.wheel.now)

    # what it says of the target

    def _blame(self, failure: Failure) -> None:
        """A kept connection that the other side had just closed says nothing of the target."""
        if not self.under_way:
            return
        self.under_way = False
        health, account = self.ways[self.at].health, self.call.account
        unheard = failure.kind in _UNHEARD or (failure.reused and failure.untouched)
        if account is not None and unheard:
            account.heard = False
        self.lost = self.lost or not (unheard or failure.untouched)
        if (failure.reused and failure.untouched) or failure.kind in ("busy", "stopped"):
            health.dropped()
        else:
            health.failed(self.call.state.wheel.now)

    def _praise(self) -> None:
        if not self.under_way:
            return
        self.under_way = False
        call = self.call
        now = call.state.wheel.now
        first_us = call.first_at_us
        took_s = (first_us - call.began_at_us) / 1e6 if first_us else now - self.asked_at
        self.ways[self.at].health.answered(now, took_s)

    def _judge(self, status: int) -> None:
        """A target that answers with an error of its own is not well; one that asks for rest is."""
        if not self.under_way:
            return
        self.under_way = False
        now, way = self.call.state.wheel.now, self.ways[self.at]
        health, keys = way.health, way.keys
        if keys is not None and status in OF_THE_KEY:
            self._judge_keys(keys, status)
        elif status == 429 or (status == 503 and self.retry_after_s):
            said = status == 429 and self.retry_after_s > 0.0 and not way.target.engine
            health.rests(now, self.retry_after_s or 1.0, spared=said)
        elif status >= 500 or status in OURS:
            health.failed(now)
        else:
            health.spoke(now)
            health.dropped()

    def _judge_keys(self, keys: Keyring, status: int) -> None:
        """As long as one of its keys takes calls nothing is the matter with the target."""
        now, health = self.call.state.wheel.now, self.ways[self.at].health
        wait_s, said = keys.rest(now)
        if status == 429:
            self.retry_after_s = wait_s if said else 0.0
        if not wait_s:
            health.dropped()
        elif said or status == 429:
            health.rests(now, wait_s, spared=said)
        else:
            health.failed(now)

    # plain answers

    def _plain(self, body: bytes) -> None:
        call = self.call
        if self.status == 200:
            try:
                said = self._said(body)
            except BadAnswerError as error:
                self._blame(_malformed(str(error)))
                if not self._goes(self._other_ways().again(self.at, str(error), None)):
                    self._fail(_malformed(str(error)))
                return
            self._praise()
            call.status, call.outcome, call.response = 200, "ok", said
        elif self._answered_with_error(body):
            return
        self._settle()

    def _said(self, body: bytes) -> bytes:
        """The answer in the client's words. Raises BadAnswerError."""
        call, dialect = self.call, self.rendered.dialect
        if body[:1] != b"{" and body.lstrip()[:1] != b"{":
            raise BadAnswerError("the upstream's answer is not JSON")
        if dialect == call.door.name:
            return without_timings(body) if self.ways[self.at].target.engine else body
        try:
            if isinstance(call.ask, EmbeddingAsk):
                vectors = SPOKEN_EMBEDDINGS[dialect].read_reply(body, call.ask)
                call.usage = Usage(input=vectors.tokens or 0)
                return SERVED_EMBEDDINGS[call.door.name].write_reply(vectors, call.ask)
            reply = SPOKEN[dialect].read_reply(body)
            assert call.ask is not None
            call.usage = reply.usage
            door = call.door.name
            Marker(door, dialect, self.ways[self.at].target.model).reply(reply)
            return SERVED[door].write_reply(self._named(reply), call.ask)
        except (BadAnswerError, CannotSayError) as error:
            raise BadAnswerError(f"the upstream's answer cannot be read: {error}") from None

    def _named(self, reply: Reply) -> Reply:
        """Some APIs give their answers no id and do not say which model wrote them, or when."""
        reply.id = reply.id or self.call.trace
        reply.model = reply.model or self.ways[self.at].target.model
        reply.created_s = reply.created_s or self.call.began_us // 1_000_000
        return reply

    def _answered_with_error(self, body: bytes) -> bool:
        """Deal with a status that is not 200. True when the call goes on elsewhere."""
        call, way, status = self.call, self.ways[self.at], self.status
        if call.account is not None:
            call.account.heard = False
        if not self.lost:
            self.asked_at = (
                0.0  # a refusal costs nothing, also when the client leaves before the next try
            )
        engine, other = way.target.engine, self._other_ways()
        if engine and status == 503:  # it is still loading
            self.under_way = False
            way.health.dropped()
            if self._goes(other.again(self.at, "the engine is still loading", _LOADING)):
                return True
            self.retry_after_s = self.retry_after_s or LOADS_S
            call.status, call.response = status, self._not_ready(status, round(self.retry_after_s))
            call.error, call.outcome, call.unanswered = _LOADING.text, "error", not self.lost
            return False
        if way.keys is not None and status in OF_THE_KEY:
            step = other.other_key(self.at, way.keys, self.key, status, self.retry_after_s)
            if step is not None:
                self.under_way = False
                way.health.dropped()
                return self._goes(step)
        self._judge(status)
        passing = status in _PASSING and not engine
        if (passing or status in OURS) and self._goes(other.elsewhere(self.at, f"{status}")):
            return True
        if passing and self._goes(other.later(self.at, status, self.retry_after_s)):
            return True
        shown = as_client_hears(call, self.rendered.dialect, way.target, status, body)
        self.status, call.response, call.error = shown
        call.status, call.outcome, call.unanswered = self.status, "error", not self.lost
        return False

    def _settle(self) -> None:
        """Record, then answer: in this order."""
        record_soon(self.call, self._send)

    def _send(self, kept: bool) -> None:
        call = self.call
        if call.flight is not None:
            whole = kept and call.status == 200 and call.outcome == "ok"
            call.flight.over(call.response if whole else None)
        if not kept:
            refuse_call(call, SpoolFullError())
            return
        route = call.route
        assert route is not None
        headers = route.json_head + trace_headers(call)
        if self.retry_after_s and self.status in (429, 503):
            headers += b"retry-after: %d\r\n" % max(1, round(self.retry_after_s))
        call.request.respond(self.status, headers, call.response)

    # streams

    def _relay(self, stream: Stream, chunk: bytes) -> None:
        try:
            out, content, last, error = stream.feed(chunk)
        except BrokenStreamError as broken:
            self._drop_upstream()
            self.failed(_malformed(str(broken)))
            return
        if content:
            self._mark_first()
        if last is not None:
            self._leave_upstream()
            if not stream.error:
                self._praise()
            stream.end(out, last)
        elif error:
            self._drop_upstream()
            if content or self.call.request.started:
                stream.pass_on(out, now=True)
            self.failed(Failure("closed", error, False))
        else:
            stream.pass_on(out, now=content)

    # the client

    def left(self) -> None:
        """The client is gone: stop the upstream, record what there is."""
        call = self.call
        self._let_go()
        call.status = 499
        call.outcome = "left"
        call.error = "the client left before the answer was complete"
        if self.stream is not None:
            self.stream.left()
        else:
            call.response = b"".join(self.parts)
        if not self.asked_at:
            call.usage, call.cost_nano, call.priced_by = Usage(), 0, NOT_ASKED
        record(call)

    def stop(self) -> None:
        """The worker ends before the upstream does: tell the client, record what there is.

        At once, without waiting for the turn to end: the connection closes behind this.
        """
        batch = self.call.state.batch
        batch.flush()  # an answer that only waits to be recorded is a whole one
        if self.call.request.finished:
            return
        self._let_go()
        if self.call.request.started and self.stream is not None:
            self.stream.cut(self.stream.error or STOPPED)
        else:
            self._fail(Failure("stopped", STOPPED, False))
            batch.flush()

    def pause(self) -> None:
        """The client reads slowly."""
        if self.call.flight is not None:
            self.call.flight.alone()
        if isinstance(self.upstream, Upstream):
            self.upstream.pause()

    def resume(self) -> None:
        """The client reads again."""
        if isinstance(self.upstream, Upstream):
            self.upstream.resume()

    # failures

    def _other_ways(self) -> Detour:
        """What is left to try; most calls never ask."""
        detour = self.detour
        if detour is None:
            detour = self.detour = Detour(self.call, self.ways)
        return detour

    def _goes(self, step: Step | None) -> bool:
        """Go on there. False where there is nowhere to go."""
        if step is None:
            return False
        call = self.call
        if step.why:
            self._note(step.why)
        if step.rendered is not None:
            call.state.pulse.fell_back()
            self.at, self.rendered, call.way = step.at, step.rendered, self.ways[step.at]
            self._other_ways().refused = 0
        else:
            call.state.pulse.retried()
        self._forget()
        loop = call.state.loop
        if step.wait_s:
            self.timer = loop.call_later(step.wait_s, self.once_more)
        else:
            self.timer = loop.call_soon(self.once_more)
        return True

    def _note(self, why: str) -> None:
        """Tell in the trace who was asked before and why that was not the answer."""
        call = self.call
        said = f"{self.ways[self.at].target.name}: {why[:120]}"
        call.tried = f"{call.tried}; {said}" if call.tried else said

    def _forget(self) -> None:
        """Of what came so far nothing was passed on, and nothing counts."""
        if self.call.account is not None:
            self.call.account.lose()
        self.status = self.call.first_at_us = self.call.produced = 0
        self.call.usage = self.call.opening = None
        self.retry_after_s = 0.0
        self.stream = None
        self.call.error = ""
        self.parts, self.size = [], 0

    def _fail(self, failure: Failure) -> None:
        """No answer, and nothing was passed on: an error object."""
        call = self.call
        target = call.way.target.name if call.way is not None else "?"
        self._blame(failure)
        loads = failure.kind == "connect" and call.way is not None and call.way.target.engine
        call.status = 503 if loads else _STATUS.get(failure.kind, 502)
        call.outcome = "error"
        call.unanswered = self._is_free(failure)
        call.error = failure.text
        call.first_at_us = 0  # whatever came was no answer
        advice = _ADVICE.get(failure.kind, "Try again; see `volano status`")
        message = (
            f"The target `{target}` of channel `{call.channel}` gave no answer: {ended(failure.text)} "
            f"{advice} and `volano trace show {call.trace}`."
        )
        call.response = call.door.error(
            call.status, message,
            kind="server_error", code=f"upstream_{failure.kind}", request_id=call.trace,
        )  # fmt: skip
        if loads:  # nobody takes connections at an engine's address before it is warm
            self.retry_after_s = LOADS_S
            call.response = self._not_ready(call.status, LOADS_S)
        self.status = call.status
        self._settle()

    def _not_ready(self, status: int, for_s: int) -> bytes:
        """The error of an engine that takes no calls yet."""
        call, kind = self.call, "server_error"
        return call.door.error(
            status,
            still_loading(call, for_s),
            kind=kind,
            code="engine_loading",
            request_id=call.trace,
        )

    def _is_free(self, failure: Failure) -> bool:
        """Whether a target charges nothing: it did not begin to answer, or said at once that it failed.

        What broke off later, or nobody could read, may be charged for.
        """
        stream = self.stream
        if stream is not None and stream.error:
            stream.count()
            return self.call.usage is None
        unbegun = failure.untouched or failure.kind in _UNHEARD or not self.asked_at
        return unbegun and not self.lost

    def _let_go(self) -> None:
        if self.beginning:  # no frame of a call may come behind its last one
            self.call.state.begins.flush()
        self._drop_upstream()
        if self.under_way:
            self.under_way = False
            self.ways[self.at].health.dropped()
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _drop_upstream(self) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.cancel()

    def _leave_upstream(self) -> None:
        upstream, self.upstream = self.upstream, None
        if isinstance(upstream, Upstream):
            upstream.leave()


def begin(call: Call, ways: Sequence[Way]) -> Answer:
    """Ask the first target. A call that streams or holds money leaves its begin frame first.

    It is asked when this turn of the loop is over, together with what else is
    written then (see `batch`).

    Raises:
        VolanoError: no target can be asked this.
    """
    at, rendered = (0, render(call, ways[0])) if len(ways) == 1 else first(call, ways)
    state = call.state
    way = call.way = ways[at]
    if way.full:
        waits_s = way.health.latency_s * way.health.in_flight / way.capacity
        raise OverloadedError(
            target=way.name, calls=way.health.in_flight, code="overloaded",
            retry_after_s=min(LONGEST_ADVICE_S, 1 + round(waits_s)),
        )  # fmt: skip
    call.under_way = True
    state.pulse.began(streamed=call.streamed)
    answer = Answer(call, ways, rendered, not call.streamed, at)
    state.retries.deposit()
    assert call.key is not None
    if state.budgets.allots_anything and state.budgets.of(call.key, call.channel):
        call.account = Account()
        answer.go()
    elif call.streamed:
        answer.announce()
    else:
        answer.timer = state.loop.call_soon(answer.go)
    return answer


def first(call: Call, ways: Sequence[Way]) -> tuple[int, Rendered]:
    """The first target that has words for this request; the first one's refusal if none has."""
    refusal: VolanoError | None = None
    for at, way in enumerate(ways):
        try:
            return at, render(call, way)
        except VolanoError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


_LOADING = Failure("closed", "the engine is still loading", True)


def _malformed(text: str) -> Failure:
    return Failure("malformed", text, False)
