"""Writes turns as the messages of a chat completion request.

One turn of the user may become several messages: what tools answered has a role of
its own here. Of the assistant's turn, words come before tool calls, since a message
holds both apart. A tool's failure, which has no field here, is said in words.
"""

import re
from typing import Any

from volano.wire.dialects.call_ids import fitting
from volano.wire.dialects.places import Placed, placed
from volano.wire.exchange import (
    Audio,
    CannotSayError,
    File,
    Image,
    Part,
    Refusal,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    Turn,
)

Json = dict[str, Any]

TOOL_FAILED = "Error: "
"""Begins what a failed tool answered."""
_TTLS = frozenset(("30m", "12h"))
_CALL_ID = re.compile(".{1,40}", re.DOTALL)


def write_messages(turns: list[Turn]) -> list[Json]:
    """Return the messages.

    Raises:
        CannotSayError: names the place (`places`).
    """
    messages: list[Json] = []
    for turn in placed(turns):
        messages += _assistant(turn) if turn.role == "assistant" else _heard(turn)
    return messages


def _heard(turn: Placed) -> list[Json]:
    """Messages of the user, the system and of tools, in the order in which they were said."""
    messages: list[Json] = []
    plain: list[Json] = []
    for part, at in zip(turn.parts, turn.paths, strict=True):
        if isinstance(part, ToolResult) and turn.role == "user":
            if plain:
                messages.append(_message(turn, plain))
                plain = []
            messages.append(_tool_message(part, at))
        elif turn.role == "system" and not isinstance(part, Text):
            raise CannotSayError("The system's words can only be text.", at)
        else:
            plain.append(_part(part, at))
    if plain:
        messages.append(_message(turn, plain))
    return messages


def _message(turn: Placed, parts: list[Json]) -> Json:
    message: Json = {"role": turn.role, "content": _shortest(parts)}
    if turn.name is not None:
        message["name"] = turn.name
    return message


def _shortest(parts: list[Json]) -> str | list[Json]:
    if len(parts) == 1 and len(parts[0]) == 2 and parts[0]["type"] == "text":
        text: str = parts[0]["text"]
        return text
    return parts


def _tool_message(result: ToolResult, path: str) -> Json:
    parts = []
    for index, part in enumerate(result.parts):
        if not isinstance(part, Text):
            at = f"{path}.content[{index}]"
            raise CannotSayError("A tool's answer can only be text for this provider.", at)
        parts.append(_part(part, path))
    if result.is_error:
        parts = [{"type": "text", "text": TOOL_FAILED}, *parts] if len(parts) != 1 else parts
        if len(parts) == 1:
            parts[0]["text"] = TOOL_FAILED + parts[0]["text"]
    return {
        "role": "tool",
        "tool_call_id": _call_id(result.id),
        "content": _shortest(parts) if parts else "",
    }


def _assistant(turn: Placed) -> list[Json]:
    words: list[Json] = []
    calls: list[Json] = []
    refusals: list[str] = []
    for part, at in zip(turn.parts, turn.paths, strict=True):
        match part:
            case Text():
                words.append(_part(part, at))
            case Refusal():
                refusals.append(part.text)
            case ToolUse():
                calls.append(_call(part))
            case Thinking():
                pass  # LEFT_OUT
            case _:
                raise CannotSayError("An assistant's turn can only hold text and tool calls.", at)
    if not (words or calls or refusals):
        return []
    message: Json = {"role": "assistant"}
    if words:
        message["content"] = _shortest(words)
    if refusals:
        message["refusal"] = "".join(refusals)
    if calls:
        message["tool_calls"] = calls
    if turn.name is not None:
        message["name"] = turn.name
    return [message]


def _call(use: ToolUse) -> Json:
    function = {"name": use.name, "arguments": use.arguments or "{}"}
    return {"id": _call_id(use.id), "type": "function", "function": function}


def _call_id(given: str) -> str:
    return fitting(given, _CALL_ID, "call_")


def _part(part: Part, path: str) -> Json:
    match part:
        case Text():
            return _marked({"type": "text", "text": part.text}, part.cache_ttl)
        case Image():
            return _marked({"type": "image_url", "image_url": _image(part, path)}, part.cache_ttl)
        case Audio():
            sound = {"data": part.data, "format": part.format}
            return {"type": "input_audio", "input_audio": sound}
        case File():
            return _marked({"type": "file", "file": _file(part, path)}, part.cache_ttl)
    raise CannotSayError("This part cannot stand in a user's message.", path)


def _marked(part: Json, ttl: str | None) -> Json:
    if ttl in _TTLS:
        part["prompt_cache_breakpoint"] = {"mode": "explicit", "ttl": ttl}
    return part


def _image(image: Image, path: str) -> Json:
    if image.url is not None:
        said = {"url": image.url}
    elif image.data is None or image.media_type is None:
        raise CannotSayError("An image needs a URL, or data and a media type.", path)
    else:
        said = {"url": f"data:{image.media_type};base64,{image.data}"}
    if image.detail is not None:
        said["detail"] = image.detail
    return said


def _file(file: File, path: str) -> Json:
    said = {"filename": file.name} if file.name is not None else {}
    if file.file_id is not None:
        return said | {"file_id": file.file_id}
    if file.data is None:
        raise CannotSayError("A file can only be given as data or by id to this provider.", path)
    if file.media_type is None:
        return said | {"file_data": file.data}
    return said | {"file_data": f"data:{file.media_type};base64,{file.data}"}
