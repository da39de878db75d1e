"""Where a trace stands: its channel, release, user and session, without its texts.

A trace is found by its id, by its session, or by an own key: a tag that the
application gave it, such as `order` = `4711`. What is said of one later is
counted at that place.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from volano.traces.sealed.records import OLDEST, Records
from volano.traces.sealed.within import EVERYTHING, Within

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


def of_traces(records: Records, ids: Iterable[str]) -> dict[str, Place]:
    """Return the place of each of these traces; unknown ones are left out."""
    return {
        place.trace_id: place
        for part in _parts(sorted(set(ids)))
        for place in _places(records, "TRUE", (), Within(ids=part))
    }


def of_sessions(records: Records, sessions: Iterable[str]) -> dict[str, Place]:
    """Return the place of the newest trace of each of these sessions."""
    return {
        place.session: place
        for part in _parts(sorted(set(sessions)))
        for place in _places(records, _SESSIONS.format(", ".join("?" * len(part))), part)
    }


def of_tags(
    ask: Ask, records: Records, tags: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Place]:
    """Return the place of the newest trace that carries each of these tags (name, value)."""
    carried: list[tuple[str, str, str]] = []
    for part in _parts(sorted(set(tags))):
        marks = ", ".join(["(?, ?)"] * len(part))
        carried += ask(_TAGGED.format(marks), [word for tag in part for word in tag])
    places = of_traces(records, (id_ for _, _, id_ in carried))
    found: dict[tuple[str, str], Place] = {}
    for name, value, id_ in carried:
        place, known = places.get(id_), found.get((name, value))
        if place is not None and (known is None or place.began_us >= known.began_us):
            found[name, value] = place
    return found


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))


def _places(
    records: Records, where: str, params: Sequence[Any], within: Within = EVERYTHING
) -> Iterator[Place]:
    """Yield places, in an order in which later ones win: the newest, and calls over spans."""
    spans: Sequence[str] = ("id", "release", "unit", "session", "began_us")
    for row in records.select("spans", spans, where, params, order=OLDEST, within=within):
        yield Place(row[0], "", *row[1:])
    calls: Sequence[str] = ("id", "channel", "release", "unit", "session", "began_us")
    for row in records.select("calls", calls, where, params, order=OLDEST, within=within):
        yield Place(*row)


_SESSIONS = "session <> '' AND session IN ({0})"
_TAGGED = "SELECT name, value, id FROM tagged WHERE (name, value) IN (VALUES {0})"
