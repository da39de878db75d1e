"""One model call in neutral words, between any two dialects.

A door reads what its client sent into an `Ask`; a provider's dialect writes it in
its own words, and reads what comes back into a `Reply` or, streamed, into events.
The vocabulary is what the big chat APIs have in common, plus what some have and
a client would miss. What a dialect cannot say it refuses (`CannotSayError`),
naming the field: nothing is dropped in silence.

Turns have three roles. What a tool answered is a `ToolResult` part of a user's
turn, as Anthropic has it; dialects with a role of its own for it split there.
Bytes (images, audio, files) stay base64 text as they came. JSON values whose
shape is nobody's business here (schemas, arguments) stay `Raw`.
"""

from typing import Any, Literal

from msgspec import Raw, Struct

# what is said


class Text(Struct, tag="text"):
    """Words. `cache_ttl` marks the end of a prefix worth caching ("5m", "1h")."""

    text: str
    cache_ttl: str | None = None


class Image(Struct, tag="image"):
    """A picture: base64 `data` with its `media_type`, or a `url`."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    detail: str | None = None
    cache_ttl: str | None = None


class Audio(Struct, tag="audio"):
    """A sound: base64 `data`; `format` such as "wav" or "mp3"."""

    data: str
    format: str


class File(Struct, tag="file"):
    """A document: base64 `data` with its `media_type`, a `url`, or an id at the provider."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    cache_ttl: str | None = None


class ToolUse(Struct, tag="tool_use"):
    """The model wants a tool called. `arguments` is JSON text, as it was written."""

    id: str
    name: str
    arguments: str


class ToolResult(Struct, tag="tool_result"):
    """What a tool answered to the use with this id."""

    id: str
    parts: list[Text | Image | File]
    is_error: bool = False
    cache_ttl: str | None = None


class Thinking(Struct, tag="thinking"):
    """What the model thought. `signature` proves it to its provider; redacted text is opaque."""

    text: str
    signature: str | None = None
    redacted: bool = False


class Refusal(Struct, tag="refusal"):
    """The model declined, in words."""

    text: str


Part = Text | Image | Audio | File | ToolUse | ToolResult | Thinking | Refusal
Role = Literal["system", "user", "assistant"]


class Turn(Struct):
    """What one side said. `name` tells participants of one role apart."""

    role: Role
    parts: list[Part]
    name: str | None = None


# what is asked


class Tool(Struct):
    """A function the model may call. `schema` is the JSON schema of its arguments."""

    name: str
    description: str | None = None
    schema: Raw | None = None
    strict: bool | None = None
    cache_ttl: str | None = None


class ToolChoice(Struct):
    """auto: the model decides; none; any: at least one tool; tool: the one with `name`."""

    kind: Literal["auto", "none", "any", "tool"]
    name: str | None = None


class Format(Struct):
    """The wanted form of the answer: text, any JSON object, or JSON by a schema."""

    kind: Literal["text", "json", "schema"]
    schema: Raw | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class Reasoning(Struct):
    """How much thought: by a word of effort, or by tokens. `off` asks for none."""

    effort: str | None = None
    budget_tokens: int | None = None
    off: bool = False
    summary: str | None = None


class Ask(Struct):
    """A request for one answer (or `n`). None means: not said.

    `extra` holds the fields of the client's dialect that have no neutral word, by
    their top-level name or their path: only a writer that knows them may pass them on or, where
    they change nothing in the answer, leave them out; any other refuses.
    """

    model: str
    turns: list[Turn]
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] | None = None
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    format: Format | None = None
    reasoning: Reasoning | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    service_tier: str | None = None
    wants_usage: bool = False
    extra: dict[str, Raw] = {}


# what is answered

Finish = Literal["stop", "stop_sequence", "length", "tools", "filter", "pause", "error"]


class Usage(Struct):
    """Tokens. `input` counts all of the prompt, cached ones included; `output` thoughts too.

    `cached` and `cache_written` are parts of `input`; `cache_written_1h` is the part of
    `cache_written` that is kept for an hour.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_written: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    cache_written_1h: int = 0


class Reply(Struct):
    """A whole answer. `created_s` is seconds UTC, 0 where the provider does not say.

    `id` and `model` are empty where it does not say them (Bedrock): the caller knows.
    """

    id: str
    model: str
    parts: list[Part]
    finish: Finish = "stop"
    stop_sequence: str | None = None
    usage: Usage | None = None
    created_s: int = 0


# what is answered piece by piece: Opened, then per part Began, Delta..., Ended; then Finished


class Opened(Struct, tag="opened"):
    """The answer begins. `usage` as far as it is known by then (Anthropic says the input's).

    `id` and `model` may be empty, as in a `Reply`.
    """

    id: str
    model: str
    usage: Usage | None = None
    created_s: int = 0


class Began(Struct, tag="began"):
    """A part begins: `part` with its fixed fields (id and name of a tool use), texts empty."""

    index: int
    part: Text | ToolUse | Thinking | Refusal


class Delta(Struct, tag="delta"):
    """More of part `index`: text, arguments, thought or refusal by the kind it began with."""

    index: int
    text: str = ""
    signature: str | None = None


class Ended(Struct, tag="ended"):
    """Part `index` is complete."""

    index: int


class Finished(Struct, tag="finished"):
    """The answer is complete; always the last event of a sound stream. `usage` is the sum."""

    finish: Finish
    stop_sequence: str | None = None
    usage: Usage | None = None


class Failed(Struct, tag="failed"):
    """The provider reported an error in mid-stream, or broke off; nothing follows.

    `code` and `request_id` are what we say of it ourselves, empty where we say nothing.
    """

    message: str
    kind: str = "server_error"
    status: int = 502
    code: str = ""
    request_id: str = ""


Event = Opened | Began | Delta | Ended | Finished | Failed


class CannotSayError(ValueError):
    """A field cannot be said in the other dialect. `param` names it in the client's words."""

    def __init__(self, message: str, param: str | None = None):
        super().__init__(message)
        self.param = param
