"""Dialects: what GGUF calls the architectures that are converted, and their facts.

In llama.cpp a `llama` rotates neighbouring values of a head (RoPE, Su et al. 2021), where
Hugging Face rotates halves: its query and key rows are reordered. The Qwen
architectures rotate halves in both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gguf
import numpy as np


@dataclass(frozen=True, slots=True)
class Dialect:
    """An architecture's name in GGUF, and whether its heads are reordered."""

    name: str
    arch: gguf.MODEL_ARCH
    reorders: bool


DIALECTS = {
    "llama": Dialect("llama", gguf.MODEL_ARCH.LLAMA, reorders=True),
    "mistral": Dialect("llama", gguf.MODEL_ARCH.LLAMA, reorders=True),
    "qwen2": Dialect("qwen2", gguf.MODEL_ARCH.QWEN2, reorders=False),
    "qwen3": Dialect("qwen3", gguf.MODEL_ARCH.QWEN3, reorders=False),
}
"""By `model_type` in config.json."""


def head_width(config: Mapping[str, Any]) -> int:
    """Return how many values a head has."""
    said = config.get("head_dim")
    return int(said or config["hidden_size"] // config["num_attention_heads"])


def rope_base(config: Mapping[str, Any]) -> float:
    """Return the base of the rotations: transformers 5 keeps it in `rope_parameters`."""
    rope = config.get("rope_parameters") or {}
    return float(rope.get("rope_theta") or config.get("rope_theta") or 10_000.0)


def cannot_say(config: Mapping[str, Any]) -> str:
    """Return why a configuration has no faithful file here; empty when it has one."""
    rope = config.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default":
        return f"its rotations are scaled ({rope['rope_type']})"
    if config.get("hidden_act", "silu") != "silu":
        return f"its activation is {config['hidden_act']}"
    if config.get("sliding_window") and config.get("use_sliding_window", True):
        return "its attention slides over a window"
    for name in ("rope_scaling", "attention_bias", "mlp_bias"):
        if config.get(name):
            return f"its `{name}` is {config[name]}"
    return ""


def state(
    writer: gguf.GGUFWriter, config: Mapping[str, Any], file_type: gguf.LlamaFileType
) -> None:
    """Write the facts that an engine needs before it reads a tensor."""
    heads, width = config["num_attention_heads"], head_width(config)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(rope_base(config))
    writer.add_rope_dimension_count(width)
    if width * heads != config["hidden_size"]:
        writer.add_key_length(width)
        writer.add_value_length(width)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(file_type)


def reordered_heads(name: str, config: Mapping[str, Any]) -> int:
    """Return the number of heads in a query or key tensor's rows; 0 for every other tensor."""
    part = name.split(".")[-2] if "." in name else ""
    heads = int(config["num_attention_heads"])
    count = {"q_proj": heads, "k_proj": int(config.get("num_key_value_heads") or heads)}
    return count.get(part, 0)


def reorder(rows: np.ndarray, heads: int) -> np.ndarray:
    """From halves to neighbours: `(heads, 2, d/2, …)` -> `(heads, d/2, 2, …)`."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def restore(rows: np.ndarray, heads: int) -> np.ndarray:
    """From neighbours back to halves: undoes `reorder`."""
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, *rows.shape[1:])
    return pairs.swapaxes(1, 2).reshape(rows.shape)
