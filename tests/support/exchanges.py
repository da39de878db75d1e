"""Hypothesis strategies for what passes between dialects: asks, replies, streams.

What they draw is *canonical*: said in the one way in which every dialect reads it
back. System turns first and of words alone; what tools answered in user turns of its
own; in the assistant's turns and replies thoughts first, then words, then tool uses;
arguments are JSON objects. A dialect's tests leave out what it cannot say with the
`without` and `kinds` arguments.
"""

import base64
import itertools
import json
import operator
import string
from collections.abc import Collection, Sequence
from functools import cache

import msgspec
from hypothesis import strategies as st

from volano.wire.exchange import (
    Ask,
    Audio,
    Began,
    Delta,
    Ended,
    Event,
    File,
    Finished,
    Format,
    Image,
    Opened,
    Part,
    Reasoning,
    Refusal,
    Reply,
    Text,
    Thinking,
    Tool,
    ToolChoice,
    ToolResult,
    ToolUse,
    Turn,
    Usage,
)

words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
# [a-zA-Z][a-zA-Z0-9_-]{0,19}; from_regex draws the same in five times as long
names = st.builds(
    operator.add,
    st.sampled_from(string.ascii_letters),
    st.text(f"{string.ascii_letters}{string.digits}_-", max_size=19),
)
base64s = st.binary(min_size=1, max_size=30).map(lambda data: base64.b64encode(data).decode())
urls = st.builds("https://example.org/{}".format, names)
counts = st.integers(0, 1 << 40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 53), 1 << 53) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
json_objects = st.dictionaries(words, json_values, max_size=3)
arguments = json_objects.map(lambda value: json.dumps(value, ensure_ascii=False))
schemas = json_objects.map(
    lambda value: msgspec.Raw(msgspec.json.encode({**value, "type": "object"}))
)
cache_ttls = st.none() | st.sampled_from(["5m", "1h"])

INPUT_KINDS = ("text", "image", "audio", "file")
OUTPUT_KINDS = ("thinking", "text", "refusal", "tool_use")
EFFORTS = ("low", "medium", "high", "xhigh", "max")


@cache
def texts(cached: bool = True) -> st.SearchStrategy[Text]:
    return st.builds(Text, words, cache_ttl=cache_ttls if cached else st.none())


def images(cached: bool = True) -> st.SearchStrategy[Image]:
    ttl = cache_ttls if cached else st.none()
    media = st.sampled_from(["image/png", "image/jpeg", "image/gif", "image/webp"])
    inline = st.builds(Image, data=base64s, media_type=media, cache_ttl=ttl)
    return inline | st.builds(Image, url=urls, cache_ttl=ttl)


def files(cached: bool = True) -> st.SearchStrategy[File]:
    return st.builds(
        File,
        data=base64s,
        media_type=st.just("application/pdf"),
        name=st.none() | names,
        cache_ttl=cache_ttls if cached else st.none(),
    )


audios = st.builds(Audio, data=base64s, format=st.sampled_from(["wav", "mp3"]))


def user_parts(
    kinds: Collection[str] = INPUT_KINDS, cached: bool = True
) -> st.SearchStrategy[list[Part]]:
    each: dict[str, st.SearchStrategy] = {
        "text": texts(cached),
        "image": images(cached),
        "audio": audios,
        "file": files(cached),
    }
    return st.lists(st.one_of([each[kind] for kind in kinds]), min_size=1, max_size=3)


def tool_results(
    kinds: Collection[str] = ("text",), *, errors: bool = True, cached: bool = True
) -> st.SearchStrategy[ToolResult]:
    return st.builds(
        ToolResult,
        id=names,
        parts=user_parts(kinds, cached),
        is_error=st.booleans() if errors else st.just(False),
        cache_ttl=cache_ttls if cached else st.none(),
    )


SIGNATURES = {None: st.none() | names, True: names, False: st.none()}
TOOL_USES = st.lists(st.builds(ToolUse, names, names, arguments), max_size=2)


@st.composite
def answers(
    draw: st.DrawFn,
    kinds: Collection[str] = OUTPUT_KINDS,
    *,
    signed: bool | None = None,
    redacted: bool = False,
    cached: bool = False,
) -> list[Part]:
    """Parts of one answer in their canonical order; at most one of each kind but tool uses.

    `signed`: whether thoughts bear a signature (None: either). `redacted`: they may be opaque.
    """
    parts: list[Part] = []
    if "thinking" in kinds and draw(st.booleans()):
        if redacted and draw(st.booleans()):
            parts.append(Thinking(draw(base64s), redacted=True))
        else:
            parts.append(Thinking(draw(words), draw(SIGNATURES[signed])))
    if "text" in kinds and draw(st.booleans()):
        parts.append(draw(texts(cached)))
    if "refusal" in kinds and draw(st.booleans()):
        parts.append(Refusal(draw(words)))
    if "tool_use" in kinds:
        parts += draw(TOOL_USES)
    return parts or [Text(draw(words))]


@st.composite
def conversations(
    draw: st.DrawFn,
    *,
    kinds: Collection[str] = INPUT_KINDS,
    answer_kinds: Collection[str] = OUTPUT_KINDS,
    result_kinds: Collection[str] = ("text",),
    named: bool = True,
    signed: bool | None = None,
    redacted: bool = False,
    errors: bool = True,
    cached: bool = True,
) -> list[Turn]:
    """Turns as a client says them: perhaps one of the system, then at least one other."""
    system, plain, others = _turns(
        tuple(kinds), tuple(answer_kinds), tuple(result_kinds),
        named=named, signed=signed, redacted=redacted, errors=errors, cached=cached,
    )  # fmt: skip
    turns: list[Turn] = []
    if draw(st.booleans()):
        turns.append(Turn("system", draw(system)))
    turns.append(draw(plain))
    for turn in draw(others):
        apart = isinstance(turn.parts[0], ToolResult) and isinstance(turns[-1].parts[0], ToolResult)
        if not apart:  # two such turns in a row are one
            turns.append(turn)
    return turns


@cache  # a strategy that is built for each example is checked for each, which takes longer than to draw
def _turns(
    kinds: tuple[str, ...],
    answer_kinds: tuple[str, ...],
    result_kinds: tuple[str, ...],
    *,
    named: bool,
    signed: bool | None,
    redacted: bool,
    errors: bool,
    cached: bool,
) -> tuple[st.SearchStrategy[list[Text]], st.SearchStrategy[Turn], st.SearchStrategy[list[Turn]]]:
    """The parts of a system turn, a user's turn, and the turns after it."""
    plain = st.builds(
        Turn,
        st.just("user"),
        user_parts(kinds, cached),
        st.none() | names if named else st.none(),
    )
    results = st.lists(
        tool_results(result_kinds, errors=errors, cached=cached), min_size=1, max_size=3
    ).map(lambda parts: Turn("user", list(parts)))
    assistant = st.builds(
        Turn, st.just("assistant"), answers(answer_kinds, signed=signed, redacted=redacted)
    )
    system = st.lists(texts(cached), min_size=1, max_size=2)
    return system, plain, st.lists(plain | results | assistant, max_size=4)


tools = st.lists(
    st.builds(
        Tool,
        name=names,
        description=st.none() | words,
        schema=schemas,
        strict=st.none() | st.booleans(),
        cache_ttl=st.none(),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda tool: tool.name,
)
formats = st.builds(Format, st.just("text")) | st.builds(
    Format,
    st.just("schema"),
    schema=schemas,
    name=names,
    description=st.none() | words,
    strict=st.none() | st.booleans(),
)
fractions = st.integers(0, 100).map(lambda hundredth: hundredth / 100)


FIELDS: dict[str, st.SearchStrategy] = {
    "stream": st.booleans(),
    "max_tokens": st.integers(1, 1 << 20),
    "temperature": fractions,
    "top_p": fractions,
    "top_k": st.integers(1, 100),
    "stop": st.lists(words, min_size=1, max_size=4),
    "seed": st.integers(-(1 << 62), 1 << 62),
    "n": st.just(1),
    "presence_penalty": fractions,
    "frequency_penalty": fractions,
    "logprobs": st.just(False),
    "tools": tools,
    "format": formats,
    "reasoning": st.sampled_from(EFFORTS).map(lambda effort: Reasoning(effort=effort)),
    "user": names,
    "metadata": st.dictionaries(names, words, max_size=3),
    "service_tier": st.sampled_from(["auto", "default"]),
    "wants_usage": st.booleans(),
}


@st.composite
def asks(
    draw: st.DrawFn, turns: st.SearchStrategy[list[Turn]] | None = None, *, without: Sequence = ()
) -> Ask:
    """An ask with every field perhaps said, but those of `without` (their default).

    A tool choice is only drawn with tools; `parallel_tools` only with a choice.
    """
    said = {
        name: draw(strategy)
        for name, strategy in FIELDS.items()
        if name not in without and draw(st.booleans())
    }
    if not said.get("stream"):
        said.pop("wants_usage", None)
    ask = Ask(draw(names), draw(conversations() if turns is None else turns), **said)
    if ask.tools and "tool_choice" not in without and draw(st.booleans()):
        kind = draw(st.sampled_from(["auto", "none", "any", "tool"]))
        ask.tool_choice = ToolChoice(kind, ask.tools[0].name if kind == "tool" else None)
        if kind != "none" and "parallel_tools" not in without:
            ask.parallel_tools = draw(st.none() | st.booleans())
    return ask


@st.composite
def usages(draw: st.DrawFn, *, without: Collection[str] = ()) -> Usage:
    """Token counts that add up: parts never exceed what they are parts of."""
    fresh, cached, written = draw(counts), draw(counts), draw(counts)
    output = draw(counts)
    drawn = Usage(output=output)
    drawn.cached = cached if "cached" not in without else 0
    drawn.cache_written = written if "cache_written" not in without else 0
    drawn.input = fresh + drawn.cached + drawn.cache_written
    if "reasoning" not in without:
        drawn.reasoning = draw(st.integers(0, output))
    if "audio_input" not in without:
        drawn.audio_input = draw(st.integers(0, fresh))
    if "audio_output" not in without:
        drawn.audio_output = draw(st.integers(0, output))
    if "cache_written_1h" not in without:
        drawn.cache_written_1h = draw(st.integers(0, drawn.cache_written))
    return drawn


@st.composite
def replies(
    draw: st.DrawFn,
    parts: st.SearchStrategy[list[Part]] | None = None,
    *,
    usage: st.SearchStrategy[Usage | None] | None = None,
    stop_sequences: bool = False,
    dated: bool = True,
) -> Reply:
    """A whole answer; its finish fits its parts."""
    said = draw(answers() if parts is None else parts)
    finish, stop_sequence = _finish(draw, said, stop_sequences)
    return Reply(
        id=draw(names),
        model=draw(names),
        parts=said,
        finish=finish,
        stop_sequence=stop_sequence,
        usage=draw(usages() if usage is None else usage),
        created_s=draw(st.integers(0, 1 << 33)) if dated else 0,
    )


def _finish(draw: st.DrawFn, parts: list[Part], stop_sequences: bool):
    if any(isinstance(part, ToolUse) for part in parts):
        return draw(st.sampled_from(["tools", "length"])), None
    if any(isinstance(part, Refusal) for part in parts):
        return "filter", None
    kinds = ["stop", "length", "filter", *(["stop_sequence"] if stop_sequences else [])]
    finish = draw(st.sampled_from(kinds))
    return finish, draw(words) if finish == "stop_sequence" else None


def spoken(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, as a stream says it."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    ends = [0, *cuts, len(text)]
    return [text[a:b] for a, b in itertools.pairwise(ends) if a < b]


@st.composite
def streams(
    draw: st.DrawFn, reply: st.SearchStrategy[Reply] | None = None, *, early_usage: bool = False
) -> list[Event]:
    """The events of one sound stream. `early_usage`: the input's tokens are said at once."""
    whole = draw(replies() if reply is None else reply)
    usage = whole.usage
    opening = None
    if early_usage and usage is not None:
        opening = msgspec.structs.replace(usage, output=0, reasoning=0, audio_output=0)
    events: list[Event] = [Opened(whole.id, whole.model, opening, whole.created_s)]
    for index, part in enumerate(whole.parts):
        events += _part(draw, index, part)
    return [*events, Finished(whole.finish, whole.stop_sequence, usage)]


def _part(draw: st.DrawFn, index: int, part: Part) -> list[Event]:
    match part:
        case ToolUse():
            began, text = ToolUse(part.id, part.name, ""), part.arguments
        case Thinking():
            began, text = Thinking("", redacted=part.redacted), part.text
        case Refusal():
            began, text = Refusal(""), part.text
        case _:
            began, text = Text(""), part.text
    pieces = [text] if isinstance(part, Thinking) and part.redacted else spoken(draw, text)
    events: list[Event] = [Began(index, began), *(Delta(index, piece) for piece in pieces)]
    if isinstance(part, Thinking) and part.signature:
        events.append(Delta(index, signature=part.signature))
    return [*events, Ended(index)]


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """These bytes as they may come over a wire: cut anywhere."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=8)))
    ends = [0, *cuts, len(data)]
    return [data[a:b] for a, b in itertools.pairwise(ends)]


def whole(events: Sequence[Event]) -> Reply:
    """The reply that a stream said, put together."""
    reply = Reply("", "", [])
    for event in events:
        match event:
            case Opened():
                reply.id, reply.model, reply.created_s = event.id, event.model, event.created_s
            case Began():
                reply.parts.append(msgspec.structs.replace(event.part))
            case Delta():
                part = reply.parts[event.index]
                if isinstance(part, ToolUse):
                    part.arguments += event.text
                else:
                    part.text += event.text
                if event.signature:
                    part.signature = event.signature
            case Finished():
                reply.finish, reply.usage = event.finish, event.usage
                reply.stop_sequence = event.stop_sequence
    return reply
