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
        bound = BOUNDS.get(key)
        if bound and isinstance(value, int | float) and not 0 <= value <= bound:
            _no(name, f"`{key}` is {str(value)[:40]}, outside of 0 to {bound}")


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
