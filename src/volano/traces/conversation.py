"""The messages of a step, and what of them is new: a turn, without the history that goes along.

Models remember nothing: each request repeats the conversation so far. Here it is
read out of the bodies of calls, and out of the attributes of spans in their
dialects, as plain `(role, text)`, and what was said before is taken away.
Nothing raises on odd content: what cannot be read is left out.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from volano.traces.content import clean, load
from volano.traces.otlp.conventions import INDEXED, MESSAGES, VALUES, Side

MOST_MESSAGES = 500
_ANSWERS = ("assistant", "model", "ai")


@dataclass(frozen=True, slots=True)
class Said:
    """One message: who spoke (user, assistant, system, tool…), and the words."""

    role: str
    text: str

    @property
    def answers(self) -> bool:
        """Whether a model said it."""
        return self.role in _ANSWERS


Messages = tuple[Said, ...]


def asked(request: bytes) -> Messages:
    """Return the messages of a request, in whichever API's words it is."""
    try:
        body = load(request)
        if not isinstance(body, dict):
            return ()
        before = [Said("system", text) for name in ("system", "instructions")
                  if (text := _words(body.get(name)))]  # fmt: skip
        given = next((body[n] for n in ("messages", "input", "prompt") if body.get(n)), None)
        return (*before, *_messages(given))[-MOST_MESSAGES:]
    except RecursionError:
        return ()


def told(side: Side, attributes: Mapping[str, Any]) -> Messages:
    """Return the messages on one side of a span, in whichever dialect its attributes are."""
    try:
        system = attributes.get("gen_ai.system_instructions") if side == "input" else None
        before = [Said("system", text)] if (text := _words(_parsed(system))) else []
        for name in MESSAGES[side]:
            if found := _messages(_parsed(attributes.get(name)), _role(side)):
                return (*before, *found)[-MOST_MESSAGES:]
        for start, after in INDEXED[side]:
            if found := tuple(_flattened(attributes, start, after, _role(side))):
                return (*before, *found)[-MOST_MESSAGES:]
        for name in VALUES[side]:
            if found := _messages(_parsed(attributes.get(name)), _role(side)):
                return (*before, *found)[-MOST_MESSAGES:]
    except RecursionError:
        pass
    return ()


def fresh(history: Sequence[Said], messages: Sequence[Said]) -> Messages:
    """Return what these messages say that the history does not have yet.

    What follows the last answer among them is new, whatever it says. Of the rest, what
    stands in the history in the same order is not, also where the application had
    dropped the oldest of it; a system message counts once.
    """
    last = max((n for n, one in enumerate(messages) if one.answers), default=-1)
    systems = {one for one in history if one.role == "system"}
    found, at = [], 0
    for n, one in enumerate(messages):
        if one.role == "system":
            if one not in systems:
                systems.add(one)
                found.append(one)
            continue
        if n > last:
            found.append(one)
            continue
        place = next((k for k in range(at, len(history)) if history[k] == one), None)
        if place is None:
            found.append(one)
        else:
            at = place + 1
    return tuple(found)


def _role(side: Side) -> str:
    return "user" if side == "input" else "assistant"


def _parsed(value: Any) -> Any:
    """Return a list or an object that was sent as JSON; any other text as it is."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _messages(given: Any, role: str = "user") -> Messages:
    if isinstance(given, dict):
        inner = given.get("messages")
        given = inner if isinstance(inner, list) else [given]
    if isinstance(given, str):
        return (Said(role, clean(given) or ""),)
    if not isinstance(given, list):
        return ()
    return tuple(_message(one, role) for one in given if isinstance(one, dict | str))


def _message(one: dict[str, Any] | str, role: str) -> Said:
    if isinstance(one, str):
        return Said(role, clean(one) or "")
    inner = one.get("message")
    one = inner if isinstance(inner, dict) else one
    kind = str(one.get("type", ""))
    if kind.startswith("function_call") and "role" not in one:  # an item of the Responses API
        return Said("tool" if kind.endswith("output") else "assistant", _part(one))
    parts = one.get("parts", one.get("content"))
    texts = [_words(parts), *map(_part, _list(one.get("tool_calls")))]
    words = "\n".join(filter(None, texts))
    return Said(str(one.get("role") or role)[:40], clean(words or _part(one)) or "")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(content: Any) -> str:
    if isinstance(content, str):
        return clean(content) or ""
    return clean("\n".join(filter(None, map(_part, _list(content))))) or ""


def _part(part: Any) -> str:
    """Return a part as text; a call of a tool reads `name(arguments)`."""
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    text = part.get("text", part.get("content"))
    if isinstance(text, str):
        return text
    if isinstance(text, list):
        return "\n".join(filter(None, map(_part, text)))
    function = part.get("function")
    call = function if isinstance(function, dict) else part
    if isinstance(call.get("name"), str):
        return f"{call['name']}({_said(call.get('arguments', call.get('input')))})"
    answer = part.get("response", part.get("result", part.get("output")))
    return (
        _said(answer) if answer is not None else f"[{part['type']}]"[:64] if "type" in part else ""
    )


def _said(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def _flattened(attributes: Mapping[str, Any], start: str, after: str, role: str) -> Iterator[Said]:
    """Read messages that were flattened into attributes: `gen_ai.prompt.0.content`."""
    indexed: dict[int, dict[str, Any]] = {}
    for name, value in attributes.items():
        number, dot, rest = name.removeprefix(start).partition(".")
        if name.startswith(start) and dot and number.isascii() and number.isdigit():
            indexed.setdefault(int(number[:6]), {})[rest.removeprefix(after)] = value
    for _, fields in sorted(indexed.items()):
        texts = [_words(_parsed(fields.get("content")) if not isinstance(fields.get("content"), str)
                        else fields["content"])]  # fmt: skip
        texts += [str(v) for k, v in sorted(fields.items()) if k.endswith("message_content.text")]
        texts += [f"{v}({fields.get(k.removesuffix('name') + 'arguments', '')})"
                  for k, v in sorted(fields.items())
                  if k.startswith("tool_calls.") and k.endswith("name")]  # fmt: skip
        yield Said(
            str(fields.get("role") or role)[:40], clean("\n".join(filter(None, texts))) or ""
        )


def without_repeats(messages: Iterable[Said], shown: set[Said]) -> Messages:
    """Return the messages that were not shown yet, and note them: several calls of one turn ask the same."""
    found = []
    for one in messages:
        if one not in shown:
            shown.add(one)
            found.append(one)
    return tuple(found)
