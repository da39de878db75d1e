"""Draws: scores of calls that were drawn with a known chance, made alike in both arms.

The tests here take units as they come, without weights, and that is fair as long as both arms are
looked at alike: who asks often is drawn sooner, in either arm, and a failure that is seen is the
candidate's with its share, whatever the chance of being seen is. Where a judge looks at every call
of the candidate and at each twentieth of the others, it is not: twenty times as many low scores
are the candidate's, however good it is. Weights of 20 would mend a mean and spoil the tests, which
live from values in [0, 1]. So chances are made equal instead: of a source that draws with
different chances, a score drawn with p counts with the chance p* / p, where p* is the least that
the source uses, decided by the trace's id. Then each call counts with p*, in either arm.

- Nothing of a source counts before it has scored calls of both arms: until then nobody knows how
  it draws the other one, or whether it looks at it at all. What waited counts then, in its order.
- Which scores count hangs on ids, chances and arms alone, never on a value, so that each test
  keeps its level. Where p* turns out to be less later, what counted before stands.

What nobody drew (feedback of people) has no chance and is none of this.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_WAITING = 2_000
"""Scores of one source that wait for the other arm; those after them are left out."""
MOST_SOURCES = 1_000
"""Sources that are known apart; scores of those after them are left out, so that memory has a limit."""


@dataclass(slots=True)
class _Source(Generic[T]):
    least: float = 1.0
    arms: set[bool] = field(default_factory=set)
    waiting: list[tuple[str, float, T]] = field(default_factory=list)
    counted: int = 0
    left_out: int = 0


class Draws(Generic[T]):
    """Decides which scores count, source by source. `salt` makes its choices those of one rollout."""

    def __init__(self, salt: str):
        self._salt = salt
        self._sources: dict[tuple[str, str], _Source[T]] = {}

    def knows(self, source: tuple[str, str]) -> bool:
        """Say whether this source is one that draws."""
        return source in self._sources

    def take(
        self, source: tuple[str, str], trace_id: str, probability: float, item: T, *, mine: bool
    ) -> Iterator[T]:
        """Take a score (`mine`: of the candidate); yield what counts now, in the order of scores.

        `probability`: with which the call was drawn, above 0 and at most 1.
        """
        if source not in self._sources and len(self._sources) >= MOST_SOURCES:
            return
        one = self._sources.setdefault(source, _Source())
        one.least = min(one.least, probability)
        one.arms.add(mine)
        if len(one.waiting) < MOST_WAITING:
            one.waiting.append((trace_id, probability, item))
        else:
            one.left_out += 1
        if len(one.arms) < 2:
            return
        waiting, one.waiting = one.waiting, []
        for trace, drawn, each in waiting:
            if self._counts(source, trace, one.least / drawn):
                one.counted += 1
                yield each
            else:
                one.left_out += 1

    def to_dict(self) -> dict[str, Any]:
        """Return of each source, `name by whom`, the chance that counts, and how many did."""
        return {
            f"{name} by {who}": {
                "probability": one.least, "counted": one.counted, "left_out": one.left_out,
                "waiting": len(one.waiting),
            }
            for (name, who), one in self._sources.items()
        }  # fmt: skip

    def _counts(self, source: tuple[str, str], trace_id: str, chance: float) -> bool:
        if chance >= 1:
            return True
        text = "|".join((self._salt, *source, trace_id))
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < chance * (1 << 64)
