"""The content of a call in Anthropic's dialect: `/v1/messages`, and the counting of its tokens.

As in `content`, nothing raises and what cannot be read is None. What a stream
says of its usage when it opens is about the prompt: the tokens of the answer are
known once a `message_delta` told them, so that a cut stream has no usage.
"""

import json
from typing import Any

from volano.traces.content import Content, clean, count_of, load, parts_of, text_of
from volano.wire.exchange import Usage


def read_messages(request: bytes, response: bytes) -> Content:
    """Read the last words of the user, the answer's words or tool uses, usage and stop reason."""
    try:
        asked = load(request)
        answer = _Answer()
        for part in parts_of(response):
            answer.take(part)
        usage = answer.usage()
        return Content(
            clean(_input(asked)),
            clean(answer.text()),
            answer.prompt_tokens(),
            answer.completion_tokens,
            clean(answer.finish),
            usage,
        )
    except RecursionError:
        return Content()


def read_count(request: bytes, response: bytes) -> Content:
    """Read what was to be counted. No model read it: the call used no tokens and costs none."""
    try:
        said = load(response)
        counted = isinstance(said, dict) and count_of(said, "input_tokens") is not None
        return Content(clean(_input(load(request))), usage=Usage() if counted else None)
    except RecursionError:
        return Content()


class _Answer:
    """Puts one message together from a whole body or from the events of a stream."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.tools: dict[int, tuple[str, list[str]]] = {}
        self.counts: dict[str, int] = {}
        self.details: dict[str, int] = {}
        self.completion_tokens: int | None = None
        self.finish: str | None = None

    def take(self, part: Any) -> None:
        if not isinstance(part, dict):
            return
        match part.get("type"):
            case "message":
                self._message(part, whole=True)
            case "message_start":
                self._message(part.get("message"), whole=False)
            case "content_block_start":
                self._block(_index(part), part.get("content_block"), whole=False)
            case "content_block_delta":
                self._delta(_index(part), part.get("delta"))
            case "content_block_stop":
                tool = self.tools.get(_index(part))
                if tool is not None and not tool[1]:
                    tool[1].append("{}")
            case "message_delta":
                self._stop(part.get("delta"))
                self._usage(part.get("usage"), whole=True)

    def _message(self, message: Any, *, whole: bool) -> None:
        if not isinstance(message, dict):
            return
        blocks = message.get("content")
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            self._block(index, block, whole=whole)
        self._stop(message)
        self._usage(message.get("usage"), whole=whole)

    def _stop(self, said: Any) -> None:
        if isinstance(said, dict) and isinstance(reason := said.get("stop_reason"), str):
            self.finish = reason

    def _block(self, index: int, block: Any, *, whole: bool) -> None:
        if not isinstance(block, dict):
            return
        if block.get("type") == "text":
            self._say(block.get("text"))
        elif isinstance(name := block.get("name"), str):
            given = block.get("input")
            said = [json.dumps(given, ensure_ascii=False)] if whole or given else []
            self.tools[index] = (name, said)

    def _delta(self, index: int, delta: Any) -> None:
        if not isinstance(delta, dict):
            return
        self._say(delta.get("text"))
        arguments = delta.get("partial_json")
        if isinstance(arguments, str) and index in self.tools:
            self.tools[index][1].append(arguments)

    def _say(self, text: Any) -> None:
        if isinstance(text, str) and text:
            self.words.append(text)

    def _usage(self, usage: Any, *, whole: bool) -> None:
        if not isinstance(usage, dict):
            return
        self._count(self.counts, usage, *_PROMPT)
        self._count(self.details, usage.get("cache_creation"), _HOUR)
        self._count(self.details, usage.get("output_tokens_details"), _THOUGHT)
        if whole:
            self.completion_tokens = count_of(usage, "output_tokens")

    @staticmethod
    def _count(into: dict[str, int], said: Any, *names: str) -> None:
        for name in names if isinstance(said, dict) else ():
            if (count := count_of(said, name)) is not None:
                into[name] = count

    def prompt_tokens(self) -> int | None:
        """Return all tokens of the prompt, those of the cache among them."""
        return sum(self.counts.values()) if _PROMPT[0] in self.counts else None

    def usage(self) -> Usage | None:
        sent, answered = self.prompt_tokens(), self.completion_tokens
        if sent is None or answered is None:
            return None
        return Usage(
            input=sent,
            output=answered,
            cached=self.counts.get("cache_read_input_tokens", 0),
            cache_written=self.counts.get("cache_creation_input_tokens", 0),
            cache_written_1h=self.details.get(_HOUR, 0),
            reasoning=self.details.get(_THOUGHT, 0),
        )

    def text(self) -> str | None:
        """Return the answer; a call of tools reads `name(arguments)`."""
        if self.words:
            return "".join(self.words)
        said = [f"{name}({''.join(given)})" for _, (name, given) in sorted(self.tools.items())]
        return "\n".join(said) or None


_PROMPT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_HOUR, _THOUGHT = "ephemeral_1h_input_tokens", "thinking_tokens"


def _index(event: dict[str, Any]) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else -1


def _input(asked: Any) -> str | None:
    """Return the user's last words; what a tool answered is looked at only without any."""
    messages = asked.get("messages") if isinstance(asked, dict) else None
    if not isinstance(messages, list):
        return None
    said = [m.get("content") for m in messages if isinstance(m, dict) and m.get("role") == "user"]
    for content in reversed(said):
        if isinstance(content, str) or (isinstance(content, list) and any(map(_bears, content))):
            return text_of(content)
    return text_of(said[-1]) if said else None


def _bears(part: Any) -> bool:
    return isinstance(part, str) or (isinstance(part, dict) and part.get("type") == "text")
