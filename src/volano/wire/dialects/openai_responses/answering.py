"""A whole answer in the words of the Responses API: read from a provider, written to a client.

Words and refusals that follow each other share one message; thoughts and function
calls are items of their own, in the order in which they were said.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from volano.wire.dialect import BadAnswerError
from volano.wire.dialects.bodies import answered
from volano.wire.dialects.fields import Count
from volano.wire.dialects.openai_responses.reading import thought
from volano.wire.dialects.openai_responses.writing import (
    choice_words,
    reasoning_item,
    text_words,
    tool_words,
)
from volano.wire.exchange import (
    Ask,
    CannotSayError,
    Finish,
    Part,
    Refusal,
    Reply,
    Text,
    Thinking,
    ToolUse,
    Usage,
)

LEFT_OUT = {
    "usage.audio_input, usage.audio_output": "counted in the totals; this API has no place for them",
    "usage.cache_written_1h": "counted as written; other times to live are told apart here",
    "stop_sequence": "this API has no stop sequences; the answer ends where it was",
    "output[].content[].annotations": "marks by built-in tools, which are not asked for",
    "output[].id, output[].status": "names and states of items that are here in full",
}
"""What is not passed on of an answer, and why."""

_encode = msgspec.json.encode


class Usages(Struct):
    """Tokens, as the API counts them."""

    class Input(Struct):
        """Of the prompt."""

        cached_tokens: Count | None = None
        cache_write_tokens: Count | None = None

    class Output(Struct):
        """Of the answer."""

        reasoning_tokens: Count | None = None

    input_tokens: Count | None = None
    input_tokens_details: Input | None = None
    output_tokens: Count | None = None
    output_tokens_details: Output | None = None


class Content(Struct):
    """A piece of a message or of a thought."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None


class Item(Struct):
    """One item of the output."""

    type: str
    id: str | None = None
    content: list[Content] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None


class Incomplete(Struct):
    """Why there is less than was wanted."""

    reason: str | None = None


class ErrorWords(Struct):
    """What went wrong."""

    message: str | None = None
    code: str | None = None
    type: str | None = None


class Response(Struct):
    """The object that is the answer."""

    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    output: list[Item] | None = None
    usage: Usages | None = None
    incomplete_details: Incomplete | None = None
    error: ErrorWords | None = None


_decode = msgspec.json.Decoder(Response).decode


# from a provider


def read_reply(body: bytes) -> Reply:
    """Read a whole answer.

    Raises:
        BadAnswerError: it is not what the API promises, or says that it failed.
    """
    response = answered(_decode, body)
    if response.error is not None or response.status == "failed":
        raise BadAnswerError(error_text(response.error))
    if response.output is None or response.status not in ("completed", "incomplete", None):
        raise BadAnswerError(f"The provider's answer is `{response.status}`, not complete.")
    parts = [part for item in response.output for part in item_parts(item)]
    return Reply(
        id=response.id or "",
        model=response.model or "",
        parts=parts,
        finish=finish_of(response, parts),
        usage=usage_of(response.usage),
        created_s=created_of(response),
    )


def error_text(error: ErrorWords | None) -> str:
    """What a failed answer says for itself."""
    return (error and error.message) or "The provider failed to answer."


def created_of(response: Response) -> int:
    """When it was made, in whole seconds; 0 where nothing sensible is said."""
    created = response.created_at or 0
    return int(created) if 0 <= created < 1 << 53 else 0


def item_parts(item: Item) -> list[Part]:
    """Return what an item says.

    Raises:
        BadAnswerError: it is of a kind that nobody asked for.
    """
    match item.type:
        case "message":
            return [content_part(content) for content in item.content or ()]
        case "function_call":
            return [ToolUse(item.call_id or "", item.name or "", item.arguments or "")]
        case "reasoning":
            summary = [part.text or "" for part in item.summary or ()]
            content = [part.text or "" for part in item.content or ()]
            said = thought(summary, content, item.encrypted_content)
            return [said] if said.text or said.signature else []
        case other:
            raise BadAnswerError(f"The answer has an item `{other}` that nobody asked for.")


def content_part(content: Content) -> Text | Refusal:
    """Return what a piece of a message says.

    Raises:
        BadAnswerError: it is of no known kind.
    """
    match content.type:
        case "output_text":
            return Text(content.text or "")
        case "refusal":
            return Refusal(content.refusal or "")
        case other:
            raise BadAnswerError(f"The answer has content `{other}` that nobody asked for.")


def finish_of(response: Response, parts: list[Part]) -> Finish:
    """Return why the answer ended."""
    if response.status == "incomplete":
        reason = response.incomplete_details and response.incomplete_details.reason
        match reason:
            case "max_output_tokens":
                return "length"
            case "content_filter":
                return "filter"
            case _:
                return "pause"
    if any(isinstance(part, ToolUse) for part in parts):
        return "tools"
    return "filter" if any(isinstance(part, Refusal) for part in parts) else "stop"


def usage_of(usage: Usages | None) -> Usage | None:
    """Return the tokens, None where they are not said."""
    if usage is None:
        return None
    before = usage.input_tokens_details or Usages.Input()
    after = usage.output_tokens_details or Usages.Output()
    return Usage(
        input=usage.input_tokens or 0,
        output=usage.output_tokens or 0,
        cached=before.cached_tokens or 0,
        cache_written=before.cache_write_tokens or 0,
        reasoning=after.reasoning_tokens or 0,
    )


# to a client


def write_reply(reply: Reply, ask: Ask) -> bytes:
    """Write a whole answer.

    Raises:
        CannotSayError: it holds a part (an image, a sound) that this API cannot answer.
    """
    output: list[dict[str, Any]] = []
    content: list[dict[str, Any]] | None = None
    for part in reply.parts:
        item_id = item_name(part, reply.id, len(output))
        if not isinstance(part, Text | Refusal):
            output.append(part_item(part, item_id))
            content = None
            continue
        if content is None:
            content = []
            output.append(message_item(item_id, content))
        content.append(content_words(part))
    ending = ending_of(reply.finish, refused=any(isinstance(p, Refusal) for p in reply.parts))
    if output and ending["status"] == "incomplete":
        output[-1]["status"] = "incomplete"
    head = response_head(ask, id=reply.id, model=reply.model, created_s=reply.created_s)
    return _encode({**head, **ending, "output": output, "usage": usage_words(reply.usage)})


def item_name(part: Part, reply_id: str, index: int) -> str:
    """The item's id: unique in the answer, and the same whenever it is written again."""
    match part:
        case Thinking():
            prefix = "rs"
        case ToolUse():
            prefix = "fc"
        case _:
            prefix = "msg"
    return f"{prefix}_{reply_id}_{index}"


def message_item(
    item_id: str, content: list[dict[str, Any]], status: str = "completed"
) -> dict[str, Any]:
    """A message."""
    item = {"id": item_id, "type": "message", "status": status}
    return {**item, "role": "assistant", "content": content}


def content_words(part: Text | Refusal) -> dict[str, Any]:
    """A piece of a message."""
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    return {"type": "output_text", "text": part.text, "annotations": [], "logprobs": []}


def part_item(part: Part, item_id: str, status: str = "completed") -> dict[str, Any]:
    """A part that is an item of its own.

    Raises:
        CannotSayError: this API's answers have no such part.
    """
    match part:
        case Thinking():
            return {"id": item_id, **reasoning_item(part), "status": status}
        case ToolUse():
            return {
                "id": item_id,
                "type": "function_call",
                "status": status,
                "call_id": part.id,
                "name": part.name,
                "arguments": part.arguments,
            }
        case _:
            kind = type(part).__name__.lower()
            raise CannotSayError(f"The Responses API cannot answer with an {kind}.", "output")


_REASONS = {"length": "max_output_tokens", "filter": "content_filter", "pause": None}


def ending_of(finish: Finish, *, refused: bool) -> dict[str, Any]:
    """The fields that tell how the answer ended. Who declines in words has completed its answer."""
    if finish == "error":
        error = {"code": "server_error", "message": "The model's answer ended in an error."}
        return {"status": "failed", "error": error, "incomplete_details": None}
    if finish not in _REASONS or (finish == "filter" and refused):
        return {"status": "completed", "error": None, "incomplete_details": None}
    details = {"reason": _REASONS[finish]} if _REASONS[finish] else None
    return {"status": "incomplete", "error": None, "incomplete_details": details}


def usage_words(usage: Usage | None) -> dict[str, Any] | None:
    """Tokens."""
    if usage is None:
        return None
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cached,
            "cache_write_tokens": usage.cache_written,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def response_head(ask: Ask, *, id: str, model: str, created_s: int) -> dict[str, Any]:  # noqa: A002
    """What a response object repeats of its request, and who made it when."""
    null = Raw(b"null")
    return {
        "id": id,
        "object": "response",
        "created_at": created_s,
        "model": model,
        "instructions": _instructions(ask),
        "max_output_tokens": ask.max_tokens,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "tools": [tool_words(tool) for tool in ask.tools or ()],
        "tool_choice": choice_words(ask.tool_choice) or "auto",
        "parallel_tool_calls": True if ask.parallel_tools is None else ask.parallel_tools,
        "text": text_words(ask.format, ask.extra.get("verbosity")) or {"format": {"type": "text"}},
        "reasoning": _reasoning(ask),
        "metadata": ask.metadata or {},
        "user": ask.user,
        "service_tier": ask.service_tier or "default",
        "truncation": ask.extra.get("truncation", "disabled"),
        "store": False,
        "previous_response_id": ask.extra.get("previous_response_id", null),
        "background": False,
    }


def _instructions(ask: Ask) -> str | None:
    if ask.turns and ask.turns[0].role == "system":
        match ask.turns[0].parts:
            case [Text(text=text)]:
                return text
    return None


def _reasoning(ask: Ask) -> dict[str, Any]:
    wanted = ask.reasoning
    if wanted is None:
        return {"effort": None, "summary": None}
    return {"effort": "none" if wanted.off else wanted.effort, "summary": wanted.summary}
