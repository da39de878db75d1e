"""Curves of evidence: how each gate of a rollout stood, over what was counted for it.

Looks are taken at calls, or at scores, not at moments: the same records give the same curves,
also to a control that starts again and reads them all at once. They are thinned as they grow.
"""

from collections.abc import Iterable
from typing import Any

from volano.core.verdict import Verdict

_GROWTH = 1.04
"""A look is kept when there are this many times as many: some 180 up to 20,000."""
MOST = 400
FIRST = 10

Point = list[float]


class Curves:
    """What harm and promotion gates said at looks ever further apart.

    Of harm: how many were counted, share (millionths), e-value. Of promotion: how many, share,
    and how much worse the candidate is at least and at most. `of` says what is counted.
    """

    def __init__(self, of: str = "calls") -> None:
        self._of = of
        self._next = FIRST
        self._limits: dict[tuple[str, str], float] = {}
        self._points: dict[tuple[str, str], list[Point]] = {}

    def due(self, n: int) -> bool:
        """Say whether it is time to look."""
        return n >= self._next

    def add(self, n: int, share: int, verdicts: Iterable[Verdict]) -> None:
        """Take what the gates say after so many, at this share of the candidate."""
        self._next = max(n + 1, int(n * _GROWTH))
        for verdict in verdicts:
            self._take(n, share, verdict)

    def to_dict(self) -> list[dict[str, Any]]:
        """Return each gate's curve in plain values."""
        return [
            {
                "gate": gate,
                "metric": metric,
                "of": self._of,
                "limit": self._limits[gate, metric],
                "points": points,
            }
            for (gate, metric), points in self._points.items()
        ]

    def _take(self, n: int, share: int, verdict: Verdict) -> None:
        facts = verdict.evidence
        gate, metric = str(facts.get("gate", "")), str(facts.get("metric", ""))
        names, limit = _DRAWN.get(gate, ((), ""))
        values = [facts.get(name) for name in names]
        if not values or not all(isinstance(value, int | float) for value in values):
            return
        self._limits[gate, metric] = float(facts[limit])
        points = self._points.setdefault((gate, metric), [])
        points.append([n, share, *(round(float(value), 5) for value in values)])  # type: ignore[arg-type]
        if len(points) > MOST:  # every second one, the newest stays
            del points[-2::-2]


_DRAWN = {
    "harm": (("e_value",), "threshold"),
    "promotion": (("loss_low", "loss_high"), "margin"),
}
