"""Content: what was asked and answered, read out of the bodies of a chat call.

`messages`, `responses` and `embeddings` beside this read what passes the other doors.

Bodies come from clients and upstreams as they are: cut off in the middle,
with broken UTF-8, with a list where a text should be. Nothing here raises;
what cannot be read is None. Plain JSON and server-sent events are both read,
by what the bytes look like.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from volano.core.text import nfc
from volano.wire.exchange import Usage

MAX_TEXT_CHARS = 1 << 16
"""Texts in columns end here; the whole is in the bodies."""

_loads = msgspec.json.Decoder().decode
_EVENT_END = re.compile(rb"\r?\n\r?\n|\r\r")
_MAX_COUNT = 1 << 53


@dataclass(frozen=True, slots=True)
class Content:
    """What a reader of traces looks for first; each is None where it was not there."""

    input_text: str | None = None
    output_text: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish: str | None = None
    usage: Usage | None = None


def read_content(request: bytes, response: bytes) -> Content:
    """Read the last user message, the answer of the first choice, usage and finish reason."""
    try:
        asked = load(request)
        answer = _Answer()
        for part in parts_of(response):
            answer.take(part)
        return Content(
            clean(_input(asked)),
            clean(answer.text()),
            answer.prompt_tokens,
            answer.completion_tokens,
            clean(answer.finish),
            answer.usage,
        )
    except RecursionError:
        return Content()


def load(body: bytes) -> Any:
    """Parse JSON as well as can be, or None."""
    if not body:
        return None
    try:
        return _loads(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _load_leniently(body)


def _load_leniently(body: bytes) -> Any:
    """Read what the fast parser refuses: broken UTF-8, control characters, NaN.

    A body that is no JSON is an ordinary thing here (a stream that was cut, an
    upstream's HTML page), not an error: a trace without texts is still a trace,
    its bodies hold every byte, and a recorder that raised on what strangers
    send could be stopped by them.
    """
    try:
        return json.loads(body.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None


def parts_of(response: bytes) -> list[Any]:
    """Return the parsed body, or the parsed data of each event of a stream."""
    start = response[:64].lstrip()
    if not start.startswith((b"data:", b"event:", b"id:", b"retry:", b":")):
        return [load(response)]
    return [load(data) for event in _EVENT_END.split(response) if (data := _data(event))]


def _data(event: bytes) -> bytes:
    if event.startswith(b"data: ") and b"\n" not in event and b"\r" not in event:
        return b"" if event == b"data: [DONE]" else event[6:]
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"" if lines == [b"[DONE]"] else b"\n".join(lines)


class _Answer:
    """Puts one answer together from a whole body or from the deltas of a stream."""

    def __init__(self) -> None:
        self.content: list[str] = []
        self.refusal: list[str] = []
        self.tools: dict[int, tuple[list[str], list[str]]] = {}
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.finish: str | None = None
        self.usage: Usage | None = None

    def take(self, part: Any) -> None:
        if not isinstance(part, dict):
            return
        self._usage(part.get("usage"))
        choices = part.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if isinstance(choice, dict) and choice.get("index", 0) == 0:
                self._choice(choice)

    def _usage(self, usage: Any) -> None:
        if isinstance(usage, dict):
            self.prompt_tokens = count_of(usage, "prompt_tokens", "input_tokens")
            self.completion_tokens = count_of(usage, "completion_tokens", "output_tokens")
            if self.prompt_tokens is not None and self.completion_tokens is not None:
                self.usage = _whole(usage, self.prompt_tokens, self.completion_tokens)

    def _choice(self, choice: dict[str, Any]) -> None:
        if isinstance(reason := choice.get("finish_reason"), str):
            self.finish = reason
        message = choice.get("message") or choice.get("delta")
        if not isinstance(message, dict):
            message = {"content": choice.get("text")}
        _add(self.content, text_of(message.get("content")))
        _add(self.refusal, text_of(message.get("refusal")))
        calls = message.get("tool_calls")
        for n, call in enumerate(calls if isinstance(calls, list) else ()):
            self._tool(n, call)

    def _tool(self, n: int, call: Any) -> None:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            index = call.get("index", n)
            place = index if isinstance(index, int) else n
            name, arguments = self.tools.setdefault(place, ([], []))
            _add(name, text_of(function.get("name")))
            _add(arguments, text_of(function.get("arguments")))

    def text(self) -> str | None:
        """Return the answer; a call of tools reads `name(arguments)`."""
        words = self.content or self.refusal
        if words:
            return "".join(words)
        tools = [
            f"{''.join(name)}({''.join(arguments)})"
            for _, (name, arguments) in sorted(self.tools.items())
            if name or arguments
        ]
        return "\n".join(tools) or None


def _add(words: list[str], text: str | None) -> None:
    if text:
        words.append(text)


def _whole(usage: dict[str, Any], sent: int, answered: int) -> Usage:
    """Read the counts within the counts, as OpenAI's dialect has them."""
    of_sent, of_answered = (
        usage.get("prompt_tokens_details"),
        usage.get("completion_tokens_details"),
    )
    of_sent = of_sent if isinstance(of_sent, dict) else {}
    of_answered = of_answered if isinstance(of_answered, dict) else {}
    return Usage(
        input=sent,
        output=answered,
        cached=count_of(of_sent, "cached_tokens") or 0,
        reasoning=count_of(of_answered, "reasoning_tokens") or 0,
        audio_input=count_of(of_sent, "audio_tokens") or 0,
        audio_output=count_of(of_answered, "audio_tokens") or 0,
    )


def count_of(usage: dict[str, Any], *names: str) -> int | None:
    """Return the first of these that is a sensible count."""
    for name in names:
        value = usage.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MAX_COUNT:
            return value
    return None


def _input(asked: Any) -> str | None:
    """Return the last user message, else the last message, else the prompt."""
    if not isinstance(asked, dict):
        return None
    messages = asked.get("messages")
    if not isinstance(messages, list):
        return text_of(asked.get("prompt")) or text_of(asked.get("input"))
    said = [m for m in messages if isinstance(m, dict)]
    for message in reversed(said):
        if message.get("role") == "user":
            return text_of(message.get("content"))
    return text_of(said[-1].get("content")) if said else None


def text_of(content: Any) -> str | None:
    """Return a text, or the texts of a list of parts; another part shows as `[its type]`."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict):
            text = part.get("text")
            texts.append(text if isinstance(text, str) else f"[{part.get('type', 'part')}]"[:64])
    return "\n".join(texts) if texts else None


def clean(text: str | None) -> str | None:
    """Return text that every database takes: NFC, no lone surrogates, no NUL, of bounded length."""
    if text is None:
        return None
    text = text[:MAX_TEXT_CHARS].replace("\0", "\N{REPLACEMENT CHARACTER}")
    if not text.isascii():
        text = nfc(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
    return text
