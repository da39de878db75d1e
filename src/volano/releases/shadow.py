"""A shadow's purse: what copies of a rollout's calls have cost, and whether that is all they may.

It is read from the records, which have each copy with its cost (one that was cut costs what it
could have at most). Between the cost and the records lie the copies under way (16 in each
worker at most), the recorder's pause and a tick: by so much a budget can be overshot.
"""

from collections import Counter
from typing import Any

from volano.core.money import Money
from volano.releases.stage import Stage
from volano.traces.keeper import Traces


class Purse:
    """What copies of one rollout cost so far, read on as they are recorded."""

    def __init__(self, rollout_id: str, traces: Traces):
        self.calls = self.failed = 0
        self.nano: Counter[str] = Counter()
        self._rollout, self._traces, self._seq = rollout_id, traces, 0

    def read(self) -> None:
        """Take in what was recorded since the last time."""
        for part in self._traces.copied(self._seq, rollout=self._rollout):
            self._seq = max(self._seq, part.seq)
            self.calls += part.calls
            self.failed += part.failed
            self.nano[part.currency] += part.nano

    def is_spent(self, stage: Stage) -> bool:
        """Whether the copies of this step may cost no more.

        Money in another currency than the budget's cannot be compared with it: then it is spent.
        """
        if not stage.budget_nano:
            return False
        others = any(nano for name, nano in self.nano.items() if name not in ("", stage.currency))
        return others or self.nano[stage.currency] >= stage.budget_nano

    def told(self, stage: Stage) -> dict[str, Any]:
        """Return what `volano release status` says of it."""
        spent = [str(Money(nano, name)) for name, nano in sorted(self.nano.items()) if name]
        budget = Money(stage.budget_nano, stage.currency) if stage.budget_nano else None
        return {
            "mirror": stage.mirror, "copies": self.calls, "failed": self.failed,
            "spent": " and ".join(spent) or "nothing", "budget": str(budget) if budget else None,
            "is_spent": self.is_spent(stage),
        }  # fmt: skip
