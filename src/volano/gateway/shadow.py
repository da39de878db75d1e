"""Copies of calls, sent to a release whose answers nobody sees.

A call that is over may be copied: its request is rendered by the shadow's own flow and sent
to the shadow's own targets, a moment after the user's answer went out. So a shadow can be
slow, broken or gone, and no user notices:

- its connections, timeouts, circuit breakers and retries are apart from the users';
- at most `AT_ONCE` copies are under way in a worker; what is more is left out and counted,
  and so is a copy for which an engine of ours would have to let others wait; one whose next
  target, or next try, would have to is dropped there, and is no evidence;
- it has no place in limits, budgets and caches, and holds nothing of the client's;
- it is asked plainly where the user's call streamed: nobody reads along;
- it only asks. What would make a provider run something (its own tools, remote tool
  servers) or go on with what it keeps is left out: once is what the user wanted.

A copy leaves a trace of its own, whose begin is kept before it is sent, so that its cost is
known whatever happens to this process. What it can cost at most stands in the begin.
When the worker ends, copies under way are cut and recorded as stopped.
"""

import logging
from collections import deque
from typing import Any

import msgspec

from volano.core.errors import VolanoError
from volano.costs.price import HELD, NOT_ASKED, Price
from volano.gateway.answer import Answer, first
from volano.gateway.bound import bound
from volano.gateway.call import Call
from volano.gateway.errors import FaultError
from volano.gateway.health import RetryBudget
from volano.gateway.path import plan
from volano.gateway.record import DROPPED, begin_frame, record
from volano.gateway.refusal import refuse_call
from volano.gateway.routes import Route, Way
from volano.gateway.snapshot import Key
from volano.gateway.state import State
from volano.traces.trace import SHADOW
from volano.wire import openai
from volano.wire.exchange import Usage
from volano.wire.request import Request

AT_ONCE = 16
"""Copies under way in one worker."""
_LATER_S = 0.005
"""The answer that is copied has been recorded and sent by then."""
_NOT_ZERO = 1 << 64 | 1
_log = logging.getLogger("volano.gateway")


class Copies:
    """A worker's copies: those that wait for their moment, and those under way."""

    def __init__(self, state: State):
        self.retries = RetryBudget()
        self._state = state
        self._waiting: deque[tuple[Call, Route]] = deque()
        self._under_way: set[Copy] = set()
        self._stopped = False

    def offer(self, call: Call) -> None:
        """Copy this call in a moment, when it is one of the share and there is room."""
        route = call.route
        mirror = route.mirror if route is not None else None
        if mirror is None or self._stopped or not mirror.takes(call.trace):
            return
        full = len(self._waiting) + len(self._under_way) >= AT_ONCE
        if full or self._state.refusing:  # a full spool is for users
            self._state.pulse.uncopied()
            return
        if not self._waiting:
            self._state.loop.call_later(_LATER_S, self._begin)
        self._waiting.append((call, mirror.route))

    def stop(self) -> None:
        """Cut all copies; each is recorded as stopped."""
        self._stopped = True
        for _ in self._waiting:
            self._state.pulse.uncopied()
        self._waiting.clear()
        for copy in [*self._under_way]:
            copy.stop()

    def over(self, copy: "Copy") -> None:
        """A copy has its end."""
        self._under_way.discard(copy)

    def _begin(self) -> None:
        while self._waiting:
            call, route = self._waiting.popleft()
            try:
                self._copy(call, route)
            except Exception:  # noqa: BLE001 - whatever it is, no user must notice
                self._state.pulse.uncopied()
                _log.exception("the call %s could not be copied", call.trace)

    def _copy(self, call: Call, route: Route) -> None:
        """Put the request to the shadow's target, as its release would a user's."""
        unseen = Unseen(None, fields=call.request.fields, complete=True)
        copy = _copy_of(call, route, unseen)
        try:
            ways = plan(copy)
            at, rendered = first(copy, ways)
        except VolanoError as error:  # it would refuse the user
            self._state.pulse.copied()
            refuse_call(copy, error)
            return
        way = copy.way = ways[at]
        tab = Tab(route.info.currency)
        if (
            not self.has_place(way)
            or runs_something(rendered.body)
            or not tab.covers(copy, way, rendered.body)
        ):
            self._state.pulse.uncopied()
            return
        copy.account = tab
        tab.hold(copy, way, rendered.body)
        answer = Copy(copy, ways, rendered, True, at, copies=self)
        unseen.then = lambda: self.over(answer)
        self._under_way.add(answer)
        self.retries.deposit()
        self._state.pulse.copied()
        answer.beginning = True
        self._state.begins.add(begin_frame(copy), answer.begun)

    def has_place(self, way: Way, copy: "Copy | None" = None) -> bool:
        """Whether an engine of ours can begin this (`copy`) at once: no copy waits there before a user."""
        users = way.beside.in_flight if way.beside is not None else 0
        others = (one for one in self._under_way if one is not copy)
        ours = sum(one.ways[one.at].name == way.name for one in others)
        return not 0 < way.capacity <= users + ours


class Copy(Answer):
    """A copy's exchange. It goes on as a user's call would, with retries that are not the users'."""

    copies: Any = None

    def ask(self) -> None:
        """Send it, unless it would have to wait: where a place was free users may be by now."""
        if self.copies.has_place(self.ways[self.at], self):
            super().ask()
        else:
            self._drop()

    def _drop(self) -> None:
        call = self.call
        call.status, call.outcome, call.error = 503, "left", DROPPED
        if not self.asked_at:
            call.usage, call.cost_nano, call.priced_by = Usage(), 0, NOT_ASKED
        record(call)
        call.request.respond(call.status, b"", b"")

    def _may_retry(self) -> bool:
        return bool(self.copies.retries.withdraw(self.call.state.wheel.now))

    def _fault(self) -> None:
        _log.exception("the copy %s could not be put to its target", self.call.trace)
        self._let_go()
        refuse_call(self.call, FaultError())


class Unseen(Request):
    """Stands for the client of a copy: there is none. `then` hears that the copy is over."""

    then: Any = None

    def respond(self, status: int, headers: bytes, body: bytes) -> None:  # noqa: ARG002
        """Nobody gets it."""
        self.started = self.finished = True
        if self.then is not None:
            self.then()


class Tab:
    """What a copy costs at most, told in its frames; it takes nothing from any budget.

    What was heard and never answered is taken to cost that much; what no target heard of
    costs nothing; the rest is priced by what was used, when it is recorded.
    """

    __slots__ = ("_bound", "_lost", "_priced", "currency", "heard", "until")

    def __init__(self, currency: str = ""):
        self.currency = currency
        self.heard = False
        self.until = 0.0
        self._bound: int | None = None
        self._lost = 0
        self._priced = False

    def covers(self, call: Call, way: Way, body: bytes) -> bool:
        """Whether it is known what this costs at most, in the currency of the budget if there is one."""
        price = way.target.pricing
        if not self.currency or (price is None and way.target.engine):
            return True
        if price is None or price.currency != self.currency:
            return False
        return _most(call, price, body) is not None

    def hold(self, call: Call, way: Way, body: bytes) -> bool:
        """Note what asking this target costs at most. Raises: a VolanoError when no budget covers it."""
        price = way.target.pricing
        if not self.covers(call, way, body):
            raise FaultError
        if price is not None:
            self._bound, self._priced = _most(call, price, body), True
            call.cost_currency, call.priced_by = price.currency, HELD
            call.held_nano = None if self._bound is None else self._lost + self._bound
        return True

    def waited(self, call: Call) -> VolanoError:  # noqa: ARG002
        """Return what it would be told; it never waits."""
        return FaultError()

    def lose(self) -> None:
        """The try is over without an answer."""
        if self.heard:
            self._lost += self._bound or 0
        self.heard = False

    def close(self, call: Call, ended_us: int) -> None:  # noqa: ARG002
        """Tell the call what it cost, where its usage does not."""
        if self._priced and (self._lost or not self.heard):
            call.cost_nano = self._lost + ((self._bound or 0) if self.heard else 0)


def _most(call: Call, price: Price, body: bytes) -> int | None:
    """Return what this costs at most; None where nobody knows."""
    try:
        return bound(call, price, body).nano
    except VolanoError:
        return None


def _copy_of(call: Call, route: Route, unseen: Unseen) -> Call:
    """Return the call that asks the same of the shadow: nobody's key, the user's group and unit."""
    state = call.state
    assert call.key is not None
    body, peek = call.body, call.peek
    if call.streamed:
        body = openai.rewrite(openai.rewrite(body, {}, without="stream"), {}, without=_OPTIONS)
        peek = call.door.peek(body)
    trace = (state.random.getrandbits(128) | _NOT_ZERO).to_bytes(16, "big").hex()
    return Call(
        state, unseen, call.door, state.clock.now_us(), state.clock.monotonic_us(),
        key=Key(SHADOW, call.key.group), trace=trace, span=call.span, tags={SHADOW: call.trace},
        body=body, peek=peek, channel=call.channel, unit=call.unit, route=route,
    )  # fmt: skip


_OPTIONS = "stream_options"


class _Tool(msgspec.Struct):
    type: str | None = None


class _Asked(msgspec.Struct):
    tools: list[_Tool] | None = None
    mcp_servers: Any = None
    container: Any = None
    conversation: Any = None
    previous_response_id: Any = None
    background: Any = None
    web_search_options: Any = None


_asked = msgspec.json.Decoder(_Asked)
_RUN = _Asked.__struct_fields__[1:]
_ONLY_ASK = frozenset((None, "function", "custom"))
"""Types of tools that the model only asks the client for."""


def runs_something(body: bytes) -> bool:
    """Whether a provider would do more than answer: run tools of its own, go on with what it keeps."""
    try:
        asked = _asked.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return True
    ran = any(tool.type not in _ONLY_ASK for tool in asked.tools or ())
    return ran or any(getattr(asked, name) not in (None, False) for name in _RUN)
