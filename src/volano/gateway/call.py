"""The one mutable thing on a request's path."""

from typing import Protocol

import msgspec

from volano.core.errors import VolanoError
from volano.gateway.coalesce import Flight
from volano.gateway.door import Door
from volano.gateway.limits import Granted
from volano.gateway.routes import Route, Way
from volano.gateway.seen import Known
from volano.gateway.snapshot import Key
from volano.gateway.state import State
from volano.wire.embeddings import EmbeddingAsk
from volano.wire.exchange import Ask, Usage
from volano.wire.peek import Peek
from volano.wire.request import Request

_NOT_READ = Peek("")


class Money(Protocol):
    """The money of a call that a budget covers (`account.Account`)."""

    heard: bool
    until: float

    def hold(self, call: "Call", way: Way, body: bytes) -> bool:
        """Keep back what asking costs at most. False: not yet. Raises: a VolanoError."""
        ...

    def waited(self, call: "Call") -> VolanoError:
        """Return what a call is told that waited in vain."""
        ...

    def lose(self) -> None:
        """The try is over without an answer."""
        ...

    def close(self, call: "Call", ended_us: int) -> None:
        """Tell the call what it cost, and spend that."""
        ...


class Call(msgspec.Struct, eq=False):
    """One call, from its headers to its trace. Times ending in `at` are monotonic.

    `session`, `given_unit` and `tags` are what its headers say of them. `replayed` is the
    trace whose request is asked again here, to look at the answer. `tracestate` goes on to
    the target together with the client's trace.
    `ask` is the request in neutral words, once a translation needed it; `tried`
    tells the targets that were asked before `way` and why each gave no answer.
    `usage` is what the upstream told, `opening` what it told as it began (the prompt's
    tokens), `produced` the pieces of a stream so far; `estimated`: not all of `usage` was told.
    `unanswered`: its target never began an answer, which then costs nothing.
    `granted` is its place in the limits, `account` its money where a budget covers it;
    `held` and the fields below are what its trace says of that.
    `under_way`: it was counted as in flight.
    `cached` says what the cache had (hit, coalesced, miss), where it was asked; of a
    miss, `flight` hears the answer. `known` is what was read of the same bytes before.
    """

    state: State
    request: Request
    door: Door
    began_us: int
    began_at_us: int
    first_at_us: int = 0
    key: Key | None = None
    trace: str = ""
    span: str = ""
    parent: str | None = None
    session: str = ""
    given_unit: str = ""
    tags: dict[str, str] = {}
    body: bytes = b""
    peek: Peek = _NOT_READ
    ask: Ask | EmbeddingAsk | None = None
    streamed: bool = False
    channel: str = ""
    unit: str = ""
    route: Route | None = None
    way: Way | None = None
    tried: str = ""
    status: int = 0
    outcome: str = ""
    error: str | None = None
    response: bytes = b""
    usage: Usage | None = None
    opening: Usage | None = None
    produced: int = 0
    estimated: bool = False
    unanswered: bool = False
    granted: Granted | None = None
    account: Money | None = None
    held: list[int] = []
    held_nano: int | None = None
    cost_nano: int | None = None
    cost_currency: str = ""
    priced_by: str = ""
    recorded: bool = False
    under_way: bool = False
    cached: str = ""
    flight: Flight | None = None
    known: Known | None = None
    replayed: str = ""
    tracestate: bytes = b""


def begin_call(state: State, request: Request, door: Door) -> Call:
    """A call that arrives now."""
    clock = state.clock
    return Call(state, request, door, clock.now_us(), clock.monotonic_us())
