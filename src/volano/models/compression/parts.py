"""Parts: what pruning takes away, and how much of it is left.

A share of the layers' weights becomes zero, or whole parts go, and the network
is smaller for every engine: feed-forward neurons, attention heads, layers. How
many are left is known from the shapes alone, so that a search need not try what cannot be.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

from volano.core.errors import InvalidError

WEIGHTS, NEURONS, HEADS, LAYERS = PARTS = ("weights", "neurons", "heads", "layers")

MULTIPLE = 32
"""Widths that are left are multiples of this, as blocks of quantized rows want."""


WITH_HEADS = ("llama", "mistral", "qwen2", "qwen3")
"""Kinds of networks (`model_type`) of which heads can go: others norm or view all heads at once."""


class BadShareError(InvalidError):
    """{share} is no share of {parts} to take away: {reason}."""

    hint = "Half of them is 0.5; see what is left with `volano model show`."


class NotPrunableError(InvalidError):
    """The {parts} of this model cannot be taken away: {reason}."""

    hint = "Prune `weights`: that goes with any model."


_HOMES = {
    NEURONS: ("mlp", ("gate_proj", "up_proj", "down_proj")),
    HEADS: ("self_attn", ("q_proj", "k_proj", "v_proj", "o_proj")),
    LAYERS: ("", ()),
}
"""Where in a layer the matrices are that a part goes from, and their names."""


def why_not(config: Mapping[str, Any], tensors: Collection[str], parts: str) -> str:
    """Return why these parts cannot be taken from a model of this config.json; empty: they can.

    `tensors` are the names in its file. What is known here is not tried in vain.
    """
    if parts not in _HOMES:
        return ""
    kind = str(config.get("model_type") or "of no known kind")
    if parts == HEADS and kind not in WITH_HEADS:
        return f"it is {kind}, and heads go from {', '.join(WITH_HEADS)}"
    count = int(config.get("num_hidden_layers") or 0)
    within, names = _HOMES[parts]
    homes = [f"model.layers.{at}.{within}" for at in range(min(count, len(tensors)))]
    built = all(f"{home}.{name}.weight" in tensors for home in homes for name in names)
    if not homes or not built or not any(one.startswith("model.layers.") for one in tensors):
        return f"{kind} is not built as Llama is"
    return numbered(config, count) if parts == LAYERS else ""


def lists_of_layers(config: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return the lists of a config that speak of layers, by name."""
    return {k: v for k, v in config.items() if "layer" in k and isinstance(v, list) and v}


def numbered(config: Mapping[str, Any], count: int) -> str:
    """Return which list of a config numbers layers: without some of them the numbers are others."""
    wrong = [name for name, values in lists_of_layers(config).items() if len(values) != count]
    return f"`{wrong[0]}` in its config is no list of its {count} layers" if wrong else ""


def check(share: float, parts: str = WEIGHTS) -> float:
    """Return the share again if it can be taken away.

    Raises:
        BadShareError: it is not from 0 to below 1.
    """
    if not 0 <= share < 1:
        raise BadShareError(share=share, parts=parts, reason="it lies from 0 to below 1")
    return share


def neurons_left(width: int, share: float) -> int:
    """Return how many of a layer's feed-forward neurons are left; `width` or more: none can go."""
    return max(MULTIPLE, math.ceil(width * (1 - share) / MULTIPLE) * MULTIPLE)


def heads_left(config: Mapping[str, Any], share: float) -> int:
    """Return how many heads that are asked (queries) are left of each layer; all where none can go.

    Heads that share keys and values (Ainslie et al. 2023, arXiv:2305.13245) go together. What is
    left divides the width of the layers, as transformers' Llama wants, and is as wide as blocks want.
    """
    heads, groups, width = shape_of(config)
    together = heads // groups
    least = math.ceil(groups * (1 - share) - 1e-9)
    fitting = (
        n * together
        for n in range(max(1, least), groups)
        if config["hidden_size"] % (n * together) == 0 and n * together * width % MULTIPLE == 0
    )
    return next(fitting, heads)


def layers_left(layers: int, share: float) -> int:
    """Return how many layers are left, at least one; `layers`: none can go."""
    return max(1, math.ceil(layers * (1 - share) - 1e-9))


def shape_of(config: Mapping[str, Any]) -> tuple[int, int, int]:
    """Return a layer's heads, its groups of keys and values, and how many values a head has."""
    heads = int(config["num_attention_heads"])
    groups = int(config.get("num_key_value_heads") or heads)
    return heads, groups, int(config.get("head_dim") or config["hidden_size"] // heads)
