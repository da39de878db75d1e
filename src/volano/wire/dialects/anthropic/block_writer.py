"""Writes turns as the `system` field and the `messages` of a messages request.

The system's words go to `system` as long as they come first; later ones are
messages with the role `system`, which the newer models know. Thoughts are said only
where they are signed or redacted: others cannot be proven to be the model's own.
A refusal is said as text. An empty text beside other blocks, which the API refuses,
is left out, and so is an answer that is nothing else: it says nothing.
"""

import base64
import binascii
import re
from typing import Any

import msgspec
from msgspec import Raw

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

INVALID_JSON = "INVALID_JSON"
"""Holds arguments that are no JSON object, as Anthropic's documentation advises."""
TTLS = {"5m": "5m", "30m": "1h", "1h": "1h", "12h": "1h"}
"""Lifetimes in the cache; where there is no equal one, the next longer, or the longest."""
_PDF_BEGINS = "JVBERi"  # base64 of "%PDF-"
_CALL_ID = re.compile("[a-zA-Z0-9_-]+")


def write_turns(turns: list[Turn]) -> tuple[list[Json], list[Json]]:
    """Return the blocks of `system` and the messages.

    Raises:
        CannotSayError: names the place as a client of OpenAI's chat would count it.
    """
    system: list[Json] = []
    messages: list[Json] = []
    for turn in placed(turns):
        if turn.name is not None:
            raise CannotSayError("Anthropic knows no names of participants.", f"{turn.path}.name")
        blocks = _blocks(turn)
        if turn.role == "system" and not messages:
            system += blocks
        elif blocks and not _says_nothing(turn, blocks):
            messages.append({"role": turn.role, "content": _shortest(blocks)})
    if not messages:
        raise CannotSayError("Anthropic needs a message besides the system's.", "messages")
    return system, messages


def _blocks(turn: Placed) -> list[Json]:
    blocks: list[Json] = []
    for part, path in zip(turn.parts, turn.paths, strict=True):
        if turn.role == "system" and not isinstance(part, Text):
            raise CannotSayError("The system's words can only be text.", path)
        if isinstance(part, Thinking) and not (part.signature or part.redacted):
            continue
        if isinstance(part, ToolResult):
            blocks.append(_tool_result(part, path))
        else:
            blocks.append(_block(part, path))
    return _without_empty(blocks)


def _without_empty(blocks: list[Json]) -> list[Json]:
    if len(blocks) < 2:
        return blocks
    return [block for block in blocks if block.get("text") != ""] or blocks[:1]


def _says_nothing(turn: Placed, blocks: list[Json]) -> bool:
    """An answer without a word, which OpenAI's clients send back, is refused here."""
    return turn.role == "assistant" and len(blocks) == 1 and blocks[0].get("text") == ""


def _shortest(blocks: list[Json]) -> str | list[Json]:
    if len(blocks) == 1 and len(blocks[0]) == 2 and blocks[0]["type"] == "text":
        text: str = blocks[0]["text"]
        return text
    return blocks


def _tool_result(result: ToolResult, path: str) -> Json:
    blocks = []
    for index, part in enumerate(result.parts):
        blocks.append(_block(part, f"{path}.content[{index}]"))
    block: Json = {"type": "tool_result", "tool_use_id": _call_id(result.id)}
    if blocks:
        block["content"] = _shortest(_without_empty(blocks))
    if result.is_error:
        block["is_error"] = True
    return marked(block, result.cache_ttl)


def _block(part: Part, path: str) -> Json:
    match part:
        case Text():
            return marked({"type": "text", "text": part.text}, part.cache_ttl)
        case Refusal() if part.text:
            return {"type": "text", "text": part.text}
        case Refusal():
            return {"type": "text", "text": ""}
        case Thinking(redacted=True):
            return {"type": "redacted_thinking", "data": part.text}
        case Thinking():
            return {"type": "thinking", "thinking": part.text, "signature": part.signature or ""}
        case ToolUse():
            return {
                "type": "tool_use",
                "id": _call_id(part.id),
                "name": part.name,
                "input": tool_input(part.arguments),
            }
        case Image():
            return marked({"type": "image", "source": _image(part, path)}, part.cache_ttl)
        case File():
            return _document(part, f"{path}.file")
        case Audio():
            raise CannotSayError(
                "Anthropic's models hear no sounds: send the words as text.", f"{path}.input_audio"
            )
    raise CannotSayError("This part cannot stand here.", path)


def _call_id(given: str) -> str:
    return fitting(given, _CALL_ID, "toolu_")


def marked(block: Json, ttl: str | None) -> Json:
    """Return this block or tool with its mark of a cacheable prefix, if it has one."""
    if ttl is not None:
        kept = TTLS.get(ttl, "5m")
        block["cache_control"] = {"type": "ephemeral"} | ({"ttl": kept} if kept != "5m" else {})
    return block


def tool_input(arguments: str) -> Raw | Json:
    """The arguments of a tool use as the object that `input` must be."""
    if not arguments.strip():
        return {}
    try:
        if isinstance(msgspec.json.decode(arguments), dict):
            return Raw(arguments)
    except (ValueError, RecursionError):
        pass
    return {INVALID_JSON: arguments}


def _image(image: Image, path: str) -> Json:
    if image.url is not None:
        return {"type": "url", "url": image.url}
    if image.data is None or image.media_type is None:
        raise CannotSayError("An image needs a URL, or data and a media type.", path)
    return {"type": "base64", "media_type": image.media_type, "data": image.data}


def _document(file: File, path: str) -> Json:
    block: Json = {"type": "document", "source": _source(file, path)}
    if file.name is not None:
        block["title"] = file.name
    return marked(block, file.cache_ttl)


def _source(file: File, path: str) -> Json:
    if file.file_id is not None:
        return {"type": "file", "file_id": file.file_id}
    if file.url is not None:
        return {"type": "url", "url": file.url}
    data, kind = file.data or "", file.media_type
    if kind == "application/pdf" or (kind is None and data.startswith(_PDF_BEGINS)):
        return {"type": "base64", "media_type": "application/pdf", "data": data}
    if kind is None or not kind.startswith("text/"):
        raise CannotSayError("Anthropic reads only PDF and plain text files.", path)
    try:
        text = base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        raise CannotSayError("This file is not text in UTF-8, in base64.", path) from None
    return {"type": "text", "media_type": "text/plain", "data": text}
