"""What was retrieved for a call: in the spans around it, in tools' messages, or between tags.

Applications tell of it in many ways; what is none of these is not seen:

- spans of the kind `retriever` or `reranker` in the same trace: their documents, else output;
- messages of tools in the request (`role: tool`, Anthropic's `tool_result`, Responses'
  `function_call_output`), and Anthropic's `document` blocks;
- texts in messages between <context>, <document>, <passage> or <source> and their ends.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from volano.core.text import nfc
from volano.traces.content import text_of
from volano.traces.span import Span

RETRIEVING = ("retriever", "reranker")
MOST, LONGEST = 50, 20_000
_TAGGED = re.compile(
    r"<(context|document|passage|source)\b[^<>]{0,200}>(.{1,20000}?)</\1>", re.DOTALL
)
_DOCUMENT = re.compile(r"(?:retrieval|reranker\.output_)\.?documents\.(\d{1,4})\.document\.content")
_LISTS = ("gen_ai.retrieval.documents", "documents")
_TEXTS = ("content", "text", "page_content", "pageContent")


def of_request(body: Any) -> list[str]:
    """Return what was retrieved according to a request's messages."""
    said = body if isinstance(body, Mapping) else {}
    parts: list[Any] = []
    for name in ("messages", "input"):
        if isinstance(said.get(name), list):
            parts += said[name]
    found = [text for one in parts if isinstance(one, Mapping) for text in _of_message(one)]
    for text in (said.get("system"), said.get("instructions")):
        found += _tagged(text_of(text) or "")
    return plain(found)


def of_span(span: Span, told: Mapping[str, Any]) -> list[str]:
    """Return the documents of a span that retrieved; `told` is all that was said of it."""
    if span.kind not in RETRIEVING:
        return []
    attributes = told.get("attributes")
    given = attributes if isinstance(attributes, Mapping) else told
    numbered = {
        int(found[1]): str(value)
        for name, value in given.items()
        if (found := _DOCUMENT.fullmatch(str(name)))
    }
    if numbered:
        return plain([numbered[at] for at in sorted(numbered)])
    for name in _LISTS:
        if texts := [*_listed(given.get(name))]:
            return plain(texts)
    return plain([*_listed(span.output_text)] or [span.output_text or ""])


def plain(texts: Sequence[str]) -> list[str]:
    """Return what is not empty, each once, bounded."""
    kept = [nfc(one[:LONGEST]).strip() for one in texts if isinstance(one, str)]
    return list(dict.fromkeys(filter(None, kept)))[:MOST]


def _of_message(message: Mapping[str, Any]) -> Iterator[str]:
    content = message.get("content")
    if message.get("role") in ("tool", "function"):
        yield text_of(content) or ""
    elif message.get("type") == "function_call_output":
        yield text_of(message.get("output")) or ""
    else:
        yield from _tagged(text_of(content) or "")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping) and part.get("type") == "tool_result":
            yield text_of(part.get("content")) or ""
        elif isinstance(part, Mapping) and part.get("type") == "document":
            source = part.get("source")
            if isinstance(source, Mapping):
                yield str(source.get("data") or text_of(source.get("content")) or "")


def _tagged(text: str) -> list[str]:
    return [found[2] for found in _TAGGED.finditer(text[: LONGEST * 10])]


def _listed(value: Any) -> Iterator[str]:
    """Yield the texts of a list of documents, also where it is JSON in a text."""
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.lstrip()[:1] in ("[", "{") else None
        except (ValueError, RecursionError):
            return
    if isinstance(value, Mapping):
        value = value.get("documents") or value.get("results")
    for one in value if isinstance(value, list) else ():
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping):
            within = one.get("document")
            inner = within if isinstance(within, Mapping) else one
            yield next((str(inner[name]) for name in _TEXTS if inner.get(name)), "")
