"""What a client asked, in the words of the Responses API, as an `Ask`.

Items become turns: what the model said in one go (reasoning, messages, function
calls) is one assistant's turn, and outputs of functions that follow each other
are one user's turn, as other APIs want them. Types and paths follow the official
reference (https://platform.openai.com/docs/api-reference/responses/create).
"""

from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from volano.wire.dialects.bodies import asked, raw_object, split_data_url
from volano.wire.dialects.fields import Count
from volano.wire.exchange import (
    Ask,
    Audio,
    File,
    Format,
    Image,
    Part,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
)
from volano.wire.openai import FieldError

LEFT_OUT = {
    "input[].id": "names an item in OpenAI's store; what the item says comes with it",
    "input[].status": "how an earlier answer ended is seen from its content",
    "input[].phase": "a label on the model's own earlier messages, which other models do not know",
    "input[].name (of a function's output)": "the call that it answers has the name",
    "input[].content[].annotations": "marks on what the model said before; its words stay",
    "input[].content[].logprobs": "figures about what the model said before; its words stay",
    "include[] (of built-in tools)": "built-in tools are refused, so that there is nothing to include",
    "background: false": "the default, and the only way a gateway answers",
    "truncation: disabled": "the default: nothing is cut away",
    "stream_options": "pads events against onlookers who watch their lengths",
    "max_tool_calls": "limits built-in tools only, which are refused",
}
"""What a client may say that is not passed on, and why the answer is the same without it."""


class _Breakpoint(Struct):
    mode: Literal["explicit"]
    ttl: Literal["30m", "12h"] | None = None


class _InputAudio(Struct, forbid_unknown_fields=True):
    data: str
    format: str


class _Content(Struct, forbid_unknown_fields=True):
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None
    input_audio: _InputAudio | None = None
    prompt_cache_breakpoint: _Breakpoint | None = None
    annotations: Raw | UnsetType = UNSET
    logprobs: Raw | UnsetType = UNSET


class _Caller(Struct):
    type: str


class _Item(Struct, forbid_unknown_fields=True, rename={"is_async": "async"}):
    type: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[_Content] | None = None
    id: str | None = None
    status: str | None = None
    phase: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[_Content] | None = None
    summary: list[_Content] | None = None
    encrypted_content: str | None = None
    namespace: str | None = None
    caller: _Caller | None = None
    is_async: bool | None = None


class _Tool(Struct, forbid_unknown_fields=True, rename={"is_async": "async"}):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: Raw | UnsetType = UNSET
    strict: bool | None = None
    is_async: bool | None = None
    defer_loading: bool | None = None
    allowed_callers: list[str] | None = None
    output_schema: Raw | UnsetType = UNSET


class _Choice(Struct):
    type: str
    name: str | None = None


class _Format(Struct, forbid_unknown_fields=True):
    type: str
    name: str | None = None
    schema: Raw | UnsetType = UNSET
    description: str | None = None
    strict: bool | None = None


class _TextConfig(Struct, forbid_unknown_fields=True):
    format: _Format | None = None
    verbosity: str | None = None


class _Reasoning(Struct, forbid_unknown_fields=True):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None
    context: str | None = None
    mode: str | None = None


class _StreamOptions(Struct, forbid_unknown_fields=True):
    include_obfuscation: bool | None = None


class _Request(Struct):
    model: str
    input: str | list[_Item] | None = None
    instructions: str | None = None
    stream: bool | None = None
    max_output_tokens: Count | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_logprobs: Count | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | _Choice | None = None
    parallel_tool_calls: bool | None = None
    text: _TextConfig | None = None
    reasoning: _Reasoning | None = None
    user: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    include: list[str] | None = None
    background: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    stream_options: _StreamOptions | None = None
    max_tool_calls: Count | None = None


class _Typed(Struct):
    type: str | None = None


class _Glance(Struct):
    input: str | list[_Typed] | None = None
    tools: list[_Typed] | None = None


_decode = msgspec.json.Decoder(_Request).decode
_glance = msgspec.json.Decoder(_Glance).decode
_decode_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_encode = msgspec.json.encode

_NEUTRAL = frozenset(_Request.__struct_fields__) - {"truncation"}
_ITEMS = frozenset((None, "message", "function_call", "function_call_output", "reasoning"))
_INSTEAD_OF_INPUT = frozenset(("prompt", "previous_response_id", "conversation"))
_LOGPROBS = "message.output_text.logprobs"
_ENCRYPTED = "reasoning.encrypted_content"
_OF_BUILT_IN_TOOLS = frozenset(
    (
        "web_search_call.action.sources",
        "web_search_call.results",
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
    )
)


def read_ask(body: bytes) -> Ask:
    """Read a request.

    Raises:
        MalformedError: not JSON.
        FieldError: a field is wrong, or means something that no other API can do
            (a built-in tool, an answer in the background).
    """
    try:
        said = asked(_decode, body)
    except FieldError as error:
        _name_the_untranslatable(body)
        raise error from None
    if said.background:
        raise FieldError("`background` answers cannot be had here; leave it out.", "background")
    extra = _extra(said, body)
    if said.input is None and extra.keys().isdisjoint(_INSTEAD_OF_INPUT):
        raise FieldError("The field `input` is required.", "input")
    return Ask(
        model=said.model,
        turns=_turns(said),
        stream=bool(said.stream),
        max_tokens=said.max_output_tokens,
        temperature=said.temperature,
        top_p=said.top_p,
        logprobs=True if _LOGPROBS in (said.include or ()) else None,
        top_logprobs=said.top_logprobs,
        tools=None if said.tools is None else [_tool(t, i) for i, t in enumerate(said.tools)],
        tool_choice=_choice(said.tool_choice),
        parallel_tools=said.parallel_tool_calls,
        format=_format(said.text),
        reasoning=_reasoning(said.reasoning),
        user=said.user,
        metadata=dict(said.metadata) if said.metadata is not None else None,
        service_tier=said.service_tier,
        wants_usage=True,
        extra=extra,
    )


def _name_the_untranslatable(body: bytes) -> None:
    """Say rather 'this tool cannot be translated' than which of its fields is unknown."""
    try:
        glance = asked(_glance, body)
    except ValueError:
        return
    for i, tool in enumerate(glance.tools or ()):
        if tool.type is not None and tool.type != "function":
            raise _no_such_tool(tool.type, i)
    for i, item in enumerate(glance.input if isinstance(glance.input, list) else ()):
        if item.type not in _ITEMS:
            raise _no_such_item(item.type, i)


def _no_such_tool(kind: str, index: int) -> FieldError:
    param = f"tools[{index}].type"
    return FieldError(f"Tools of type `{kind}` cannot be translated; only functions can.", param)


def _no_such_item(kind: str | None, index: int) -> FieldError:
    return FieldError(f"Items of type `{kind}` cannot be translated.", f"input[{index}].type")


def _extra(said: _Request, body: bytes) -> dict[str, Raw]:
    fields = _decode_fields(body)
    extra = {
        name: Raw(bytes(value))
        for name, value in fields.items()
        if name not in _NEUTRAL and bytes(value) != b"null"
    }
    if said.truncation == "disabled":
        extra.pop("truncation", None)
    for i, what in enumerate(said.include or ()):
        if what == _ENCRYPTED:
            extra["include"] = Raw(_encode([what]))
        elif what != _LOGPROBS and what not in _OF_BUILT_IN_TOOLS:
            raise FieldError(f"`include` knows no `{what}`.", f"include[{i}]")
    if said.text is not None and said.text.verbosity is not None:
        extra["verbosity"] = Raw(_encode(said.text.verbosity))
    if said.reasoning is not None:
        for name in ("context", "mode"):
            if (value := getattr(said.reasoning, name)) is not None:
                extra[f"reasoning.{name}"] = Raw(_encode(value))
    return extra


def _turns(said: _Request) -> list[Turn]:
    turns: list[Turn] = []
    if said.instructions is not None:
        turns.append(Turn("system", [Text(said.instructions)]))
    if isinstance(said.input, str):
        turns.append(Turn("user", [Text(said.input)]))
    elif said.input is not None:
        _add_items(turns, said.input)
    return turns


def _add_items(turns: list[Turn], items: list[_Item]) -> None:
    open_for: str | None = None  # which items may still join the last turn
    for i, item in enumerate(items):
        role, joins, parts = _item(item, f"input[{i}]")
        if joins is not None and joins == open_for:
            turns[-1].parts += parts
        else:
            turns.append(Turn(role, parts))
        open_for = joins


def _item(item: _Item, at: str) -> tuple[Role, str | None, list[Part]]:
    """Return the item's role, the kind of turn that it may share, and its parts."""
    match item.type:
        case "function_call":
            return "assistant", "assistant", [_tool_use(item, at)]
        case "function_call_output":
            return "user", "outputs", [_tool_result(item, at)]
        case "reasoning":
            return "assistant", "assistant", [_thinking(item)]
        case None | "message":
            return _message(item, at)
        case other:
            raise FieldError(f"Items of type `{other}` cannot be translated.", f"{at}.type")


def _message(item: _Item, at: str) -> tuple[Role, str | None, list[Part]]:
    if item.role is None:
        raise FieldError(f"The field `{at}.role` is required.", f"{at}.role")
    if item.content is None:
        raise FieldError(f"The field `{at}.content` is required.", f"{at}.content")
    parts = _parts(item.content, f"{at}.content")
    if item.role == "assistant":
        return "assistant", "assistant", parts
    return ("user" if item.role == "user" else "system"), None, parts


def _parts(content: str | list[_Content], at: str) -> list[Part]:
    if isinstance(content, str):
        return [Text(content)]
    return [_part(part, f"{at}[{i}]") for i, part in enumerate(content)]


def _part(part: _Content, at: str) -> Part:
    mark = part.prompt_cache_breakpoint
    ttl = None if mark is None else mark.ttl or "30m"
    match part.type:
        case "input_text" | "output_text" | "text":
            return Text(_given(part.text, f"{at}.text"), ttl)
        case "refusal":
            return Refusal(_given(part.refusal, f"{at}.refusal"))
        case "input_image":
            return _image(part, at, ttl)
        case "input_file":
            return _file(part, at, ttl)
        case "input_audio" if part.input_audio is not None:
            return Audio(part.input_audio.data, part.input_audio.format)
        case other:
            raise FieldError(f"Content of type `{other}` is not known here.", f"{at}.type")


def _given(value: str | None, at: str) -> str:
    if value is None:
        raise FieldError(f"The field `{at}` is required.", at)
    return value


def _image(part: _Content, at: str, ttl: str | None) -> Image:
    if part.file_id is not None:
        raise FieldError("Images by id lie at OpenAI; send the image.", f"{at}.file_id")
    url = _given(part.image_url, f"{at}.image_url")
    detail = None if part.detail == "auto" else part.detail
    if not url.startswith("data:"):
        return Image(url=url, detail=detail, cache_ttl=ttl)
    found = split_data_url(url)
    if found is None:
        raise FieldError(f"`{at}.image_url` is no base64 data URL.", f"{at}.image_url")
    return Image(data=found[1], media_type=found[0], detail=detail, cache_ttl=ttl)


def _file(part: _Content, at: str, ttl: str | None) -> File:
    if part.detail not in (None, "auto"):
        raise FieldError("A file's `detail` cannot be translated.", f"{at}.detail")
    data, media_type = part.file_data, None
    if data is None and part.file_url is None and part.file_id is None:
        raise FieldError(f"`{at}` needs file_data, file_url or file_id.", at)
    if data is not None and (found := split_data_url(data)) is not None:
        media_type, data = found
    return File(
        data=data,
        media_type=media_type,
        url=part.file_url,
        file_id=part.file_id,
        name=part.filename,
        cache_ttl=ttl,
    )


def _tool_use(item: _Item, at: str) -> ToolUse:
    if item.namespace is not None:
        raise FieldError("Namespaces of tools cannot be translated.", f"{at}.namespace")
    if item.is_async:
        raise FieldError("Asynchronous calls cannot be translated.", f"{at}.async")
    _check_caller(item, at)
    return ToolUse(
        _given(item.call_id, f"{at}.call_id"),
        _given(item.name, f"{at}.name"),
        _given(item.arguments, f"{at}.arguments"),
    )


def _tool_result(item: _Item, at: str) -> ToolResult:
    _check_caller(item, at)
    call_id = _given(item.call_id, f"{at}.call_id")
    if item.output is None:
        raise FieldError(f"The field `{at}.output` is required.", f"{at}.output")
    parts: list[Text | Image | File] = []
    for i, part in enumerate(_parts(item.output, f"{at}.output")):
        if not isinstance(part, Text | Image | File):
            where = f"{at}.output[{i}].type"
            raise FieldError("A tool answers with texts, images and files.", where)
        parts.append(part)
    return ToolResult(call_id, parts)


def _check_caller(item: _Item, at: str) -> None:
    if item.caller is not None and item.caller.type != "direct":
        raise FieldError("Calls by a program cannot be translated.", f"{at}.caller")


def _thinking(item: _Item) -> Thinking:
    content = item.content if isinstance(item.content, list) else []
    return thought(
        [part.text or "" for part in item.summary or ()],
        [part.text or "" for part in content],
        item.encrypted_content,
    )


def thought(summary: list[str], content: list[str], encrypted: str | None) -> Thinking:
    """A reasoning item as one thought: without any words, its secret is all there is."""
    texts = summary + content
    if not texts and encrypted is not None:
        return Thinking(encrypted, redacted=True)
    return Thinking("\n\n".join(texts), encrypted)


def _tool(tool: _Tool, index: int) -> Tool:
    at = f"tools[{index}]"
    if tool.type != "function":
        raise _no_such_tool(tool.type, index)
    if tool.is_async or tool.defer_loading:
        name = "async" if tool.is_async else "defer_loading"
        raise FieldError(f"`{name}` cannot be translated.", f"{at}.{name}")
    if tool.allowed_callers not in (None, [], ["direct"]):
        raise FieldError("Calls by a program cannot be translated.", f"{at}.allowed_callers")
    if raw_object(tool.output_schema, f"{at}.output_schema") is not None:
        raise FieldError("`output_schema` cannot be translated.", f"{at}.output_schema")
    schema = raw_object(tool.parameters, f"{at}.parameters")
    return Tool(_given(tool.name, f"{at}.name"), tool.description, schema, tool.strict)


_CHOICES: dict[str, Literal["none", "auto", "any"]] = {
    "none": "none",
    "auto": "auto",
    "required": "any",
}


def _choice(choice: str | _Choice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if isinstance(choice, str):
        if choice not in _CHOICES:
            raise FieldError("`tool_choice` is none, auto, required or a tool.", "tool_choice")
        return ToolChoice(_CHOICES[choice])
    if choice.type != "function":
        text = f"A choice of type `{choice.type}` cannot be translated."
        raise FieldError(text, "tool_choice.type")
    return ToolChoice("tool", _given(choice.name, "tool_choice.name"))


def _format(text: _TextConfig | None) -> Format | None:
    if text is None or text.format is None:
        return None
    said = text.format
    match said.type:
        case "text":
            return Format("text")
        case "json_object":
            return Format("json")
        case "json_schema":
            schema = raw_object(said.schema, "text.format.schema")
            if schema is None:
                at = "text.format.schema"
                raise FieldError(f"The field `{at}` is required.", at)
            name = _given(said.name, "text.format.name")
            return Format("schema", schema, name, said.description, said.strict)
        case other:
            raise FieldError(f"There is no format `{other}`.", "text.format.type")


def _reasoning(said: _Reasoning | None) -> Reasoning | None:
    if said is None:
        return None
    summary = said.summary or said.generate_summary
    if said.effort == "none":
        return Reasoning(off=True, summary=summary)
    if said.effort is None and summary is None:
        return None
    return Reasoning(effort=said.effort, summary=summary)
