"""Amazon Bedrock: `Converse`, and `ConverseStream` with its event stream framing.

Written from the Bedrock Runtime API reference and its service model (2023-09-30).
The model and whether to stream stand in the path (`path`), whose `:` travels as
`%3A` (`wire.sigv4` signs it so). Answers name neither an id nor the model: both are
empty in what is read here.

Converse speaks for many makers' models. What it has no common word for goes to the
model itself (`additionalModelRequestFields`), for makers whose words are known;
for the others it is refused.
"""

import re
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote

import msgspec
from msgspec import Raw

from volano.wire.dialect import Fault
from volano.wire.dialects.bedrock_answer import BedrockEvents, fault_of, reply_of
from volano.wire.dialects.call_ids import fitting
from volano.wire.dialects.places import Placed
from volano.wire.dialects.unsaid import joined, object_of, passed_on, refuse, refuse_many
from volano.wire.exchange import (
    Ask,
    Audio,
    CannotSayError,
    File,
    Image,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    Thinking,
    Tool,
    ToolResult,
    ToolUse,
)

LEFT_OUT: Mapping[str, str] = {
    "user": "names the end user to the client's provider; Converse has no such field",
    "image.detail": "bounds the tokens spent on a picture; Converse always takes the whole",
    "format.strict": "a schema given to Converse always binds",
    "text.empty": "Converse refuses blocks without words; nothing is said in them",
    "thinking.signature": "only where Gemini made it: it proves nothing here",
    "reasoning.summary": "for models that are not Anthropic's: they show their thoughts or do not",
    "wants_usage": "Converse always says the usage",
}
"""What is not said to Bedrock though it was said to us: it changes nothing in the answer."""

PASSED = ("guardrailConfig", "performanceConfig", "additionalModelRequestFields")
"""Converse's own fields, passed on as they came."""

_TOP_K = {"anthropic.": ("top_k",), "amazon.nova": ("inferenceConfig", "topK"),
          "mistral.": ("top_k",), "cohere.": ("k",)}  # fmt: skip
"""Where each maker's models take top_k, by a piece of the model's id."""

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_TIERS = {"auto": None, "default": "default", "standard": "default", "standard_only": "default",
          "flex": "flex", "priority": "priority", "reserved": "reserved"}  # fmt: skip
_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif",
           "image/webp": "webp"}  # fmt: skip
_DOCUMENTS = {
    "application/pdf": "pdf", "text/csv": "csv", "text/html": "html", "text/plain": "txt",
    "text/markdown": "md", "application/msword": "doc", "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}  # fmt: skip
_VIDEOS = {"video/x-matroska": "mkv", "video/quicktime": "mov", "video/mp4": "mp4",
           "video/webm": "webm", "video/x-flv": "flv", "video/mpeg": "mpeg",
           "video/x-ms-wmv": "wmv", "video/3gpp": "three_gp"}  # fmt: skip
_SOUNDS = frozenset(
    ("mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "m4a", "mpeg", "mpga", "pcm",
     "webm")
)  # fmt: skip
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
_TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_META_KEY = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{1,256}")
_META_VALUE = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,\-.]{0,256}")
_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9\s()\[\]-]+")
_encode = msgspec.json.encode
_Block = dict[str, Any]


class Bedrock:
    """The half of the dialect that faces providers."""

    name = "bedrock.converse"

    def path(self, ask: Ask) -> str:
        """Where to send it: the model and the wish to stream stand in the path."""
        verb = "converse-stream" if ask.stream else "converse"
        return f"/model/{quote(ask.model, safe='')}/{verb}"

    def write_ask(self, ask: Ask) -> bytes:
        refuse_many(ask)
        refuse(
            ask,
            {
                "seed": "seed",
                "presence_penalty": "presence_penalty",
                "frequency_penalty": "frequency_penalty",
            },
        )
        body: dict[str, Any] = dict(passed_on(ask, PASSED))
        system, turns = joined(ask.turns)
        if turns[0].role != "user":
            text = "For Bedrock a conversation begins with the user."
            raise CannotSayError(text, turns[0].path)
        if system:
            body["system"] = _system(system)
        writer = _Blocks()
        body["messages"] = [writer.message(turn) for turn in turns]
        body |= _tools(ask, turns)
        if config := _inference(ask):
            body["inferenceConfig"] = config
        _more(ask, body)
        _output(ask, body)
        return _encode(body)

    def read_reply(self, body: bytes) -> Reply:
        return reply_of(body)

    def event_reader(self) -> BedrockEvents:
        return BedrockEvents()

    def read_error(self, status: int, body: bytes) -> Fault:
        return fault_of(status, body)


def _system(turn: Placed) -> list[_Block]:
    said: list[_Block] = []
    for part, path in zip(turn.parts, turn.paths, strict=True):
        if not isinstance(part, Text):
            raise CannotSayError("Converse's system prompt takes only text.", path)
        if part.text:
            said.append({"text": part.text})
            said += _cache_point(part.cache_ttl)
    return said


def _cache_point(ttl: str | None) -> list[_Block]:
    """The mark after a prefix. Five minutes are what Converse means by itself."""
    if not ttl:
        return []
    point = {"type": "default", "ttl": "1h"} if ttl == "1h" else {"type": "default"}
    return [{"cachePoint": point}]


class _Blocks:
    """Writes messages; remembers the names of documents, which must differ."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def message(self, turn: Placed) -> _Block:
        said = self._content(turn)
        content = f"{turn.path}.content"
        if not any("cachePoint" not in each for each in said):
            raise CannotSayError("Converse needs words or data in each message.", content)
        if any("document" in each for each in said) and not any("text" in each for each in said):
            text = "For Converse a document needs words beside it in the same message."
            raise CannotSayError(text, content)
        return {"role": turn.role, "content": said}

    def _content(self, turn: Placed) -> list[_Block]:
        said: list[_Block] = []
        for part, path in zip(turn.parts, turn.paths, strict=True):
            if isinstance(part, Text | Refusal) and not part.text:
                continue
            if turn.role != "user" and isinstance(part, Image | Audio | File | ToolResult):
                text = "For Converse only the user shows pictures, sounds and files."
                raise CannotSayError(text, path)
            said.append(self._block(part, path))
            said += _cache_point(getattr(part, "cache_ttl", None))
        return said

    def _block(self, part: Part, path: str) -> _Block:
        match part:
            case Text() | Refusal():
                return {"text": part.text}
            case Thinking():
                return {"reasoningContent": _thought(part)}
            case ToolUse():
                return {"toolUse": _tool_use(part, path)}
            case ToolResult():
                return {"toolResult": self._result(part, path)}
            case Image():
                return _image(part.media_type, part.data, part.url, f"{path}.image_url")
            case Audio():
                if part.format not in _SOUNDS:
                    what = f"audio in the format `{part.format}`"
                    _refuse_media(what, f"{path}.input_audio.format")
                return {"audio": {"format": part.format, "source": {"bytes": part.data}}}
            case File():
                return self._file(part, f"{path}.file")

    def _result(self, part: ToolResult, path: str) -> _Block:
        content = [
            self._block(each, f"{path}.content[{index}]")
            for index, each in enumerate(part.parts)
            if not isinstance(each, Text) or each.text
        ]
        said: _Block = {"toolUseId": _tool_id(part.id), "content": content}
        if part.is_error:
            said["status"] = "error"
        return said

    def _file(self, part: File, path: str) -> _Block:
        if part.file_id:
            text = "Bedrock keeps no files; an id of another provider says nothing to it."
            raise CannotSayError(text, path)
        kind = (part.media_type or "").partition(";")[0].strip().lower() or _kind_of(part.url)
        if kind in _IMAGES:
            return _image(kind, part.data, part.url, path)
        source = _source(part.data, part.url, path)
        if kind in _VIDEOS:
            return {"video": {"format": _VIDEOS[kind], "source": source}}
        if not kind:
            raise CannotSayError("Converse needs the type of a file: say its media type.", path)
        if kind not in _DOCUMENTS:
            _refuse_media(f"files of the type `{kind}`", path)
        said = {"format": _DOCUMENTS[kind], "name": self._document_name(part.name)}
        return {"document": {**said, "source": source}}

    def _document_name(self, name: str | None) -> str:
        """Letters, digits, single blanks, hyphens and brackets; no two alike."""
        stem = (name or "").rpartition(".")[0] or name or ""
        plain = " ".join(_NOT_IN_NAMES.sub(" ", stem).split())[:180] or "document"
        found, count = plain, 1
        while found in self._names:
            count += 1
            found = f"{plain} ({count})"
        self._names.add(found)
        return found


def _kind_of(url: str | None) -> str:
    """The media type of what lies at an address, by its ending; empty where that says nothing."""
    ending = (url or "").rpartition(".")[2].lower()
    kinds = (kind for kind, name in (_DOCUMENTS | _VIDEOS | _IMAGES).items() if name == ending)
    return next(kinds, "")


def _refuse_media(what: str, path: str) -> NoReturn:
    raise CannotSayError(f"Converse takes no {what}.", path)


def _image(media_type: str | None, data: str | None, url: str | None, path: str) -> _Block:
    source = _source(data, url, path)
    kind = media_type
    if kind is None and url:
        kind = "image/" + url.rpartition(".")[2].lower()
    if kind not in _IMAGES:
        _refuse_media(f"pictures of the type `{kind}`", path)
    return {"image": {"format": _IMAGES[kind], "source": source}}


def _source(data: str | None, url: str | None, path: str) -> _Block:
    if data is not None:
        return {"bytes": data}
    if url and url.startswith("s3://"):
        return {"s3Location": {"uri": url}}
    raise CannotSayError(
        "Bedrock fetches nothing from the web: send the data, or an s3:// address.", path
    )


def _thought(part: Thinking) -> _Block:
    if part.redacted:
        return {"redactedContent": part.text}
    said = {"text": part.text}
    if part.signature and not part.signature.startswith("gemini."):
        said["signature"] = part.signature
    return {"reasoningText": said}


def _tool_id(given: str) -> str:
    """The id, or where Converse does not take it, one made of it."""
    return fitting(given, _ID, "tooluse_")


def _tool_name(name: str) -> str:
    if not _TOOL_NAME.fullmatch(name):
        raise CannotSayError(
            f"For Converse a tool's name has up to 64 letters, digits, _ and -, not `{name}`.",
            "tools",
        )
    return name


def _tool_use(part: ToolUse, path: str) -> _Block:
    arguments = object_of(part.arguments, f"{path}.function.arguments")
    return {"toolUseId": _tool_id(part.id), "name": _tool_name(part.name), "input": arguments}


def _tools(ask: Ask, turns: list[Placed]) -> dict[str, Any]:
    choice = ask.tool_choice
    used = any(isinstance(p, ToolUse | ToolResult) for turn in turns for p in turn.parts)
    if not ask.tools:
        if used:
            raise CannotSayError(
                "Converse needs the tools where the conversation has used some.", "tools"
            )
        if choice and choice.kind in ("any", "tool"):
            raise CannotSayError("A tool can only be chosen where there are tools.", "tool_choice")
        return {}
    if choice and choice.kind == "none":
        if used:
            raise CannotSayError("Converse cannot forbid the use of tools.", "tool_choice")
        return {}  # a model that is told of no tool calls none
    if ask.parallel_tools is False:
        raise CannotSayError(
            "Converse cannot keep a model from calling several tools at once.",
            "parallel_tool_calls",
        )
    said: dict[str, Any] = {"tools": []}
    for tool in ask.tools:
        said["tools"] += [_tool(tool), *_cache_point(tool.cache_ttl)]
    if choice:
        name = {"name": _tool_name(choice.name or "")} if choice.kind == "tool" else {}
        said["toolChoice"] = {choice.kind: name}
    return {"toolConfig": said}


def _tool(tool: Tool) -> _Block:
    schema = tool.schema if tool.schema is not None else Raw(b'{"type":"object","properties":{}}')
    said: _Block = {"name": _tool_name(tool.name), "inputSchema": {"json": schema}}
    if tool.description:
        said["description"] = tool.description
    if tool.strict is not None:
        said["strict"] = tool.strict
    return {"toolSpec": said}


def _inference(ask: Ask) -> dict[str, Any]:
    if ask.temperature is not None and ask.temperature > 1:
        raise CannotSayError("Converse takes temperatures from 0 to 1.", "temperature")
    said = {
        "maxTokens": ask.max_tokens,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "stopSequences": ask.stop,
    }
    return {name: value for name, value in said.items() if value is not None}


def _more(ask: Ask, body: dict[str, Any]) -> None:
    """What goes to the model itself, in its maker's words."""
    given = object_of(
        bytes(body.pop("additionalModelRequestFields", b"")).decode(),
        "additionalModelRequestFields",
        what="What goes to the model itself",
    )
    fields: dict[str, Any] = msgspec.json.decode(given)
    if ask.top_k is not None:
        _put(fields, _top_k_place(ask.model), ask.top_k)
    if ask.reasoning:
        _reason(ask.reasoning, "anthropic." in ask.model, fields, body)
    if fields:
        body["additionalModelRequestFields"] = fields
    if ask.stop and "anthropic." in ask.model:
        body["additionalModelResponseFieldPaths"] = ["/stop_sequence"]


def _top_k_place(model: str) -> tuple[str, ...]:
    for piece, place in _TOP_K.items():
        if piece in model:
            return place
    raise CannotSayError(f"It is not known how `{model}` takes `top_k`.", "top_k")


def _put(fields: dict[str, Any], place: tuple[str, ...], value: Any) -> None:
    for name in place[:-1]:
        inner = fields.setdefault(name, {})
        if not isinstance(inner, dict):
            raise CannotSayError(f"`{name}` must be an object.", "additionalModelRequestFields")
        fields = inner
    fields[place[-1]] = value


def _reason(wish: Reasoning, anthropic: bool, fields: dict[str, Any], body: dict[str, Any]) -> None:
    off = wish.off or wish.effort == "none"
    if wish.effort and not off:
        if wish.effort not in _EFFORTS:
            raise CannotSayError(f"Converse has no effort `{wish.effort}`.", "reasoning_effort")
        body["outputConfig"] = {"effort": wish.effort}
    if not anthropic:
        if off or wish.budget_tokens is not None:
            raise CannotSayError(
                "Converse cannot bound or end the thoughts of this model.", "reasoning_effort"
            )
        return
    thinking: dict[str, Any] = {"type": "disabled" if off else "adaptive"}
    if wish.budget_tokens is not None and not off:
        thinking = {"type": "enabled", "budget_tokens": wish.budget_tokens}
    if wish.summary and not off:
        hidden = wish.summary in ("none", "omitted")
        thinking["display"] = "omitted" if hidden else "summarized"
    fields["thinking"] = thinking


def _output(ask: Ask, body: dict[str, Any]) -> None:
    wanted = ask.format
    if wanted and wanted.kind == "json":
        raise CannotSayError(
            "Converse writes JSON only by a schema, not any object.", "response_format"
        )
    if wanted and wanted.kind == "schema":
        if wanted.schema is None:
            raise CannotSayError("A schema is wanted but not said.", "response_format")
        said = {"schema": bytes(wanted.schema).decode()}
        said |= {"name": wanted.name} if wanted.name else {}
        said |= {"description": wanted.description} if wanted.description else {}
        form = {"type": "json_schema", "structure": {"jsonSchema": said}}
        body.setdefault("outputConfig", {})["textFormat"] = form
    if ask.metadata:
        body["requestMetadata"] = _metadata(ask.metadata)
    if ask.service_tier:
        if ask.service_tier not in _TIERS:
            raise CannotSayError(
                f"Bedrock has no service tier `{ask.service_tier}`.", "service_tier"
            )
        if tier := _TIERS[ask.service_tier]:
            body["serviceTier"] = {"type": tier}


def _metadata(given: dict[str, Any]) -> dict[str, str]:
    for name, value in given.items():
        sound = isinstance(value, str) and _META_VALUE.fullmatch(value)
        if not sound or not _META_KEY.fullmatch(name):
            raise CannotSayError(f"Bedrock does not take the metadata `{name}`.", "metadata")
    if len(given) > 16:
        raise CannotSayError("Bedrock takes at most 16 metadata.", "metadata")
    return given


BEDROCK = Bedrock()
