"""Where a trace stands: its channel, release, user and session, without its texts.

A trace is found by its id, by its session, or by an own key: a tag that the
application gave it, such as `order` = `4711`. What is said of one later is
counted at that place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Ask = Callable[[str, Sequence[Any]], Sequence[tuple[Any, ...]]]
_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Place:
    """Of a call through the gateway, else of an application's span. `channel` is empty then."""

    trace_id: str
    channel: str
    release: str
    unit: str
    session: str
    began_us: int


def of_traces(ask: Ask, ids: Iterable[str]) -> dict[str, Place]:
    """Return the place of each of these traces; unknown ones are left out."""
    return {
        place.trace_id: place
        for part in _parts(sorted(set(ids)))
        for place in map(_place, ask(_BY.format("id", ", ".join("?" * len(part))), [*part, *part]))
    }


def of_sessions(ask: Ask, sessions: Iterable[str]) -> dict[str, Place]:
    """Return the place of the newest trace of each of these sessions."""
    return {
        place.session: place
        for part in _parts(sorted(set(sessions)))
        for place in map(
            _place, ask(_BY.format("session", ", ".join("?" * len(part))), [*part, *part])
        )
    }


def of_tags(ask: Ask, tags: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Place]:
    """Return the place of the newest trace that carries each of these tags (name, value)."""
    carried: list[tuple[str, str, str]] = []
    for part in _parts(sorted(set(tags))):
        marks = ", ".join(["(?, ?)"] * len(part))
        carried += ask(_TAGGED.format(marks), [word for tag in part for word in tag])
    places = of_traces(ask, (id_ for _, _, id_ in carried))
    found: dict[tuple[str, str], Place] = {}
    for name, value, id_ in carried:
        place, known = places.get(id_), found.get((name, value))
        if place is not None and (known is None or place.began_us >= known.began_us):
            found[name, value] = place
    return found


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _place(row: tuple[Any, ...]) -> Place:
    return Place(*row[:6])


_BY = """
SELECT id, '', release, unit, session, began_us, 0 AS first, seq FROM spans WHERE {0} IN ({1})
UNION ALL
SELECT id, channel, release, unit, session, began_us, 1, seq FROM calls WHERE {0} IN ({1})
ORDER BY first, seq
"""
"""Later rows win: the newest, and the gateway's own calls over what applications tell."""

_TAGGED = "SELECT name, value, id FROM tagged WHERE (name, value) IN (VALUES {0})"
