"""Feedback as a trigger: how much is new on a channel since a mark (port `Sense`)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from volano.core.ports.sensed import Sensed
from volano.feedback.join import Joined
from volano.feedback.record import Feedback

PAGE = 1_000
PAGES = 20
"""So much is read in one look; what is left waits for the next one."""
MOST_WAITING = 10_000


class Said(Protocol):
    """What is asked of the feedback."""

    def newest(self) -> int:
        """Return the highest `seq` there is."""
        ...

    def since(self, seq: int, *, limit: int = PAGE) -> tuple[Feedback, ...]:
        """Return what was recorded after it."""
        ...

    def joined(self, said: Sequence[Feedback]) -> list[Joined]:
        """Return each with the place of its trace."""
        ...


@dataclass
class _Count:
    """How far was read since a mark, and what was found. It may be lost: the mark is kept."""

    read: int
    found: int = 0
    waiting: list[Feedback] = field(default_factory=list)


class SenseFeedback:
    """Counts new feedback of a channel (`*`: of all). Each record is read once in a process.

    Feedback may come before its trace: it counts as soon as that is recorded.
    """

    def __init__(self, said: Said):
        self._said = said
        self._counts: dict[tuple[str, int], _Count] = {}

    def __call__(self, what: str, mark: Any) -> Sensed:
        """Look now; the mark is a `seq`."""
        if mark is None:
            return Sensed(self._said.newest(), 0)
        count = self._counts.get((what, mark)) or _Count(read=mark)
        self._counts = {key: one for key, one in self._counts.items() if key[0] != what}
        self._counts[what, mark] = count
        for _ in range(PAGES):
            page = self._said.since(count.read, limit=PAGE)
            self._take(what, count, page)
            if len(page) < PAGE:
                break
        return Sensed(count.read if count.found else mark, count.found)

    def _take(self, what: str, count: _Count, page: Sequence[Feedback]) -> None:
        if page:
            count.read = page[-1].seq
        said = [*count.waiting, *page]
        if what == "*":
            count.found += len(said)
            return
        joined = self._said.joined(said) if said else []
        count.found += sum(one.place is not None and one.place.channel == what for one in joined)
        count.waiting = [one.feedback for one in joined if one.waits][-MOST_WAITING:]
