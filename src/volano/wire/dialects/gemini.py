"""Google's Gemini API: `generateContent`, and `streamGenerateContent` with `alt=sse`.

Written from ai.google.dev/api/generate-content and the schema of the google-genai
client. The model and whether to stream stand in the path (`path`).

Thoughts. Gemini signs the part that follows a thought (words or a function call),
and newer models refuse a conversation whose calls have lost their signatures. Our
`Thinking` holds it: on reading, the signature goes to the thought before the part
(an empty one where there is none), on writing it goes back to the part after the
thought. Signatures are marked as Gemini's, for only Gemini can use them. Where a
client's dialect loses them, calls get the word that Google documents for histories
that come from elsewhere.

Calls. Older models give function calls no id: we make one of the response's id and
the call's place. Results say the function's name, which is found by the id.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from volano.wire.dialect import Fault
from volano.wire.dialects.gemini_answer import SIGNED, GeminiEvents, decoded, fault_of, reply_of
from volano.wire.dialects.places import Placed
from volano.wire.dialects.unsaid import described, joined, object_of, passed_on, refuse_many
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
    ToolChoice,
    ToolResult,
    ToolUse,
)

LEFT_OUT: Mapping[str, str] = {
    "cache_ttl": "Gemini finds common prefixes by itself; the mark changes the cost, not the answer",
    "user": "names the end user to the client's provider; Gemini has no such field",
    "metadata": "the client's own notes; nobody reads them here",
    "format.name": "a label; the schema is what binds",
    "format.strict": "a schema given to Gemini always binds",
    "file.name": "a label; Gemini identifies parts by their place",
    "thinking.signature": "only where another provider made it: it proves nothing here",
    "thinking.redacted": "another provider's thought, unreadable but to it; what followed is said",
    "wants_usage": "Gemini always says the usage",
}
"""What is not said to Gemini though it was said to us: it changes nothing in the answer."""

PASSED = ("safetySettings", "cachedContent")
"""Gemini's own fields, passed on as they came."""

_UNSIGNED = "skip_thought_signature_validator"
_OLD = re.compile(r"gemini-[12]\b")  # these ask for no signatures
_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH",
           "xhigh": "XHIGH"}  # fmt: skip
_TIERS = {"auto": None, "default": "standard", "standard": "standard",
          "standard_only": "standard", "flex": "flex", "priority": "priority"}  # fmt: skip
_DETAILS = {None: None, "auto": None, "low": "MEDIA_RESOLUTION_LOW",
            "medium": "MEDIA_RESOLUTION_MEDIUM", "high": "MEDIA_RESOLUTION_HIGH"}  # fmt: skip
_SOUNDS = {"wav": "audio/wav", "mp3": "audio/mp3", "aiff": "audio/aiff", "aac": "audio/aac",
           "ogg": "audio/ogg", "flac": "audio/flac"}  # fmt: skip
_IMAGES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
           "gif": "image/gif", "heic": "image/heic", "heif": "image/heif"}  # fmt: skip
_encode = msgspec.json.encode


class Gemini:
    """The half of the dialect that faces providers."""

    name = "gemini.generate"

    def path(self, ask: Ask) -> str:
        """Where to send it: the model and the wish to stream stand in the path."""
        model = quote(ask.model.removeprefix("models/"), safe="/:@")
        verb = "streamGenerateContent?alt=sse" if ask.stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}"

    def write_ask(self, ask: Ask) -> bytes:
        refuse_many(ask)
        body: dict[str, Any] = dict(passed_on(ask, PASSED))
        system, turns = joined(ask.turns)
        if system:
            body["systemInstruction"] = {"parts": _system(system)}
        unsigned = None if _OLD.search(ask.model) else _UNSIGNED
        body["contents"] = _contents(turns, unsigned)
        body |= _tools(ask)
        if config := _config(ask):
            body["generationConfig"] = config
        if ask.service_tier:
            if ask.service_tier not in _TIERS:
                raise CannotSayError(
                    f"Gemini has no service tier `{ask.service_tier}`.", "service_tier"
                )
            if tier := _TIERS[ask.service_tier]:
                body["serviceTier"] = tier
        return _encode(body)

    def read_reply(self, body: bytes) -> Reply:
        return reply_of(decoded(body))

    def event_reader(self) -> GeminiEvents:
        return GeminiEvents()

    def read_error(self, status: int, body: bytes) -> Fault:
        return fault_of(status, body)


def _system(turn: Placed) -> list[dict[str, Any]]:
    said = []
    for part, path in zip(turn.parts, turn.paths, strict=True):
        if not isinstance(part, Text):
            raise CannotSayError("Gemini's system instruction takes only text.", path)
        said.append({"text": part.text})
    return said


def _contents(turns: list[Placed], unsigned: str | None) -> list[dict[str, Any]]:
    """The conversation. A result's function is that of the last call with its id."""
    names: dict[str, str] = {}
    contents = []
    for turn in turns:
        names |= {part.id: part.name for part in turn.parts if isinstance(part, ToolUse)}
        contents.append(_content(turn, names, unsigned))
    return contents


def _content(turn: Placed, names: dict[str, str], unsigned: str | None) -> dict[str, Any]:
    if turn.role == "system":
        raise CannotSayError(
            "Gemini takes the system's words only before the conversation.", turn.path
        )
    said = _said(turn, names, unsigned)
    if not said:
        text = "Gemini needs words or data in each message."
        raise CannotSayError(text, f"{turn.path}.content")
    return {"role": "user" if turn.role == "user" else "model", "parts": said}


def _said(turn: Placed, names: dict[str, str], unsigned: str | None) -> list[dict[str, Any]]:
    """The parts in Gemini's words; the first call of a turn bears `unsigned` if nothing better."""
    said: list[dict[str, Any]] = []
    signature: str | None = None
    signed_call = False
    for part, path in zip(turn.parts, turn.paths, strict=True):
        if isinstance(part, Thinking):
            if signature:
                said.append({"text": "", "thoughtSignature": signature})
            signature = _own_signature(part)
            if part.text and not part.redacted:
                said.append({"text": part.text, "thought": True})
            continue
        if isinstance(part, Text) and not part.text and not signature:
            continue
        each = _part(part, names, path)
        if isinstance(part, ToolUse) and not signature and not signed_call:
            signature = unsigned
        signed_call = signed_call or isinstance(part, ToolUse)
        if signature:
            each["thoughtSignature"] = signature
            signature = None
        said.append(each)
    if signature:
        said.append({"text": "", "thoughtSignature": signature})
    return said


def _own_signature(part: Thinking) -> str | None:
    signature = part.signature or ""
    return signature.removeprefix(SIGNED) if signature.startswith(SIGNED) else None


def _part(part: Part, names: dict[str, str], path: str) -> dict[str, Any]:
    if isinstance(part, Text | Refusal):
        return {"text": part.text}
    if isinstance(part, ToolUse):
        args = object_of(part.arguments, f"{path}.function.arguments")
        return {"functionCall": {"id": part.id, "name": part.name, "args": args}}
    if isinstance(part, ToolResult):
        return {"functionResponse": _result(part, names, path)}
    if isinstance(part, Image):
        return _image(part, f"{path}.image_url")
    if isinstance(part, Audio):
        if part.format not in _SOUNDS:
            raise CannotSayError(
                f"Gemini takes no audio in the format `{part.format}`.",
                f"{path}.input_audio.format",
            )
        return {"inlineData": {"mimeType": _SOUNDS[part.format], "data": part.data}}
    if isinstance(part, File):
        return _file(part, f"{path}.file")
    raise CannotSayError("Gemini cannot be told such a part.", path)


def _image(part: Image, path: str) -> dict[str, Any]:
    if part.detail not in _DETAILS:
        raise CannotSayError(
            f"Gemini has no word for an image's detail `{part.detail}`.", f"{path}.detail"
        )
    each = _data(part.data, part.media_type, part.url, path)
    if level := _DETAILS[part.detail]:
        each["mediaResolution"] = {"level": level}
    return each


def _file(part: File, path: str) -> dict[str, Any]:
    url = part.url
    if part.file_id:
        if not part.file_id.startswith("https://"):
            raise CannotSayError(
                "Gemini knows files by the address that its Files API gave them; "
                "an id of another provider says nothing to it.",
                path,
            )
        url = part.file_id
    return _data(part.data, part.media_type, url, path)


def _data(data: str | None, media_type: str | None, url: str | None, path: str) -> dict[str, Any]:
    if data is not None:
        if not media_type:
            raise CannotSayError("Gemini needs the media type of data.", path)
        return {"inlineData": {"mimeType": media_type, "data": data}}
    if not url or url.startswith("data:"):
        raise CannotSayError("A picture or file needs data or a URL.", path)
    said = {"fileUri": url}
    if kind := media_type or _IMAGES.get(_suffix(url)):
        said["mimeType"] = kind
    return {"fileData": said}


def _suffix(url: str) -> str:
    try:
        return urlsplit(url).path.rpartition(".")[2].lower()
    except ValueError:
        return ""


def _result(part: ToolResult, names: dict[str, str], path: str) -> dict[str, Any]:
    name = names.get(part.id)
    if name is None:
        raise CannotSayError(
            f"No tool call before bears the id `{part.id}`; Gemini needs its name.",
            f"{path}.tool_call_id",
        )
    texts = [each.text for each in part.parts if isinstance(each, Text)]
    data = [
        _part(each, names, f"{path}.content[{index}]")
        for index, each in enumerate(part.parts)
        if not isinstance(each, Text)
    ]
    output = texts if len(texts) > 1 else "".join(texts)
    said: dict[str, Any] = {
        "id": part.id,
        "name": name,
        "response": {"error" if part.is_error else "output": output},
    }
    if data:
        said["parts"] = data
    return said


def _tools(ask: Ask) -> dict[str, Any]:
    choice = ask.tool_choice
    if not ask.tools:
        if choice and choice.kind in ("any", "tool"):
            raise CannotSayError("A tool can only be chosen where there are tools.", "tool_choice")
        return {}
    if ask.parallel_tools is False and not (choice and choice.kind == "none"):
        raise CannotSayError(
            "Gemini cannot be kept from calling several tools at once.", "parallel_tool_calls"
        )
    said: dict[str, Any] = {"tools": [{"functionDeclarations": [_tool(t) for t in ask.tools]}]}
    if config := _calling(choice, strict=any(tool.strict for tool in ask.tools)):
        said["toolConfig"] = {"functionCallingConfig": config}
    return said


def _tool(tool: Tool) -> dict[str, Any]:
    if not (tool.name[:1].isalpha() or tool.name[:1] == "_"):
        raise CannotSayError(
            f"For Gemini a tool's name begins with a letter, not as `{tool.name}`.", "tools"
        )
    said: dict[str, Any] = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    if tool.schema is not None:
        said["parametersJsonSchema"] = tool.schema
    return said


def _calling(choice: ToolChoice | None, *, strict: bool) -> dict[str, Any] | None:
    """`VALIDATED` is `AUTO` whose calls keep to the schemas, as `ANY`'s always do."""
    if choice is None or choice.kind == "auto":
        return {"mode": "VALIDATED"} if strict else ({"mode": "AUTO"} if choice else None)
    if choice.kind == "none":
        return {"mode": "NONE"}
    if choice.kind == "any":
        return {"mode": "ANY"}
    return {"mode": "ANY", "allowedFunctionNames": [choice.name]}


def _config(ask: Ask) -> dict[str, Any]:
    if ask.stop and len(ask.stop) > 5:
        raise CannotSayError("Gemini takes at most 5 stop sequences.", "stop")
    if ask.seed is not None and not -(1 << 31) <= ask.seed < 1 << 31:
        raise CannotSayError("Gemini's seeds are numbers of 32 bits.", "seed")
    said = {
        "maxOutputTokens": ask.max_tokens,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "topK": ask.top_k,
        "stopSequences": ask.stop,
        "candidateCount": ask.n,
        "seed": ask.seed,
        "presencePenalty": ask.presence_penalty,
        "frequencyPenalty": ask.frequency_penalty,
        "thinkingConfig": _thinking(ask.reasoning) if ask.reasoning else None,
    }
    config: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    wanted = ask.format
    if wanted and wanted.kind != "text":
        config["responseMimeType"] = "application/json"
        if wanted.kind == "schema":
            if wanted.schema is None:
                raise CannotSayError("A schema is wanted but not said.", "response_format")
            config["responseJsonSchema"] = described(wanted.schema, wanted.description)
    return config


def _thinking(wish: Reasoning) -> dict[str, Any] | None:
    said: dict[str, Any] = {}
    if wish.off or wish.effort == "none":
        return {"thinkingBudget": 0}
    if wish.effort and wish.budget_tokens is not None:
        raise CannotSayError("Gemini takes an effort or a budget, not both.", "reasoning_effort")
    if wish.effort:
        if wish.effort not in _LEVELS:
            raise CannotSayError(
                f"Gemini has no thinking level `{wish.effort}`.", "reasoning_effort"
            )
        said["thinkingLevel"] = _LEVELS[wish.effort]
    if wish.budget_tokens is not None:
        said["thinkingBudget"] = wish.budget_tokens
    if wish.summary and wish.summary not in ("none", "omitted"):
        said["includeThoughts"] = True
    return said or None


GEMINI = Gemini()
