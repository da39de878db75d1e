"""Where in a conversation a part stands, so that a refusal names its place.

Places are counted as a client of OpenAI's chat counts them: what each tool answered is
a message of its own there. `in_messages` counts again as Anthropic's clients do.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from volano.wire.exchange import Part, Role, ToolResult, ToolUse, Turn

_PLACE = re.compile(r"messages\[(\d+)\](.*)")
_OF_CHATS_PARTS = re.compile(r"\.(image_url|input_audio|file)\b.*")


class Placed(NamedTuple):
    """A turn with the place of its message, and of each of its parts."""

    role: Role
    parts: list[Part]
    path: str
    paths: list[str]
    name: str | None = None


def placed(turns: Sequence[Turn]) -> Iterator[Placed]:
    """Yield each turn with its places."""
    place = 0
    for turn in turns:
        results, spread = _results(turn), _spread(turn)
        own = place + len(results) if spread > len(results) else place
        paths = _paths(turn, place, own)
        yield Placed(turn.role, turn.parts, f"messages[{own}]", paths, turn.name)
        place += spread


def _paths(turn: Turn, place: int, own: int) -> list[str]:
    """What tools answered comes first, each for itself, and all else together behind it."""
    paths = []
    results = calls = 0
    for index, part in enumerate(turn.parts):
        if isinstance(part, ToolResult):
            paths.append(f"messages[{place + results}]")
            results += 1
        elif isinstance(part, ToolUse):
            paths.append(f"messages[{own}].tool_calls[{calls}]")
            calls += 1
        else:
            paths.append(f"messages[{own}].content[{index}]")
    return paths


def _results(turn: Turn) -> list[int]:
    return [index for index, part in enumerate(turn.parts) if isinstance(part, ToolResult)]


def _spread(turn: Turn) -> int:
    """How many messages OpenAI's chat needs for this turn."""
    results = len(_results(turn))
    return results + (results < len(turn.parts))


def behind(param: str, turns: Sequence[Turn], count: int) -> str:
    """Return the place counted from behind the first turns; `messages` where it is in these."""
    found = _PLACE.fullmatch(param)
    if found is None:
        return param
    place = int(found[1]) - sum(_spread(turn) for turn in turns[:count])
    return f"messages[{place}]{found[2]}" if place >= 0 else "messages"


def in_messages(param: str, turns: Sequence[Turn]) -> str:
    """Return the place as a client of Anthropic's API counts it; other names as they are.

    The system's first words stand outside of `messages` there, and what a tool answered
    is a block among others.
    """
    found = _PLACE.fullmatch(param)
    if found is None:
        return param
    place, rest = int(found[1]), _OF_CHATS_PARTS.sub(".source", found[2])
    first = before = 0
    for index, turn in enumerate(turns):
        before += turn.role == "system" and before == index
        spread = _spread(turn)
        if place < first + spread:
            return f"messages[{max(0, index - before)}]{_block(turn, place - first)}{rest}"
        first += spread
    return param


def _block(turn: Turn, place: int) -> str:
    results = _results(turn)
    return f".content[{results[place]}]" if place < len(results) else ""
