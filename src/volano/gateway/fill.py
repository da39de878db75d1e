"""A flow's templates, filled with what a request says: its variables, and the user's last words.

`input` is what the user said last, where the request does not say it among its
`variables`. A prompt whose last message is made of `input` puts that message where the
user's stood; what came before in the conversation stays before it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, UnsetType, structs

from volano.core.errors import InvalidError
from volano.core.template.errors import UnknownVariableError
from volano.core.template.wording import INPUT, Messages, Wording
from volano.gateway.errors import BadVariablesError
from volano.wire import openai
from volano.wire.dialects.all import SERVED
from volano.wire.exchange import Ask, Text, Turn

VARIABLES = "variables"
_encode = msgspec.json.encode
_decode = msgspec.json.Decoder().decode


def filled_messages(wording: Wording, messages: Raw, variables: Raw | UnsetType) -> bytes:
    """Return the messages of a chat for the upstream, as JSON.

    Raises:
        BadVariablesError: a variable is missing, unknown or does not fit; `param` names it.
        FieldError: a message is not an object, or its content is neither text nor parts.
    """
    given, each = _given(variables), openai.read_messages(messages)
    rest: list[Any] = []
    if INPUT in wording.variables and INPUT not in given:
        last = next((at for at in reversed(range(len(each))) if _role(each[at]) == "user"), None)
        if last is not None:
            content = _decode(each[last].get("content", b'""'))
            given[INPUT], rest = _text(content)
            if wording.wraps:
                del each[last]
    before, after = _parts(wording, given)
    own: list[Any] = list(after)
    if own and rest and wording.wraps:
        own[0] = {"role": "user", "content": [{"type": "text", "text": own[0]["content"]}, *rest]}
    return _encode([*before, *each, *own])


def filled_ask(wording: Wording, ask: Ask, variables: Raw | UnsetType) -> list[Turn]:
    """Return the turns of a request in neutral words.

    Raises:
        BadVariablesError: as `filled_messages`.
    """
    given, turns = _given(variables), list(ask.turns)
    rest: list[Any] = []
    if INPUT in wording.variables and INPUT not in given:
        at = next((n for n in reversed(range(len(turns))) if _says(turns[n])), None)
        if at is not None:
            parts = turns[at].parts
            given[INPUT] = "\n".join(part.text for part in parts if isinstance(part, Text))
            rest = [part for part in parts if not isinstance(part, Text)]
            if wording.wraps:
                del turns[at]
    before, after = (_turns(part) for part in _parts(wording, given))
    if after and rest and wording.wraps:
        after[0] = structs.replace(after[0], parts=[*after[0].parts, *rest])
    return [*before, *turns, *after]


def refuse_variables(variables: Raw | UnsetType) -> None:
    """Refuse variables for a prompt that has none.

    Raises:
        BadVariablesError: one was given; `param` names it.
    """
    for name in _given(variables):
        error = UnknownVariableError(name=name[:80], known="none")
        raise _bad(error.message, error.advice, f"{VARIABLES}.{name}"[:100])


def _bad(reason: str, advice: str, param: str) -> BadVariablesError:
    return BadVariablesError(reason=reason, advice=f"{advice} " if advice else "", param=param)


def _given(variables: Raw | UnsetType) -> dict[str, Any]:
    found = {} if isinstance(variables, UnsetType) else _decode(variables)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise _bad("`variables` must be an object.", "", VARIABLES)
    return found


def _parts(wording: Wording, given: Mapping[str, Any]) -> tuple[Messages, Messages]:
    try:
        return wording.parts(given)
    except InvalidError as error:
        name = error.facts.get("name")
        param = f"{VARIABLES}.{name}" if name else VARIABLES
        raise _bad(error.message, error.advice, param) from None


def _role(message: Mapping[str, Any]) -> Any:
    return _decode(message.get("role", b"null"))


def _text(content: Any) -> tuple[str, list[Any]]:
    """The text of a content, and its parts that are none."""
    if content is None or isinstance(content, str):
        return content or "", []
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise openai.FieldError(
            "`content` must be a string or an array of parts.", "messages.content"
        )
    texts = [part["text"] for part in content if isinstance(part.get("text"), str)]
    return "\n".join(texts), [part for part in content if not isinstance(part.get("text"), str)]


def _says(turn: Turn) -> bool:
    return turn.role == "user" and any(isinstance(part, Text) for part in turn.parts)


def _turns(messages: Messages) -> list[Turn]:
    if not messages:
        return []
    return list(SERVED["openai.chat"].read_ask(_encode({"model": "", "messages": messages})).turns)
