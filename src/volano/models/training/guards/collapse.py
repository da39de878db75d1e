"""Collapse: a run that destroys the model is stopped by the metric of the dev split.

The loss does not tell: DPO lowers it by making the chosen answer and the
rejected one both unlikely (Pal et al. 2024, arXiv:2402.13228). So the model
answers the dev rows now and then, and two looks in a row below where it
started, by more than a margin, end the run. One look may be bad luck, or the
bottom of a valley early in the run.
"""

from dataclasses import dataclass, field
from typing import Any

from volano.models.training.guards.errors import CollapsedError

MARGIN = 0.05
LOOKS = 2


@dataclass(slots=True)
class Collapse:
    """The scores of one run: `start` before the first step, then one a look.

    `margin` is in units of the metric; `looks` how many in a row are too many.
    """

    start: float
    metric: str = "exact match on dev"
    margin: float = MARGIN
    looks: int = LOOKS
    seen: list[tuple[int, float]] = field(default_factory=list)

    def look(self, step: int, score: float) -> bool:
        """Take down a score; return whether it is the best so far (the start counts too).

        Raises:
            CollapsedError: this is the last of `looks` looks in a row that were too low.
        """
        is_best = score > self.best
        self.seen.append((step, score))
        last = self.seen[-self.looks :]
        if len(last) == self.looks and all(self.is_low(one) for _, one in last):
            raise CollapsedError(
                metric=self.metric, start=f"{self.start:.3f}", score=f"{score:.3f}", step=step
            )
        return is_best

    def is_low(self, score: float) -> bool:
        """Whether a score is below the start by more than the margin, or no number."""
        return not score >= self.start - self.margin

    @property
    def best(self) -> float:
        """The best score so far."""
        return max([self.start, *(score for _, score in self.seen)])

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values for the card."""
        looks = [{"step": step, "score": round(score, 4)} for step, score in self.seen]
        return {"metric": self.metric, "start": round(self.start, 4), "looks": looks}
