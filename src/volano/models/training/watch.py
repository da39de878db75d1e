"""Watch: measures on the dev rows while a run learns, keeps the best weights, says when to stop.

Two files lie beside the checkpoint: `best.safetensors`, the weights that
learned, with step and score in the header, and `watch.json`, what was measured
when. A run that was killed takes both up again; what was measured after its checkpoint
is measured again.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from volano.models.training.checkpoint import CheckpointLostError
from volano.models.training.guards.collapse import Collapse
from volano.models.training.settings import Dev

LOWER_IS_BETTER = ("loss",)
METRICS = ("exact_match", "loss")
SLACK = 1e-9
"""0.98 is 0.02 behind 1.0, whatever the bits say."""


@dataclass(frozen=True, slots=True)
class Best:
    """The best measurement so far."""

    step: int
    score: float


@dataclass(frozen=True, slots=True)
class Aim:
    """What is enough after a round of `steps`: `score`, or `behind` worse than that."""

    score: float
    behind: float
    steps: int


class Watch:
    """What a loop asks after each step. `measure` returns the metric of the model as it is.

    With an aim the run ends after the round that reached it, or that brought nothing better.
    """

    def __init__(
        self,
        dev: Dev,
        folder: Path,
        fingerprint: str,
        measure: Callable[[], float],
        collapse: Collapse | None = None,
        aim: Aim | None = None,
    ) -> None:
        self.name = f"dev_{dev.metric}"
        self._dev, self._fingerprint, self._measure = dev, fingerprint, measure
        self._weights, self._log = folder / "best.safetensors", folder / "watch.json"
        self._sign = -1.0 if dev.metric in LOWER_IS_BETTER else 1.0
        self._seen: dict[int, float] = {}
        self._collapse, self._aim = collapse, aim
        self.best: Best | None = None

    def begin(self, score: float, model: torch.nn.Module) -> None:
        """Keep the weights as they are before the first step: they may stay the best.

        Raises:
            CheckpointLostError: they could not be written; a full disk, usually.
        """
        try:
            self._keep(0, score, model)
        except (OSError, SafetensorError) as error:
            raise CheckpointLostError(path=self._weights, reason=error) from error
        self.best = Best(0, score)

    def resume(self, done: int) -> None:
        """Take up what was measured in the first `done` steps.

        Raises:
            CollapsedError: by these measurements the model is destroyed already.
        """
        try:
            with safe_open(self._weights, "pt") as kept:
                facts = kept.metadata() or {}
            seen = json.loads(self._log.read_text(encoding="utf-8"))
        except (OSError, ValueError, SafetensorError):
            return
        if done and facts.get("fingerprint") == seen["fingerprint"] == self._fingerprint:
            self.best = Best(int(facts["step"]), float(facts["score"]))
            self._seen = {int(at): v for at, v in seen["measured"].items() if int(at) <= done}
            if self._collapse is not None:
                for at, score in self._seen.items():
                    self._collapse.look(at, score)  # two in a row count across a crash too

    @property
    def stop(self) -> bool:
        """Whether a round was enough, or the last `patience` measurements brought nothing better."""
        if self._aim is not None and self._ended(self._aim):
            return True
        if not self._dev.patience or self.best is None:
            return False
        same = [at for at, score in self._seen.items() if score == self.best.score]
        first = min([self.best.step, *same])
        return sum(step > first for step in self._seen) >= self._dev.patience

    def _ended(self, aim: Aim) -> bool:
        """Whether the last measurement is a round's end, and no further round is worth its steps."""
        at = max(self._seen, default=0)
        if not at or at % aim.steps:
            return False
        best = max(self._sign * score for score in self._seen.values())
        before = [
            self._sign * score for step, score in self._seen.items() if step <= at - aim.steps
        ]
        enough = best >= self._sign * aim.score - aim.behind - SLACK
        return enough or best <= max(before, default=-math.inf)

    def due(self, step: int, last: int) -> bool:
        """Whether to measure after this many steps: now and then, and at the end."""
        return step == last or bool(self._dev.every and step % self._dev.every == 0)

    def look(self, step: int, model: torch.nn.Module) -> dict[str, float]:
        """Measure, and keep the weights when they are better than all before.

        Raises:
            CheckpointLostError: they could not be written; a full disk, usually.
            CollapsedError: the model is much worse than it was at the start.
        """
        was = model.training
        model.eval()
        score = self._measure()
        model.train(was)
        self._seen[step] = score
        if self._collapse is not None:
            self._collapse.look(step, score)
        try:
            if self._is_better(score):
                self._keep(step, score, model)
                self.best = Best(step, score)
            said = {"fingerprint": self._fingerprint, "measured": self._seen}
            part = self._log.with_suffix(".part")
            part.write_text(json.dumps(said), encoding="utf-8")
            part.replace(self._log)
        except (OSError, SafetensorError) as error:
            raise CheckpointLostError(path=self._weights, reason=error) from error
        return {self.name: score}

    def _is_better(self, score: float) -> bool:
        """Of equal measurements the first is kept; but where no row was right, none told anything.

        Then the later weights are: an early end of training is no choice that was made.
        """
        if self.best is None or self._sign * score > self._sign * self.best.score:
            return True
        return self._sign > 0 and score == self.best.score == 0.0

    def restore(self, model: torch.nn.Module) -> dict[str, float]:
        """Bring the best weights back into the model; return what the card says of them."""
        if self.best is None:
            return {}
        with safe_open(self._weights, "pt") as kept, torch.no_grad():
            for name, parameter in _learned(model):
                parameter.copy_(kept.get_tensor(name))
        return {self.name: self.best.score, "best_step": self.best.step}

    def _keep(self, step: int, score: float, model: torch.nn.Module) -> None:
        tensors = {name: p.detach().cpu().contiguous() for name, p in _learned(model)}
        facts = {"step": str(step), "score": repr(score), "fingerprint": self._fingerprint}
        part = self._weights.with_suffix(".part")
        save_file(tensors, part, metadata=facts)
        part.replace(self._weights)


def _learned(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]
