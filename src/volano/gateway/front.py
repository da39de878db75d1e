"""The front: which path is whose. `/v1/` is answered here, the rest belongs to control."""

from urllib.parse import parse_qsl, unquote

from volano.access.hosts import check_host, check_origin
from volano.core.errors import VolanoError
from volano.gateway import errors as no
from volano.gateway import path
from volano.gateway.answer import Answer
from volano.gateway.call import Call, begin_call
from volano.gateway.door import BY_PATH, CHAT, MESSAGES, Door
from volano.gateway.refusal import JSON, refuse, refuse_call
from volano.gateway.relay import Relay
from volano.gateway.render import Rendered
from volano.gateway.snapshot import Key
from volano.gateway.spans import PATH as _TRACES
from volano.gateway.spans import begin_spans
from volano.gateway.state import State
from volano.gateway.turn import Turn
from volano.wire.dialects.anthropic import models as anthropic
from volano.wire.http_client import Origin
from volano.wire.openai import FieldError, model_body, models_body
from volano.wire.request import Owner, Request

_MODELS = b"/v1/models"


class Asked:
    """Owns a request to a door: gives its events to the call's path."""

    __slots__ = ("_answer", "_call")
    streams = endless = False

    def __init__(self, call: Call):
        self._call = call
        self._answer: Turn | None = None

    def chunk(self, data: bytes) -> None:
        """Never called: the body is taken whole."""

    def complete(self, body: bytes) -> None:
        try:
            self._answer = path.serve(self._call, body)
        except VolanoError as error:
            refuse_call(self._call, error)

    def too_large(self) -> None:
        refuse_call(self._call, no.BodyTooLargeError(limit=self._call.request.limit))

    def left(self) -> None:
        (self._answer or Answer(self._call, (), Rendered(b"", ""), True)).left()

    def stop(self) -> None:
        if self._answer is not None:
            self._answer.stop()

    def pause(self) -> None:
        if self._answer is not None:
            self._answer.pause()

    def resume(self) -> None:
        if self._answer is not None:
            self._answer.resume()


class Front:
    """The app that a worker's server serves."""

    def __init__(self, state: State, relay: Origin, port: int, *, tls: bool = False):
        self._state = state
        self._port = port
        self._tls = tls
        self._relay = relay
        self._hosts: set[bytes] = set()

    def begin(self, request: Request) -> Owner | None:
        head = request.head
        if head is not None and head.ticket is not None:
            call = path.arrive_again(self._state, request, head.ticket)
            if call is not None:
                return Asked(call)
        target = request.target
        door = BY_PATH.get(target)
        if door is not None and request.method == b"POST":
            return self._ask(request, door)
        if not target.startswith(b"/v1/") and target != b"/v1":
            return Relay(request, self._relay)
        name, _, _ = target.partition(b"?")
        door = BY_PATH.get(name)
        if door is not None:
            return self._ask(request, door)
        try:
            self._check_names(request)
            if name == _TRACES:
                return begin_spans(self._state, request)
            if name == _MODELS or name.startswith(_MODELS + b"/"):
                return self._models(request, name[len(_MODELS) + 1 :])
            raise no.UnknownPathError(path=name[:200].decode("utf-8", "replace"))
        except VolanoError as error:
            refuse(request, error, _spoken(request))
        return None

    def refuse(self, request: Request, status: int, message: str) -> None:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        door = BY_PATH.get(request.target.partition(b"?")[0], CHAT)
        request.respond(status, JSON, door.error(status, message, kind=kind))

    def _check_names(self, request: Request) -> None:
        """Loopback names only, so that no DNS name that was rebound to us gets an answer."""
        fields = request.fields
        host = fields.get(b"host", b"")
        if host not in self._hosts:
            check_host(host.decode("latin-1"), self._port, tls=self._tls)
            self._hosts.add(host)
        if b"origin" in fields:
            check_origin(fields[b"origin"].decode("latin-1"), self._port, tls=self._tls)

    def _ask(self, request: Request, door: Door) -> Owner | None:
        try:
            self._check_names(request)
            if request.method != b"POST":
                raise _wrong_method(request, "POST")
        except VolanoError as error:
            refuse(request, error, door)
            return None
        call = begin_call(self._state, request, door)
        try:
            ticket = path.arrive(call)
        except VolanoError as error:
            refuse_call(call, error)
            return None
        if request.head is not None:
            request.head.ticket = ticket
        return Asked(call)

    def _models(self, request: Request, name: bytes) -> Owner | None:
        if request.method not in (b"GET", b"HEAD"):
            raise _wrong_method(request, "GET, HEAD")
        call = begin_call(self._state, request, _spoken(request))
        path.authenticate(call)
        return Models(call, unquote(name.decode("latin-1")))


class Models:
    """Answers which channels a key may call, in OpenAI's words or in Anthropic's."""

    __slots__ = ("_call", "_name")
    streams = True
    endless = False

    def __init__(self, call: Call, name: str):
        self._call = call
        self._name = name

    def chunk(self, data: bytes) -> None:
        """A body has no meaning here."""

    def complete(self, body: bytes) -> None:  # noqa: ARG002 - it has none
        key: Key | None = self._call.key
        routes = self._call.state.routes
        assert key is not None
        names = routes.allowed(key)
        created_s = routes.snapshot.published_us // 1_000_000
        try:
            said = self._said(sorted(names), created_s)
        except VolanoError as error:
            refuse(self._call.request, error, self._call.door)
        else:
            self._call.request.respond(200, JSON, said)

    def _said(self, names: list[str], created_s: int) -> bytes:
        in_anthropics = self._call.door is MESSAGES
        if self._name in names:
            write = anthropic.model_body if in_anthropics else model_body
            return write(self._name, created_s)
        if self._name:
            shown = ", ".join(f"`{n}`" for n in names) or "nothing yet"
            successor = self._follows(self._name)
            if successor is not None:
                raise no.ClosedChannelError(
                    channel=self._name, successor=successor, allowed=shown, param="model",
                    code="model_not_found",
                )  # fmt: skip
            raise no.UnknownChannelError(
                channel=self._name[:200], guess="", allowed=shown, param="model",
                code="model_not_found",
            )  # fmt: skip
        if not in_anthropics:
            return models_body(names, created_s)
        _, _, query = self._call.request.target.partition(b"?")
        try:
            asked = dict(parse_qsl(query.decode("latin-1"), max_num_fields=20))
            return anthropic.models_body(names, created_s, asked)
        except FieldError as error:
            raise no.BadFieldError(reason=error, param=error.param) from None
        except ValueError as error:
            raise no.BadFieldError(reason=f"The query cannot be read: {error}.") from None

    def _follows(self, name: str) -> str | None:
        """Return what follows a channel that is closed, to a key that might call it."""
        key: Key | None = self._call.key
        assert key is not None
        return self._call.state.routes.snapshot.closed.get(name) if key.may_call(name) else None

    def too_large(self) -> None: ...
    def left(self) -> None: ...
    def stop(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


def _spoken(request: Request) -> Door:
    """Whose words a client of a path that two APIs share expects: Anthropic's say their version."""
    return MESSAGES if b"anthropic-version" in request.fields else CHAT


def _wrong_method(request: Request, allowed: str) -> no.WrongMethodError:
    return no.WrongMethodError(
        path=request.target[:200].decode("utf-8", "replace"),
        method=request.method.decode("latin-1"),
        allowed=allowed,
    )
