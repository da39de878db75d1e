"""Weights: the tensors of a folder's safetensors files, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

from volano.models.export.errors import NotExportableError


def tensors(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and values of all `*.safetensors`, sorted by name, in 32 bits (bf16 widened).

    Raises:
        NotExportableError: there are none, or one is damaged.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise NotExportableError(folder=folder, reason="it has no safetensors file")
    for path in files:
        try:
            # through torch, because numpy has no bf16
            with safe_open(path, "pt") as kept:
                for name in sorted(kept.keys()):
                    yield name, kept.get_tensor(name).float().numpy()
        except (OSError, SafetensorError) as error:
            raise NotExportableError(folder=folder, reason=f"{path.name}: {error}") from error
