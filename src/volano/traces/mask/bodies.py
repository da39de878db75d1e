"""Bodies: what a client sent and got, masked so that it is still what it was, JSON or events.

The words of a streamed answer come in pieces, an address in several of them: the pieces of one
text are put together, searched as one, and where something is hidden the first piece has it all
and the others are empty.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from volano.traces.mask.texts import Texts
from volano.traces.mask.values import Named, changed, texts_of

WITHHELD = "[withheld]"
_EVENT_END = re.compile(r"(\r?\n\r?\n|\r\r)")
_STREAM = ("data:", "event:", "id:", "retry:", ":")
_PIECES = frozenset((
    "content", "text", "refusal", "reasoning", "reasoning_content", "arguments", "delta",
    "partial_json", "thinking", "transcript", "input",
))  # fmt: skip
"""Fields that hold a piece of a longer text."""
_INDEXES = ("index", "output_index", "content_index", "item_id", "type")


def mask_body(body: bytes, texts: Texts, named: Named) -> bytes:
    """Return the body with what the rules hide. The same bytes where they hide nothing.

    Raises:
        WithheldError: it takes too long.
    """
    if not body:
        return body
    said = body.decode("utf-8", "replace")
    if said[:64].lstrip().startswith(_STREAM):
        made = _stream(said, texts, named)
    else:
        made = _document(said, texts, named)
    return body if made == said else made.encode()


def _document(said: str, texts: Texts, named: Named) -> str:
    try:
        value = json.loads(said, strict=False)
    except ValueError:  # cut off, or no JSON: searched as it stands
        return texts.hide([said]).get(said, said)
    made = changed(value, named, texts.hide(texts_of(value, named, [])))
    twice = made is value and said in texts.hide([said])  # a field that stands there twice
    return said if made is value and not twice else _dumped(made)


def _stream(said: str, texts: Texts, named: Named) -> str:
    parts = _EVENT_END.split(said)
    events = [_read(part) for part in parts[::2]]
    before = [_dumped(value) for _, value in events]
    found = texts.hide(texts_of([value for _, value in events], named, []))
    made = [changed(value, named, found) for _, value in events]
    _join(made, texts)
    plain = texts.hide(
        part for part, (_, value) in zip(parts[::2], events, strict=True) if value is None
    )
    for n, ((head, _), old, new) in enumerate(zip(events, before, made, strict=True)):
        if new is None:
            parts[2 * n] = plain.get(parts[2 * n], parts[2 * n])
        elif (said_now := _dumped(new)) != old:
            parts[2 * n] = f"{head}data: {said_now}"
    return "".join(parts)


def _read(event: str) -> tuple[str, Any]:
    """Return the lines before the data, and the data; what cannot be read is withheld later."""
    lines = event.splitlines()
    data = "\n".join(line[5:].strip() for line in lines if line.startswith("data:"))
    head = "".join(f"{line}\n" for line in lines if line.startswith(("event:", "id:", "retry:")))
    if not data or data == "[DONE]":
        return head, None
    try:
        return head, json.loads(data, strict=False)
    except ValueError:
        return head, {WITHHELD: data}


def _join(events: list[Any], texts: Texts) -> None:
    """Search the pieces of each text as one. Changes the events, which are ours to change."""
    pieces: dict[tuple[Any, ...], list[tuple[Any, Any]]] = {}
    for event in events:
        if isinstance(event, dict) and WITHHELD in event:
            event[WITHHELD] = ""
        for where, holder, name in _pieces(event, ()):
            pieces.setdefault(where, []).append((holder, name))
    whole = {where: "".join(h[n] for h, n in at) for where, at in pieces.items() if len(at) > 1}
    found = texts.hide(whole.values())
    for where, text in whole.items():
        if text in found:
            for holder, name in pieces[where]:
                holder[name] = ""
            holder, name = pieces[where][0]
            holder[name] = found[text]


def _pieces(value: Any, where: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, str]]:
    if isinstance(value, dict):
        where = (*where, *(str(value.get(name, "")) for name in _INDEXES))
        for name, one in value.items():
            if isinstance(one, str) and name in _PIECES:
                yield (*where, name), value, name
            elif isinstance(one, dict | list):
                yield from _pieces(one, (*where, name))
    elif isinstance(value, list):
        for one in value:
            yield from _pieces(one, where)


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
