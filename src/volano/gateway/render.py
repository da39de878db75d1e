"""A call in the words of one target: its dialect, its path, its model's name.

Where door and target speak the same, values are spliced as they came. Otherwise
the request is read into neutral words (`wire.exchange`), what the flow puts
before and around it is added there, and the target's dialect writes it.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import UNSET, Raw, structs

from volano.core.errors import VolanoError
from volano.gateway import errors as no
from volano.gateway.call import Call
from volano.gateway.fill import VARIABLES, filled_ask, filled_messages, refuse_variables
from volano.gateway.naming import named, with_field
from volano.gateway.routes import Route, Way
from volano.wire import openai
from volano.wire.dialects.all import SERVED, SERVED_EMBEDDINGS, SPOKEN, SPOKEN_EMBEDDINGS
from volano.wire.dialects.anthropic import MESSAGES
from volano.wire.embeddings import EmbeddingAsk
from volano.wire.exchange import Ask, CannotSayError, Text, Turn
from volano.wire.thoughts import own, without_foreign

_CHAT = "openai.chat"
_COUNT = "anthropic.count_tokens"
_KEEPS, _NOT_KEPT = "openai.responses", Raw(b"false")
"""An API that keeps answers where nobody says otherwise, and what is said where the client's does not."""
_ANY = b'[{"role":"user","content":"-"}]'
_USAGE = b'{"include_usage":true}'
_KEEPS_THOUGHTS = frozenset(("openai", "azure", "azure-deployments"))
"""Providers whose chat completions never show a thought: one that a client sends is another's."""


class Rendered(NamedTuple):
    """A request's body, and the dialect it is written in."""

    body: bytes
    dialect: str


def render(call: Call, way: Way) -> Rendered:
    """Return what this target is asked.

    Raises:
        VolanoError: the client's request cannot be put to this target, and why.
    """
    said = _rendered(call, way)
    if not way.fields or said.dialect == _COUNT:
        return said
    return Rendered(openai.with_fields(said.body, way.fields), said.dialect)


def _rendered(call: Call, way: Way) -> Rendered:
    door, route = call.door, call.route
    assert route is not None
    try:
        if door.name in way.target.dialects and (door.name == _CHAT or route.plain):
            body = _chat(call, route, way) if door.name == _CHAT else _spliced(call, way)
            if door.name != _CHAT or way.target.provider in _KEEPS_THOUGHTS:
                body = without_foreign(body, door.name)
            return Rendered(body, door.name)
        if door.name in SERVED:
            return _translated(call, route, way)
        if door.name == _COUNT and _COUNT in way.target.dialects:
            return _counted(call, route, way)
        if door.name in SERVED_EMBEDDINGS and route.plain:
            return _embedding(call, way)
    except CannotSayError as error:
        ours = len(route.template.turns) if route.wording is None else None
        param = named(error.param, door.name, call.ask, ours=ours)
        raise no.CannotSayError(
            reason=with_field(str(error), param),
            target=way.target.name,
            param=param,
            code="unsupported_parameter",
        ) from None
    except openai.FieldError as error:
        raise no.BadFieldError(reason=error, param=error.param) from None
    except openai.MalformedError as error:
        raise no.BadBodyError(reason=error) from None
    raise _cannot_serve(call, way)


def _spliced(call: Call, way: Way) -> bytes:
    changes = {"model": way.model}
    if call.door.name == "openai.completions" and call.streamed:
        changes["stream_options"] = _stream_options(call)
        return openai.rewrite(call.body, changes)
    return openai.with_model(call.body, way.model)


def _chat(call: Call, route: Route, way: Way) -> bytes:
    """Values spliced as they came, the model's name replaced, the flow's words around."""
    chat = call.peek.chat
    assert chat is not None
    if route.plain and not call.streamed:
        return openai.with_model(call.body, way.model)
    changes = {"model": way.model}
    if call.streamed:
        changes["stream_options"] = _stream_options(call)
    if route.plain:
        return openai.rewrite(call.body, changes)
    return around_chat(call.body, chat, route, changes)


def around_chat(
    body: bytes, chat: openai.ChatRequest, route: Route, changes: dict[str, bytes]
) -> bytes:
    """Return a chat with the flow's words around the client's, and these other changes.

    Raises:
        BadVariablesError, FieldError: the request does not fit the flow.
    """
    if route.wording is not None:
        changes["messages"] = filled_messages(route.wording, chat.messages, chat.variables)
    elif route.before or route.user:
        changes["messages"] = openai.wrap_messages(chat.messages, route.before, route.user)
    defaults = route.defaults
    if chat.max_completion_tokens is not None:
        defaults = {name: value for name, value in defaults.items() if name != "max_tokens"}
    if chat.variables is UNSET:
        return openai.rewrite(body, changes, defaults)
    if route.wording is None:
        refuse_variables(chat.variables)
    return openai.rewrite(body, changes, defaults, without=VARIABLES)


def _stream_options(call: Call) -> bytes:
    """Usage is asked for on our own account too."""
    return openai.stream_options(call.body) if call.peek.has_stream_options else _USAGE


def _translated(call: Call, route: Route, way: Way) -> Rendered:
    if call.ask is None:
        read = SERVED[call.door.name].read_ask
        plain = route.plain
        call.ask = read(call.body) if plain else around(call.body, call.peek.chat, read, route)
    known = way.target.dialects
    own_words = (call.door.name,) if call.door.name in known else ()
    name = next((name for name in (*own_words, *known) if name in SPOKEN), None)
    if name is None:
        raise _cannot_serve(call, way)
    assert isinstance(call.ask, Ask)
    model = way.target.model
    turns = own(call.ask.turns, door=call.door.name, dialect=name, model=model)
    ask = structs.replace(call.ask, model=model, turns=turns, wants_usage=True)
    if name == _KEEPS and call.door.name != _KEEPS:
        ask.extra = {"store": _NOT_KEPT, **ask.extra}
    return Rendered(SPOKEN[name].write_ask(ask), name)


def _counted(call: Call, route: Route, way: Way) -> Rendered:
    """What a flow says counts too."""
    ask = around(call.body, call.peek.chat, MESSAGES.read_count, route)
    model = way.target.model
    turns = own(ask.turns, door=_COUNT, dialect=MESSAGES.name, model=model)
    ask = structs.replace(ask, model=model, turns=turns)
    return Rendered(MESSAGES.write_count_ask(ask), _COUNT)


def _embedding(call: Call, way: Way) -> Rendered:
    if call.ask is None:
        call.ask = SERVED_EMBEDDINGS[call.door.name].read_ask(call.body)
    assert isinstance(call.ask, EmbeddingAsk)
    name = next((name for name in way.target.dialects if name in SPOKEN_EMBEDDINGS), None)
    if name is None:
        raise _cannot_serve(call, way)
    ask = structs.replace(call.ask, model=way.target.model)
    return Rendered(SPOKEN_EMBEDDINGS[name].write_ask(ask), name)


def _cannot_serve(call: Call, way: Way) -> VolanoError:
    return no.CannotServeError(door=call.door.path.decode(), target=way.target.name, param="model")


def around(
    body: bytes, chat: openai.ChatRequest | None, read: Callable[[bytes], Ask], route: Route
) -> Ask:
    """Put the flow's words before and around the client's, and its settings where none are said.

    Raises:
        BadVariablesError, FieldError, CannotSayError: the request does not fit the flow.
    """
    given = openai.read_field(body, VARIABLES)
    variables = UNSET if given is None else given
    body = body if given is None else openai.rewrite(body, {}, without=VARIABLES)
    silent = chat is not None and openai.is_empty(chat.messages)
    ask = read(openai.rewrite(body, {"messages": _ANY}) if silent else body)
    if silent:
        ask = structs.replace(ask, turns=[])
    if route.wording is None:
        refuse_variables(variables)
    flow = route.template
    changes = {
        field: value
        for field, value in structs.asdict(flow).items()
        if field in _SETTINGS and value is not None and getattr(ask, field) is None
    }
    if route.wording is not None:
        turns = filled_ask(route.wording, ask, variables)
        return structs.replace(ask, turns=turns, **changes)
    turns = [*flow.turns, *ask.turns]
    if route.user is not None:
        _wrap(turns, *route.user)
    return structs.replace(ask, turns=turns, **changes)


_SETTINGS = frozenset(
    name
    for name, default in zip(
        Ask.__struct_fields__[-len(Ask.__struct_defaults__) :], Ask.__struct_defaults__, strict=True
    )
    if default is None or default is UNSET
) - {"user", "metadata"}


def _wrap(turns: list[Turn], prefix: str, suffix: str) -> None:
    """Wrap the text of the last user's turn that has one."""
    for at in range(len(turns) - 1, -1, -1):
        turn = turns[at]
        texts = [n for n, part in enumerate(turn.parts) if isinstance(part, Text)]
        if turn.role != "user" or not texts:
            continue
        parts = list(turn.parts)
        for n, before, after in ((texts[0], prefix, ""), (texts[-1], "", suffix)):
            part = parts[n]
            assert isinstance(part, Text)
            parts[n] = structs.replace(part, text=before + part.text + after)
        turns[at] = structs.replace(turn, parts=parts)
        return
