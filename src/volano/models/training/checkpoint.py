"""Checkpoints: weights and optimizer state in one safetensors file, replaced atomically.

One file, because two could disagree after a crash. Its header carries the
step and the fingerprint of what is being trained, so that a checkpoint of
another recipe or other rows is never taken up.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from volano.core.errors import UnavailableError

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


class CheckpointLostError(UnavailableError):
    """The state of training could not be written to `{path}`: {reason}."""

    hint = "Free some space and retry the run: it goes on from the state before."


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Where a run keeps its state, and what it is a run of."""

    path: Path
    fingerprint: str

    def save(
        self,
        step: int,
        metrics: Mapping[str, float],
        model: torch.nn.Module,
        optimizer: torch.optim.AdamW,
    ) -> None:
        """Keep the state after `step` steps; the earlier one stays until this one is safe.

        Raises:
            CheckpointLostError: it could not be written; a full disk, usually.
        """
        tensors = {}
        for name, parameter in _learned(model):
            tensors[f"weight/{name}"] = parameter.detach().contiguous()
            for moment in MOMENTS:
                tensors[f"{moment}/{name}"] = optimizer.state[parameter][moment]
        part = self.path.with_suffix(".part")
        facts = {"step": str(step), "fingerprint": self.fingerprint, "metrics": json.dumps(metrics)}
        try:
            save_file(tensors, part, metadata=facts)
            to_disk(part)
            part.replace(self.path)
            to_disk(self.path.parent)
        except (OSError, SafetensorError) as error:
            raise CheckpointLostError(path=self.path, reason=error) from error

    def load(
        self, model: torch.nn.Module, optimizer: torch.optim.AdamW
    ) -> tuple[int, dict[str, float]]:
        """Bring the state back; return the steps already done, and the metrics then.

        Nothing kept, or nothing usable (other rows, another recipe, damaged
        bytes): no step is done, and the model stays as it was.
        """
        try:
            with safe_open(self.path, "pt") as kept:
                facts = kept.metadata() or {}
                if facts.get("fingerprint") != self.fingerprint:
                    return 0, {}
                tensors = {name: kept.get_tensor(name).clone() for name in kept.keys()}  # noqa: SIM118
        except (FileNotFoundError, SafetensorError):
            return 0, {}
        with torch.no_grad():
            for name, parameter in _learned(model):
                parameter.copy_(tensors[f"weight/{name}"])
                optimizer.state[parameter] = {m: tensors[f"{m}/{name}"] for m in MOMENTS}
        return int(facts["step"]), json.loads(facts["metrics"])


def _learned(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, p) for name, p in model.named_parameters() if p.requires_grad]


def to_disk(path: Path) -> None:
    """Have the system write a file, or a folder's names, to disk now."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
