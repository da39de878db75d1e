"""Rounds: what a federation has behind it, in one safetensors file, replaced atomically.

The averaged weights after the last whole round, and what was measured after each.
Sites keep nothing from one round to the next, so that this is all that the next one needs.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from volano.models.training.checkpoint import CheckpointLostError, to_disk

FILE = "state.safetensors"


@dataclass(frozen=True, slots=True)
class Rounds:
    """Where a federation keeps its state, and what it is a federation of."""

    path: Path
    fingerprint: str

    def save(
        self, weights: Mapping[str, torch.Tensor], measured: Sequence[Mapping[str, Any]]
    ) -> None:
        """Keep the weights after the last of the measured rounds.

        Raises:
            CheckpointLostError: they could not be written; a full disk, usually.
        """
        part = self.path.with_suffix(".part")
        facts = {"fingerprint": self.fingerprint, "rounds": json.dumps(list(measured))}
        try:
            save_file({k: v.contiguous() for k, v in weights.items()}, part, metadata=facts)
            to_disk(part)
            part.replace(self.path)
            to_disk(self.path.parent)
        except (OSError, SafetensorError) as error:
            raise CheckpointLostError(path=self.path, reason=error) from error

    def load(self) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
        """Return the averaged weights, and what was measured after the start and each round since.

        Nothing kept, or nothing usable (other rows, another recipe, damaged bytes): both are empty.
        """
        try:
            with safe_open(self.path, "pt") as kept:
                facts = kept.metadata() or {}
                if facts.get("fingerprint") != self.fingerprint:
                    return {}, []
                weights = {name: kept.get_tensor(name).clone() for name in kept.keys()}  # noqa: SIM118
            return weights, json.loads(facts["rounds"])
        except (FileNotFoundError, SafetensorError):
            return {}, []
