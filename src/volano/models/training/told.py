"""Told: what TRL's Trainer tells us while it trains, and what we do then."""

import math
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from volano.models.training import together
from volano.models.training.job import Job
from volano.models.training.loop import DivergedError
from volano.models.training.watch import Watch

WHOLE = "whole"
"""The file that a checkpoint's folder holds once all else in it is written."""


def newest(folder: Path, name: str) -> Path | None:
    """Return the newest checkpoint that is whole and of this training; None where none is."""
    found = [
        one.parent for one in folder.glob(f"checkpoint-*/{WHOLE}")
        if one.read_text(encoding="utf-8") == name
    ]  # fmt: skip
    return max(found, key=step_of, default=None)


def step_of(checkpoint: Path | None) -> int:
    """Return how many steps a checkpoint has behind it; 0 for none."""
    return int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0


class Told(TrainerCallback):
    """Tells how it goes, measures the dev rows, and marks checkpoints that are whole."""

    def __init__(self, job: Job) -> None:
        self.metrics: dict[str, float] = {}
        self._job = job
        self._model: Any = None
        self._name = ""
        self._watch: Watch | None = None
        self._began, self._first, self._said = time.perf_counter(), 0, 0
        self._losses: list[float] = []
        self._tokens = 0.0

    def begin(self, name: str, watch: Watch | None) -> None:
        """Say what is being trained."""
        self._name, self._watch = name, watch

    def on_train_begin(self, _args: Any, state: Any, _control: Any, **_: Any) -> None:
        self._began, self._first = time.perf_counter(), state.global_step

    def on_log(self, _args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Hear of each step's loss; tell it now and then.

        Raises:
            DivergedError: the loss left the numbers.
        """
        if "loss" not in (logs or {}):
            return
        if self._first and state.global_step == self._first + 1:
            self._tokens = float(logs.get("num_tokens", 0.0))  # what earlier processes took
        loss = float(logs["loss"])
        if not math.isfinite(loss):
            raise DivergedError(step=state.global_step, loss=loss)
        self._losses.append(loss)
        step, of = state.global_step, state.max_steps
        seen: dict[str, float] = {}
        if self._watch and self._watch.due(step, of):
            seen = self._watch.look(step, self._model)
        if together.agree(bool(seen and self._watch and self._watch.stop)):
            control.should_training_stop = control.should_save = True
        if seen or step == of or step - self._said >= max(1, min(25, of // 40)):
            self._tell(step, of, float(logs.get("learning_rate", 0.0)), logs, seen)

    def on_step_end(
        self, _args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        self._model = model
        if state.global_step >= state.max_steps:
            control.should_save = True

    def on_save(self, args: Any, state: Any, _control: Any, **_: Any) -> None:
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        together.agree()  # each has written its part
        if together.number() == 0:
            (folder / WHOLE).write_text(self._name, encoding="utf-8")

    def _tell(self, step: int, of: int, rate: float, logs: Any, seen: dict[str, float]) -> None:
        spent = max(time.perf_counter() - self._began, 1e-9)
        total = float(logs.get("num_tokens", 0.0))
        tokens = total - self._tokens
        loss = round(sum(self._losses) / len(self._losses), 5)
        pace = {"tokens_per_s": round(tokens / spent, 1)} if total else {}
        self.metrics = {"loss": loss, **pace}
        left = spent / max(step - self._first, 1) * (of - step)
        self._job.progress(step, of, **self.metrics, lr=rate, left_s=round(left, 1), **seen)
        self._losses, self._said = [], step
