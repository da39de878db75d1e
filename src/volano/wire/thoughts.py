"""Whose thoughts: a signature proves a thought to the API that made it, and to no other.

Clients send thoughts back with the conversation. An answer's thoughts are marked with
their maker where the client's own API did not make them (`anthropic.Eq...`; no API's
signatures have a dot); what comes back unmarked was made by the client's own API. A
target is told only its own thoughts, without the mark. All others are left out: they
would be refused, and nothing that was said aloud is missing. So are thoughts without
any proof, which no API takes back.

Gemini's reader and writer mark their signatures themselves (`dialects.gemini`). Claude
signs alike wherever it runs, but what Bedrock hides is framed by Bedrock.
"""

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct, structs

from volano.wire.exchange import Began, Delta, Event, Part, Reply, Thinking, Turn
from volano.wire.openai import rewrite

_MAKERS = {
    "openai.chat": "openai",
    "openai.responses": "openai",
    "anthropic.messages": "anthropic",
    "anthropic.count_tokens": "anthropic",
    "gemini.generate": "gemini",
    "bedrock.converse": "bedrock",
}
_MARKED = re.compile(r"(anthropic|openai|gemini|bedrock)\.")


def maker(dialect: str, model: str = "", *, redacted: bool = False) -> str:
    """Return who signs the thoughts that a model says in this dialect."""
    if dialect == "bedrock.converse" and "anthropic." in model and not redacted:
        return "anthropic"
    return _MAKERS.get(dialect, dialect)


# on the way to a target


def own(turns: list[Turn], *, door: str, dialect: str, model: str) -> list[Turn]:
    """Return the turns with those thoughts only that the target can know as its own."""
    if not any(isinstance(part, Thinking) for turn in turns for part in turn.parts):
        return turns
    found = []
    for turn in turns:
        parts = [kept for part in turn.parts if (kept := _own(part, door, dialect, model))]
        if parts or not turn.parts:
            found.append(structs.replace(turn, parts=parts))
    return found


def _own(part: Part, door: str, dialect: str, model: str) -> Part | None:
    if not isinstance(part, Thinking):
        return part
    proof = part.text if part.redacted else part.signature or ""
    mark = _MARKED.match(proof)
    made_by = mark[1] if mark else maker(door)
    if not proof or made_by != maker(dialect, model, redacted=part.redacted):
        return None
    if mark is None or made_by == "gemini":
        return part
    field = "text" if part.redacted else "signature"
    return structs.replace(part, **{field: proof[mark.end() :]})


class _Block(Struct):
    type: str = ""
    signature: str | None = None
    data: Any = None
    encrypted_content: str | None = None


_block = msgspec.json.Decoder(_Block).decode
_fields = msgspec.json.Decoder(dict[str, Raw]).decode
_list = msgspec.json.Decoder(list[Raw]).decode
_FOREIGN = (b'"openai.', b'"anthropic.', b'"gemini.', b'"bedrock.', b'"signature":""',
            b'"signature": ""')  # fmt: skip


def without_foreign(body: bytes, door: str) -> bytes:
    """Return a body for a target that speaks the door's dialect, without others' thoughts.

    What has an unexpected shape stays: the target says what is wrong with it.
    """
    if door in ("anthropic.messages", "anthropic.count_tokens"):
        hint, field, sift = b'thinking"', "messages", _messages
    elif door == "openai.responses":
        hint, field, sift = b'encrypted_content"', "input", _items
    elif door == "openai.chat":
        hint, field, sift = b'"reasoning', "messages", _chat
    else:
        return body
    if hint not in body or not (sift is _chat or any(mark in body for mark in _FOREIGN)):
        return body
    try:
        return rewrite(body, {field: msgspec.json.encode(sift(_list(_fields(body)[field])))})
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError):
        return body


def _messages(given: list[Raw]) -> list[Any]:
    found: list[Any] = []
    for raw in given:
        message = _fields(raw)
        content = message.get("content", Raw(b"null"))
        if bytes(memoryview(content)[:1]) == b"[":
            blocks = _list(content)
            kept = [block for block in blocks if not _is_foreign(_block(block), "anthropic")]
            if blocks and not kept:
                continue
            message["content"] = Raw(msgspec.json.encode(kept))
        found.append(message)
    return found


def _items(given: list[Raw]) -> list[Any]:
    return [raw for raw in given if not _is_foreign(_block(raw), "openai")]


def _chat(given: list[Raw]) -> list[Any]:
    """Here thoughts bear no proof: it is for the caller to know that none can be the target's."""
    messages = [_fields(raw) for raw in given]
    for message in messages:
        message.pop("reasoning_content", None)
        message.pop("reasoning", None)
    return messages


def _is_foreign(block: _Block, own_mark: str) -> bool:
    proof: Any = None
    if block.type == "thinking":
        proof = block.signature or ""
    elif block.type == "redacted_thinking":
        proof = block.data
    elif block.type == "reasoning":
        proof = block.encrypted_content
    if not isinstance(proof, str):
        return False
    mark = _MARKED.match(proof)
    return not proof or (mark is not None and mark[1] != own_mark)


# on the way to a client


class Marker:
    """Marks the thoughts of one answer with their maker, where the client must be told."""

    __slots__ = ("_mark", "_mark_redacted", "_redacted")

    def __init__(self, door: str, dialect: str, model: str):
        self._mark = _mark(door, maker(dialect, model))
        self._mark_redacted = _mark(door, maker(dialect, model, redacted=True))
        self._redacted: set[int] = set()

    def reply(self, reply: Reply) -> Reply:
        """Mark a whole answer's thoughts, in place."""
        for part in reply.parts:
            if isinstance(part, Thinking):
                self._sign(part)
        return reply

    def event(self, event: Event) -> Event:
        """Mark what a stream tells of a thought, in place. A signature comes in one piece."""
        if isinstance(event, Delta):
            if event.signature:
                event.signature = self._mark + event.signature
            if event.text and event.index in self._redacted:
                self._redacted.discard(event.index)
                event.text = self._mark_redacted + event.text
        elif isinstance(event, Began) and isinstance(event.part, Thinking):
            if event.part.redacted and not event.part.text:
                self._redacted.add(event.index)
            self._sign(event.part)
        return event

    def _sign(self, part: Thinking) -> None:
        if part.redacted:
            part.text = part.text and self._mark_redacted + part.text
        elif part.signature:
            part.signature = self._mark + part.signature


def _mark(door: str, made_by: str) -> str:
    """Nothing where the client's own API made it; Gemini's have their mark already."""
    return "" if made_by in ("gemini", maker(door)) else f"{made_by}."
