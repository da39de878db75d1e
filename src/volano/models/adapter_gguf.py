"""PEFT's LoRA files as a GGUF adapter, the form that llama.cpp adds to a loaded base.

Each tuned matrix W of the base becomes W + (alpha / r) B A (Hu et al. 2021,
arXiv:2106.09685); the file holds A as `<name>.lora_a`, shape (r, in), and B as
`<name>.lora_b`, shape (out, r). Rows of B belong to rows of W, so those of the
query and key projections are reordered as the base's were (see `export`).
What would be left out silently is refused instead: other kinds of adapters,
biases, whole modules that were tuned beside.
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from volano.core.errors import InvalidError
from volano.models.adapter import CONFIG, WEIGHTS
from volano.models.export.dialects import DIALECTS, reorder, reordered_heads

_HALVES = {".lora_A.weight": "lora_a", ".lora_B.weight": "lora_b"}
_PREFIX = "base_model.model."
_PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
}
"""What an adapter may say of itself to be written as it is meant."""


class BadAdapterError(InvalidError):
    """The adapter in `{folder}` cannot become GGUF: {reason}."""

    hint = (
        "A plain LoRA adapter (PEFT) of a Llama, Mistral or Qwen model can be served beside its base; "
        "`volano model convert` merges others into their base."
    )


def write(folder: Path, base: Path, target: Path) -> Path:
    """Write the adapter in `folder` (PEFT's two files) to `target`, for the base in `base`.

    Args:
        folder: holds `adapter_config.json` and `adapter_model.safetensors`.
        base: the folder of the model that it was tuned on; its config is read.
        target: the GGUF file; replaced atomically.

    Raises:
        BadAdapterError: not a plain LoRA adapter, or not one of this base.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        shape = json.loads((base / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise BadAdapterError(folder=folder, reason=str(error)) from error
    _check(config, shape, folder)
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, DIALECTS[shape["model_type"]].name)
    try:
        writer.add_type(gguf.GGUFType.ADAPTER)
        writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
        writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, _alpha(config))
        for key, array in _tensors(tensors, shape, config["r"], folder):
            writer.add_tensor(key, np.ascontiguousarray(array, dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
    return part.replace(target)


def _check(config: dict[str, Any], shape: dict[str, Any], folder: Path) -> None:
    if shape.get("model_type") not in DIALECTS:
        raise BadAdapterError(folder=folder, reason=f"its base is not one of {', '.join(DIALECTS)}")
    for name, known in _PLAIN.items():
        if config.get(name) not in known:
            raise BadAdapterError(folder=folder, reason=f"its `{name}` is {config.get(name)!r}")
    rank = config.get("r")
    if not isinstance(rank, int) or rank < 1:
        raise BadAdapterError(folder=folder, reason=f"its rank is {rank!r}")


def _alpha(config: dict[str, Any]) -> float:
    """llama.cpp scales by alpha / r; rank-stabilised LoRA by alpha / sqrt(r) (arXiv:2312.03732)."""
    alpha = float(config["lora_alpha"])
    return alpha * math.sqrt(config["r"]) if config.get("use_rslora") else alpha


def _tensors(
    tensors: dict[str, np.ndarray], shape: dict[str, Any], rank: int, folder: Path
) -> Iterator[tuple[str, np.ndarray]]:
    dialect = DIALECTS[shape["model_type"]]
    names = gguf.get_tensor_name_map(dialect.arch, shape["num_hidden_layers"])
    if not tensors:
        raise BadAdapterError(folder=folder, reason="it changes nothing")
    for name, array in sorted(tensors.items()):
        end = next((end for end in _HALVES if name.endswith(end)), "")
        plain = name.removeprefix(_PREFIX).removesuffix(end)
        key = names.get_name(plain + ".weight", try_suffixes=(".weight",)) if end else None
        if key is None or array.ndim != 2:
            raise BadAdapterError(folder=folder, reason=f"unknown tensor `{name}`")
        half = _HALVES[end]
        if array.shape[half == "lora_b"] != rank:
            raise BadAdapterError(folder=folder, reason=f"`{name}` is not of rank {rank}")
        reorders = dialect.reorders and half == "lora_b"
        heads = reordered_heads(plain + ".weight", shape) if reorders else 0
        yield f"{key}.{half}", reorder(array, heads) if heads else array
