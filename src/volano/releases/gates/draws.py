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
  it draws the other one, or whether it looks at it at all. What it said before counts never: it
  may be of a time in which it looked at one arm alone.
- Which scores count hangs on ids, chances and arms alone, never on a value, so that each test
  keeps its level. Where p* turns out to be less later, what counted before stands.

What nobody drew (feedback of people) has no chance and is none of this.
"""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

MOST_SOURCES = 1_000
"""Sources that are known apart; scores of those after them are left out, so that memory has a limit."""


@dataclass(slots=True)
class _Source:
    least: float = 1.0
    arms: set[bool] = field(default_factory=set)
    counted: int = 0
    left_out: int = 0


class Draws:
    """Decides which scores count, source by source. `salt` makes its choices those of one rollout."""

    def __init__(self, salt: str):
        self._salt = salt
        self._sources: dict[tuple[str, str], _Source] = {}

    def knows(self, source: tuple[str, str]) -> bool:
        """Say whether this source is one that draws."""
        return source in self._sources

    def take(
        self, source: tuple[str, str], trace_id: str, probability: float, *, mine: bool
    ) -> bool:
        """Say whether a score counts (`mine`: of the candidate).

        `probability`: with which the call was drawn, above 0 and at most 1.
        """
        if source not in self._sources and len(self._sources) >= MOST_SOURCES:
            return False
        one = self._sources.setdefault(source, _Source())
        one.least = min(one.least, probability)
        one.arms.add(mine)
        if len(one.arms) == 2 and self._counts(source, trace_id, one.least / probability):
            one.counted += 1
            return True
        one.left_out += 1
        return False

    def to_dict(self) -> dict[str, Any]:
        """Return of each source, `name by whom`, the chance that counts, and how many did."""
        return {
            f"{name} by {who}": {
                "probability": one.least, "counted": one.counted, "left_out": one.left_out,
            }
            for (name, who), one in self._sources.items()
        }  # fmt: skip

    def _counts(self, source: tuple[str, str], trace_id: str, chance: float) -> bool:
        if chance >= 1:
            return True
        text = "|".join((self._salt, *source, trace_id))
        digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") < chance * (1 << 64)
