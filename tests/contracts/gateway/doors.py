"""Each door through its official client, with one way to ask and one to tell what was said.

What comes back is validated by the client's own types: a field that they require and
that is not there is an error here, as it would be one in a user's program.
"""

import json
from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

import anthropic
import openai
from anthropic.types import Message
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
SOUND = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA="
SCHEMA = {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
    "additionalProperties": False,
}  # fmt: skip
TOOL, TOLD = "look_up", "It rains."


class Call(NamedTuple):
    """A tool that the model wants called."""

    id: str
    name: str
    arguments: dict


class Said(NamedTuple):
    """An answer in words of no API. `turn` is what a client sends back of it."""

    text: str
    calls: list[Call]
    finish: str
    tokens: tuple[int, int] | None
    turn: list[Any]


class Door(Protocol):
    """A door. `ask` knows: history, stream, system, stop, max_tokens, tools, schema, picture."""

    name: str
    errors: Any
    """The client's package, with the classes of its errors."""

    def ask(self, model: str, **wishes: Any) -> Said:
        """Return what was answered; raises the client's own errors."""
        ...

    def results(self, calls: Iterable[Call]) -> list[Any]:
        """What a client sends after the answer's turn."""
        ...


class Chat:
    """`client.chat.completions`."""

    name, errors = "openai.chat", openai

    def __init__(self, client: openai.OpenAI):
        self.client = client

    def ask(self, model: str, *, history=(), stream=False, **wishes) -> Said:
        said: dict[str, Any] = {"model": model}
        content: Any = "What is the weather?"
        if wishes.pop("picture", False):
            url = f"data:image/png;base64,{PICTURE}"
            content = [{"type": "text", "text": content},
                       {"type": "image_url", "image_url": {"url": url}}]  # fmt: skip
        if wishes.pop("sound", False):
            content = [{"type": "text", "text": "Listen."},
                       {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}]  # fmt: skip
        messages: list[Any] = [{"role": "user", "content": content}, *history]
        if system := wishes.pop("system", None):
            messages.insert(0, {"role": "system", "content": system})
        if wishes.get("tools") is True:
            said["tools"] = [{"type": "function", "function": {
                "name": TOOL, "description": "Look it up.", "parameters": SCHEMA}}]  # fmt: skip
        if wishes.pop("schema", False):
            said["response_format"] = {"type": "json_schema", "json_schema": {
                "name": "place", "schema": SCHEMA, "strict": True}}  # fmt: skip
        if limit := wishes.pop("max_tokens", None):
            said["max_completion_tokens"] = limit
        said = {"messages": messages, **wishes, **said}
        if not stream:
            return self._said(self.client.chat.completions.create(**said))
        return self._streamed(said)

    def _said(self, answer: ChatCompletion) -> Said:
        ChatCompletion.model_validate(answer.to_dict())
        (choice,) = answer.choices
        message = choice.message
        calls = [Call(c.id, c.function.name, json.loads(c.function.arguments))
                 for c in message.tool_calls or ()]  # fmt: skip
        used = answer.usage and (answer.usage.prompt_tokens, answer.usage.completion_tokens)
        turn = [message.to_dict()]
        return Said(message.content or "", calls, choice.finish_reason, used, turn)

    def _streamed(self, said: dict) -> Said:
        text, calls, used, finish = "", {}, None, ""
        options = {"include_usage": True}
        with self.client.chat.completions.create(
            **said, stream=True, stream_options=options
        ) as events:
            for event in events:
                ChatCompletionChunk.model_validate(event.to_dict())
                if event.usage:
                    used = (event.usage.prompt_tokens, event.usage.completion_tokens)
                for choice in event.choices:
                    finish = choice.finish_reason or finish
                    text += choice.delta.content or ""
                    for call in choice.delta.tool_calls or ():
                        known = calls.setdefault(call.index, {"id": "", "name": "", "said": ""})
                        known["id"] += call.id or ""
                        known["name"] += call.function.name or ""
                        known["said"] += call.function.arguments or ""
        found = [Call(c["id"], c["name"], json.loads(c["said"])) for c in calls.values()]
        turn: dict[str, Any] = {"role": "assistant", "content": text or None}
        if found:
            turn["tool_calls"] = [{"id": c.id, "type": "function", "function": {
                "name": c.name, "arguments": json.dumps(c.arguments)}} for c in found]  # fmt: skip
        return Said(text, found, finish, used, [turn])

    def results(self, calls: Iterable[Call]) -> list[Any]:
        return [{"role": "tool", "tool_call_id": call.id, "content": TOLD} for call in calls]


class Responses:
    """`client.responses`."""

    name, errors = "openai.responses", openai

    def __init__(self, client: openai.OpenAI):
        self.client = client

    def ask(self, model: str, *, history=(), stream=False, **wishes) -> Said:
        said: dict[str, Any] = {"model": model, "store": False}
        said["include"] = ["reasoning.encrypted_content"]
        content: list[Any] = [{"type": "input_text", "text": "What is the weather?"}]
        if wishes.pop("picture", False):
            url = f"data:image/png;base64,{PICTURE}"
            content.append({"type": "input_image", "image_url": url, "detail": "auto"})
        if system := wishes.pop("system", None):
            said["instructions"] = system
        if wishes.get("tools") is True:
            said["tools"] = [{"type": "function", "name": TOOL, "description": "Look it up.",
                              "parameters": SCHEMA, "strict": True}]  # fmt: skip
        if wishes.pop("schema", False):
            said["text"] = {"format": {
                "type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}  # fmt: skip
        if limit := wishes.pop("max_tokens", None):
            said["max_output_tokens"] = limit
        said = {"input": [{"role": "user", "content": content}, *history], **wishes, **said}
        if not stream:
            return self._said(self.client.responses.create(**said))
        last = None
        kinds = []
        with self.client.responses.create(**said, stream=True) as events:
            for event in events:
                type(event).model_validate(event.to_dict())
                kinds.append(event.type)
                if event.type in ("response.completed", "response.incomplete"):
                    last = event.response
                if event.type in ("response.failed", "error"):
                    raise openai.APIError(event.type, events.response.request, body=None)
        assert kinds[:2] == ["response.created", "response.in_progress"]
        if last is None:
            raise EOFError("the stream ended as if it were complete, and is not")
        return self._said(last)

    def _said(self, answer: Response) -> Said:
        Response.model_validate(answer.to_dict())
        calls = [Call(item.call_id, item.name, json.loads(item.arguments))
                 for item in answer.output if item.type == "function_call"]  # fmt: skip
        used = answer.usage and (answer.usage.input_tokens, answer.usage.output_tokens)
        finish = answer.status
        if answer.incomplete_details:
            finish = answer.incomplete_details.reason
        turn = [item.to_dict() for item in answer.output]
        return Said(answer.output_text, calls, finish, used, turn)

    def results(self, calls: Iterable[Call]) -> list[Any]:
        return [{"type": "function_call_output", "call_id": c.id, "output": TOLD} for c in calls]


class Messages:
    """`client.messages`; streams through its own helper, which builds the message up."""

    name, errors = "anthropic.messages", anthropic

    def __init__(self, client: anthropic.Anthropic):
        self.client = client

    def ask(self, model: str, *, history=(), stream=False, **wishes) -> Said:
        said: dict[str, Any] = {"model": model, "max_tokens": wishes.pop("max_tokens", 2000)}
        content: list[Any] = [{"type": "text", "text": "What is the weather?"}]
        if wishes.pop("picture", False):
            source = {"type": "base64", "media_type": "image/png", "data": PICTURE}
            content.append({"type": "image", "source": source})
        if wishes.get("tools") is True:
            said["tools"] = [{"name": TOOL, "description": "Look it up.", "input_schema": SCHEMA}]
        if wishes.pop("schema", False):
            said["output_config"] = {"format": {"type": "json_schema", "schema": SCHEMA}}
        if stop := wishes.pop("stop", None):
            said["stop_sequences"] = stop
        said = {"messages": [{"role": "user", "content": content}, *history], **wishes, **said}
        if not stream:
            return self._said(self.client.messages.create(**said))
        ended = False
        with self.client.messages.stream(**said) as events:
            for event in events:
                type(event).model_validate(event.to_dict())
                ended = event.type == "message_stop"
            if not ended:
                raise EOFError("the stream ended as if it were complete, and is not")
            return self._said(events.get_final_message())

    def _said(self, answer: Message) -> Said:
        Message.model_validate(answer.to_dict())
        calls = [Call(b.id, b.name, b.input) for b in answer.content if b.type == "tool_use"]
        text = "".join(b.text for b in answer.content if b.type == "text")
        usage = answer.usage
        cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
        used = (usage.input_tokens + cached, usage.output_tokens)
        turn = {"role": "assistant", "content": [_sent(b.to_dict()) for b in answer.content]}
        return Said(text, calls, answer.stop_reason, used, [turn])

    def results(self, calls: Iterable[Call]) -> list[Any]:
        blocks = [{"type": "tool_result", "tool_use_id": c.id, "content": TOLD} for c in calls]
        return [{"role": "user", "content": blocks}]


def _sent(block: dict) -> dict:
    """A block as a client sends it back: without what its helper added."""
    return {name: value for name, value in block.items() if name != "parsed_output"}
