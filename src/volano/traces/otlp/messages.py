"""What was asked and answered, read out of the messages of four dialects.

As with calls: of what was asked the last word of the user, else the last message;
of what was answered the first message. Nothing here raises on odd content.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from volano.traces.otlp.conventions import INDEXED, MESSAGES, VALUES, Side

Reader = Callable[[Mapping[str, Any]], str | None]
"""Reads a text out of a span's attributes."""


class _Part(msgspec.Struct, gc=False):
    type: str
    content: str | None = None


class _Message(msgspec.Struct, gc=False):
    role: str
    parts: list[_Part]


_loads = msgspec.json.Decoder().decode
_texts = msgspec.json.Decoder(list[_Message]).decode
"""The form that nearly all messages have, read many times faster than as objects of any form."""
_FINISH = re.compile(r'"finish_reason" ?: ?"([a-z_]{1,40})"')
_dumps = msgspec.json.encode
_INDEX = re.compile(r"(\d{1,6})\.(.+)")


def readers(side: Side, names: Iterable[str]) -> tuple[Reader, ...]:
    """Return what may find this side's text in a span with these attributes, the best first."""
    there = set(names)
    found: list[Reader] = [_messages(side, name) for name in MESSAGES[side] if name in there]
    for before, after in INDEXED[side]:
        indexed = _by_index(before, there)
        if indexed:
            found.append(_flattened(side, before, after, indexed))
    found += [_plain(name) for name in VALUES[side] if name in there]
    return tuple(found)


def said(side: Side, value: Any) -> str | None:
    """Return the text of messages, given as a list, or as JSON, or as text."""
    if isinstance(value, str):
        if value[:1] not in ("[", "{"):
            return value or None
        try:
            return _said_plainly(side, _texts(value))
        except (msgspec.ValidationError, _NotPlainError):
            pass  # it has other parts than texts, or another form
        except (msgspec.DecodeError, RecursionError):
            return value
        try:
            value = _loads(value)
        except (msgspec.DecodeError, RecursionError):
            return value or None
    if isinstance(value, dict):
        value = value.get("messages") if isinstance(value.get("messages"), list) else [value]
    messages = [m for m in value if isinstance(m, dict)] if isinstance(value, list) else []
    if not messages:
        return None
    if side == "output":
        return _message(messages[0])
    users = (m for m in reversed(messages) if m.get("role") == "user")
    return _message(next(users, messages[-1]))


class _NotPlainError(ValueError):
    """A part of the message is no text."""


def _said_plainly(side: Side, messages: list[_Message]) -> str | None:
    """Return the text of messages of texts. Raises _NotPlainError: the one that counts has others."""
    if not messages:
        return None
    found = messages[0] if side == "output" else messages[-1]
    if side == "input" and found.role != "user":
        found = next((m for m in reversed(messages) if m.role == "user"), found)
    if len(found.parts) == 1 and found.parts[0].type == "text" and found.parts[0].content:
        return found.parts[0].content
    raise _NotPlainError


def finish_of(value: Any) -> str | None:
    """Return why the first message of an output ended, where it says so."""
    if isinstance(value, str):
        at = value.find(
            '"finish_reason"'
        )  # it stands at the end, and an expression is slow to come there
        if at >= 0 and (found := _FINISH.search(value, at)):
            return found[1]
    try:
        messages = _loads(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, RecursionError):
        return None
    first = messages[0] if isinstance(messages, list) and messages else None
    reason = first.get("finish_reason") if isinstance(first, dict) else None
    return reason if isinstance(reason, str) else None


def _messages(side: Side, name: str) -> Reader:
    return lambda attributes: said(side, attributes[name])


def _plain(name: str) -> Reader:
    return lambda attributes: text_of(attributes[name])


def text_of(value: Any) -> str | None:
    """Return a value as text: lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value or None
    return _dumps(value).decode()


def _message(message: Mapping[str, Any]) -> str | None:
    """Return the text of one message, with parts (genai) or with content (OpenAI and others)."""
    inner = message.get("message")
    if isinstance(inner, dict):
        message = inner
    parts = message.get("parts")
    if parts is None:
        parts = message.get("content")
    if isinstance(parts, str):
        return parts or None
    texts = [_part(part) for part in parts] if isinstance(parts, list) else []
    calls = message.get("tool_calls")
    texts += [_part(call) for call in calls] if isinstance(calls, list) else []
    return "\n".join(filter(None, texts)) or None


def _part(part: Any) -> str:
    if isinstance(part, str):
        return part
    if not isinstance(part, dict):
        return ""
    text = part.get("content", part.get("text"))
    if isinstance(text, str):
        return text
    call = part["function"] if isinstance(part.get("function"), dict) else part
    if isinstance(call.get("name"), str):
        return _call(call["name"], call.get("arguments"))
    answer = part.get("response", part.get("result"))
    return (text_of(answer) or "") if answer is not None else f"[{part.get('type', 'part')}]"[:64]


def _call(name: str, arguments: Any) -> str:
    return f"{name}({text_of(arguments) or ''})"


def _by_index(before: str, names: Iterable[str]) -> dict[int, list[str]]:
    """Group what follows the index: {0: ["role", "content"], 1: …}."""
    found: dict[int, list[str]] = {}
    for name in names:
        if name.startswith(before) and (match := _INDEX.fullmatch(name, len(before))):
            found.setdefault(int(match[1]), []).append(match[2])
    return found


def _flattened(side: Side, before: str, after: str, indexed: dict[int, list[str]]) -> Reader:
    """Read messages that were flattened into attributes: `gen_ai.prompt.0.content`."""
    order = sorted(indexed, reverse=side == "input")
    roles = [(n, f"{before}{n}.{after}role") for n in order if f"{after}role" in indexed[n]]
    fields = {n: _fields(f"{before}{n}.", after, indexed[n]) for n in order}

    def read(attributes: Mapping[str, Any]) -> str | None:
        users = (n for n, role in roles if attributes[role] == "user")
        n = order[0] if side == "output" else next(users, order[0])
        texts, calls = fields[n]
        words = [text_of(attributes[name]) for name in texts]
        words += [_call(str(attributes[name]), attributes.get(given)) for name, given in calls]
        return "\n".join(filter(None, words)) or None

    return read


_PART = re.compile(r"contents\.(\d{1,6})\.message_content\.text")
_TOOL = re.compile(r"tool_calls\.(\d{1,6})\.(?:tool_call\.function\.)?name")


def _fields(head: str, after: str, names: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Return where the texts of one message stand, and the names and arguments of its tools."""
    own = {name.removeprefix(after): name for name in names}
    texts = [head + own["content"]] if "content" in own else []
    parts = {int(m[1]): name for short, name in own.items() if (m := _PART.fullmatch(short))}
    texts += [head + parts[n] for n in sorted(parts)]
    tools = {int(m[1]): name for short, name in own.items() if (m := _TOOL.fullmatch(short))}
    calls = [head + tools[n] for n in sorted(tools)]
    return texts, [(name, name.removesuffix("name") + "arguments") for name in calls]
