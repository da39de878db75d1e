"""The content of a call in the dialect of OpenAI's Responses API: `/v1/responses`.

As in `content`, nothing raises and what cannot be read is None. A stream says
everything twice, piece by piece and in its last event once more: the text is put
together from the pieces, which a cut stream has too; usage and state are the last
event's.
"""

from typing import Any

from volano.traces.content import Content, clean, count_of, load, parts_of, text_of
from volano.wire.exchange import Usage


def read_responses(request: bytes, response: bytes) -> Content:
    """Read the user's last input, the answer's words or function calls, usage and end."""
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


class _Answer:
    """Puts one answer together from a whole body or from the events of a stream."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.refusal: list[str] = []
        self.tools: dict[int, tuple[str, list[str]]] = {}
        self.prompt_tokens: int | None = None
        self.completion_tokens: int | None = None
        self.finish: str | None = None
        self.usage: Usage | None = None

    def take(self, part: Any) -> None:
        if not isinstance(part, dict):
            return
        match part.get("type"):
            case None:
                self._whole(part)
            case "response.output_text.delta":
                _add(self.words, part.get("delta"))
            case "response.refusal.delta":
                _add(self.refusal, part.get("delta"))
            case "response.output_item.added":
                self._began(_index(part), part.get("item"))
            case "response.function_call_arguments.delta":
                if (tool := self.tools.get(_index(part))) is not None:
                    _add(tool[1], part.get("delta"))
            case "response.completed" | "response.incomplete" | "response.failed":
                self._ended(part.get("response"))

    def _whole(self, response: dict[str, Any]) -> None:
        items = response.get("output")
        for index, item in enumerate(items if isinstance(items, list) else ()):
            self._began(index, item)
        self._ended(response)

    def _began(self, index: int, item: Any) -> None:
        """Take an item as far as it is there; in a stream its text comes later."""
        if not isinstance(item, dict):
            return
        if item.get("type") == "function_call" and isinstance(name := item.get("name"), str):
            _, arguments = self.tools[index] = (name, [])
            _add(arguments, item.get("arguments"))
        content = item.get("content") if item.get("type") == "message" else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                _add(self.words, part.get("text"))
                _add(self.refusal, part.get("refusal"))

    def _ended(self, response: Any) -> None:
        if not isinstance(response, dict):
            return
        self.finish = _finish(response)
        usage = response.get("usage")
        if isinstance(usage, dict):
            self.prompt_tokens = sent = count_of(usage, "input_tokens")
            self.completion_tokens = answered = count_of(usage, "output_tokens")
            if sent is not None and answered is not None:
                self.usage = _usage(usage, sent, answered)

    def text(self) -> str | None:
        """Return the answer; a call of functions reads `name(arguments)`."""
        if words := self.words or self.refusal:
            return "".join(words)
        said = [f"{name}({''.join(given)})" for _, (name, given) in sorted(self.tools.items())]
        return "\n".join(said) or None


def _finish(response: dict[str, Any]) -> str | None:
    """Return why the answer is incomplete, else its state."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    found = reason if isinstance(reason, str) else response.get("status")
    return found if isinstance(found, str) else None


def _usage(usage: dict[str, Any], sent: int, answered: int) -> Usage:
    of_sent, of_answered = usage.get("input_tokens_details"), usage.get("output_tokens_details")
    of_sent = of_sent if isinstance(of_sent, dict) else {}
    of_answered = of_answered if isinstance(of_answered, dict) else {}
    return Usage(
        input=sent,
        output=answered,
        cached=count_of(of_sent, "cached_tokens") or 0,
        cache_written=count_of(of_sent, "cache_write_tokens") or 0,
        reasoning=count_of(of_answered, "reasoning_tokens") or 0,
    )


def _add(words: list[str], text: Any) -> None:
    if isinstance(text, str) and text:
        words.append(text)


def _index(event: dict[str, Any]) -> int:
    index = event.get("output_index")
    return index if isinstance(index, int) else -1


def _input(asked: Any) -> str | None:
    """Return the input when it is a text, else the last thing that the user said in it."""
    given = asked.get("input") if isinstance(asked, dict) else None
    if not isinstance(given, list):
        return text_of(given)
    for item in reversed(given):
        if isinstance(item, dict) and item.get("role") == "user":
            return text_of(item.get("content"))
    return None
