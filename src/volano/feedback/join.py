"""Joining: which trace a feedback belongs to, and why some of it still waits for one.

Nothing of it is stored: it is looked up when asked. So feedback may be days
early or late, and a trace that arrives brings its feedback with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from volano.feedback.record import Feedback
from volano.traces.places import Place


class Places(Protocol):
    """What is asked of the traces."""

    def places(self, trace_ids: Iterable[str]) -> dict[str, Place]:
        """Return where each of these traces stands."""
        ...

    def places_of_sessions(self, sessions: Iterable[str]) -> dict[str, Place]:
        """Return where the newest trace of each session stands."""
        ...

    def places_of_tags(self, tags: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Place]:
        """Return where the newest trace with each tag stands."""
        ...


@dataclass(frozen=True, slots=True)
class Joined:
    """A feedback and its place. `why` says what it waits for; empty when it does not wait.

    What is said of a user stands on its own: it has no place and waits for none.
    """

    feedback: Feedback
    place: Place | None
    why: str = ""

    @property
    def waits(self) -> bool:
        """Whether its subject is not recorded (yet)."""
        return bool(self.why)


def joined(said: Sequence[Feedback], places: Places) -> list[Joined]:
    """Return each with its place."""
    traces = places.places({f.trace_id for f in said if f.level in ("trace", "span")})
    sessions = places.places_of_sessions({f.subject for f in said if f.level == "session"})
    tags = places.places_of_tags({_tag(f) for f in said if f.level == "key"})
    found = []
    for each in said:
        if each.level == "user":
            found.append(Joined(each, None))
            continue
        place = (
            sessions.get(each.subject) if each.level == "session"
            else tags.get(_tag(each)) if each.level == "key"
            else traces.get(each.trace_id)
        )  # fmt: skip
        found.append(Joined(each, place, "" if place else _why(each)))
    return found


def _tag(said: Feedback) -> tuple[str, str]:
    name, _, value = said.subject.partition(":")
    return name, value


def _why(said: Feedback) -> str:
    if said.level == "session":
        return f"no trace of the session {said.subject} is recorded"
    if said.level == "key":
        name, value = _tag(said)
        return f"no trace carries the tag {name} = {value}"
    return f"the trace {said.trace_id} is not recorded"
