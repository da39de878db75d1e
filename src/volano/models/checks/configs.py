"""Configurations: JSON of bounded size and depth that names no code and no monstrous sizes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from volano.models.checks.reading import AGAIN
from volano.models.errors import RefusedFileError

MOST_BYTES = 2 << 20
MOST_TOKENIZER_BYTES = 64 << 20
MOST_DEPTH = 40
MOST_MARKS = 4_000_000
"""Commas and opening brackets: each may become a value of some fifty bytes."""
LARGE = ("tokenizer.json", "vocab.json", "added_tokens.json", "model.safetensors.index.json")
"""These hold a whole vocabulary, or the names of all tensors."""

BOUNDS = {
    "hidden_size": 2**20, "n_embd": 2**20, "d_model": 2**20, "intermediate_size": 2**23,
    "num_hidden_layers": 4096, "n_layer": 4096, "num_layers": 4096, "num_attention_heads": 2**14,
    "n_head": 2**14, "num_key_value_heads": 2**14, "vocab_size": 2**24, "head_dim": 2**16,
    "max_position_embeddings": 2**28, "n_positions": 2**28, "num_local_experts": 2**14,
    "num_experts": 2**14, "r": 2**14,
}  # fmt: skip
"""What a loader would allocate by. No model known comes near."""

MOST_CLAIMED, MOST_TIMES = 2**27, 16
"""A configuration may speak of so many weights in any case, or of so many times those that are there:
layers may share weights, embeddings may be narrower than layers, and several may be packed in one."""

_CLAIMING = ("hidden_size", "vocab_size", "num_hidden_layers", "intermediate_size")
_COUNTED = ("num_attention_heads", "n_head", "num_key_value_heads")
_HEADS = (("num_attention_heads", "num_key_value_heads"), ("n_head", "n_head_kv"))
_ROPE = ("rope_theta", "rope_freq_base")
_CODE = ("auto_map", "custom_pipelines")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object whose names differ: of two equal ones, readers take different ones."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands in it twice")
    return found


def check_config(path: Path, name: str = "") -> dict[str, Any]:
    """Read a JSON file that comes with a model, and return the object.

    Raises:
        RefusedFileError: it is none, too large, too deep, or names code or monstrous sizes.
    """
    name = name or path.name
    most = MOST_TOKENIZER_BYTES if path.name in LARGE else MOST_BYTES
    raw = read_bounded(path, most, name)
    try:
        text = raw.decode()
        if sum(map(text.count, ",[{")) > MOST_MARKS:
            _no(name, f"it has more than {MOST_MARKS} parts")
        found = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        _no(name, f"it is not JSON: {str(error)[:120]}")
    if not isinstance(found, dict):
        _no(name, "it is not an object")
    if path.name not in LARGE:
        _check_names(found, name)
    return found


def read_bounded(path: Path, most: int, name: str = "") -> bytes:
    """Return all bytes of a small file.

    Raises:
        RefusedFileError: it has more than `most`, or cannot be read.
    """
    name = name or path.name
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        _no(name, error.strerror or str(error))
    if len(raw) > most:
        _no(name, f"it has more than {most} bytes")
    return raw


def _check_names(found: Any, name: str) -> None:
    for key, value in _pairs(found, name):
        if key in _CODE and value:
            _no(
                name, f"`{key}` asks to run code that comes with the model",
                "Import a model of an architecture that transformers has itself; no code is taken.",
            )  # fmt: skip
        if key == "trust_remote_code" and value:
            _no(name, "it asks for `trust_remote_code`", "No code that comes with a model is run.")
        if bound := BOUNDS.get(key):
            _check_size(key, value, bound, name)
        if key in _ROPE:
            for one in value if isinstance(value, list) else [value]:
                if one is not None and (reason := not_positive(one)):
                    _no(name, f"`{key}` is {reason}")
    for within in (found, *(value for _, value in _pairs(found, name) if isinstance(value, dict))):
        for heads, shared in _HEADS:
            if reason := not_shared(within.get(heads), within.get(shared)):
                _no(name, reason)


def not_positive(value: Any) -> str:
    """Return what a value is that should be a finite number above 0; empty: it is one."""
    shown = json.dumps(value, ensure_ascii=False)[:40]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{shown}, which is no number"
    return (
        "" if 0 < value < float("inf") else f"{shown}, and only a finite number above 0 makes sense"
    )


def not_shared(heads: Any, shared: Any) -> str:
    """Return why heads cannot share so many keys and values in equal groups; empty: they can.

    Where one of the two is not a single number it is left alone.
    """
    if type(heads) is not int or type(shared) is not int or not shared or heads % shared == 0:
        return ""
    return f"its {heads} heads cannot share {shared} heads of keys and values in equal groups"


def _check_size(key: str, value: Any, bound: int, name: str) -> None:
    """Refuse a size, or a list of one for each layer, that is no number or out of bounds."""
    for one in value if isinstance(value, list) else [value]:
        if one is None or isinstance(one, dict):
            continue
        if isinstance(one, bool) or not isinstance(one, int | float):
            _no(name, f"`{key}` is {json.dumps(one, ensure_ascii=False)[:40]}, which is no number")
        if not 0 <= one <= bound:
            _no(name, f"`{key}` is {str(one)[:40]}, outside of 0 to {bound}")
        if key in _COUNTED and one == 0:
            _no(name, f"`{key}` is 0: by it widths are divided")


def check_claim(config: Mapping[str, Any], weights: int, name: str = "config.json") -> None:
    """Compare the size that a configuration says with the number of weights that are there.

    A loader makes room for what the configuration says, whatever the files hold.

    Raises:
        RefusedFileError: it says many times more, and more than any machine has room to spare for.
    """
    said = max(
        map(_claimed, (config, *(v for _, v in _pairs(config, name) if isinstance(v, dict))))
    )
    if said > max(MOST_CLAIMED, MOST_TIMES * weights):
        reason = f"by its sizes it has over {said:,} weights, and the files hold {weights:,}"
        _no(name, reason, "Get the configuration that belongs to these weights.")


def _claimed(config: Mapping[str, Any]) -> int:
    """Return about how many weights a configuration speaks of, at least: embeddings and layers."""
    sizes = [config.get(name) for name in _CLAIMING]
    hidden, words, layers, inner = (
        int(one) if isinstance(one, int | float) else 0 for one in sizes
    )
    return hidden * (words + layers * max(inner, hidden))


def _pairs(value: Any, name: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > MOST_DEPTH:
        _no(name, f"it is nested deeper than {MOST_DEPTH}")
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key, item
            yield from _pairs(item, name, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _pairs(item, name, depth + 1)


def _no(name: str, reason: str, way: str = AGAIN) -> NoReturn:
    raise RefusedFileError(file=name, reason=reason, way=way)
