"""GGUF: a model's folder as the file that llama.cpp serves.

Layout: ggml's GGUF specification; tensor names come from the `gguf` package.
Matrices are packed as the ladder's type; norms and biases stay in 32 bits.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from volano.models.export import dialects, words
from volano.models.export.errors import NotExportableError
from volano.models.export.ladder import FLOATS, LADDER, file_type, pack
from volano.models.export.vocabulary import Vocabulary
from volano.models.export.weights import tensors
from volano.models.wording import AS_IS

CHAT_TEMPLATE = AS_IS

HEAD, EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def export(folder: Path, target: Path, *, precision: str = "F32", name: str = "") -> Path:
    """Write the model in `folder` (safetensors, config, tokenizer) to `target`.

    Args:
        folder: what training here wrote, or an imported Hugging Face folder.
        target: the GGUF file; replaced atomically.
        precision: `F32` keeps each bit; the others are in `ladder`.
        name: `general.name` in the file.

    Raises:
        NotExportableError: another architecture, or missing or strange files.
        RowsDoNotFitError: a matrix has rows that this type cannot pack.
    """
    if precision not in (*FLOATS, *LADDER):
        reason = f"there is no type {precision}; types are {', '.join((*FLOATS, *LADDER))}"
        raise NotExportableError(folder=folder, reason=reason)
    config, dialect = _config(folder)
    vocabulary = Vocabulary.of(folder)
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, dialect.name)
    try:
        writer.add_name(name or folder.name)
        dialects.state(writer, config, file_type(precision))
        words.write(writer, folder, vocabulary, config["vocab_size"])
        for key, array in _tensors(folder, config, dialect):
            _add(writer, key, array, precision)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    except BaseException:
        writer.close()
        part.unlink(missing_ok=True)
        raise
    writer.close()
    return part.replace(target)


def types(path: Path) -> dict[str, int]:
    """Return how many tensors of each type a GGUF file holds: `{"Q4_K": 14, "F32": 5}`."""
    counts = Counter(tensor.tensor_type.name for tensor in gguf.GGUFReader(path).tensors)
    return dict(counts.most_common())


def _config(folder: Path) -> tuple[dict[str, Any], dialects.Dialect]:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotExportableError(folder=folder, reason=f"config.json: {error}") from error
    dialect = dialects.DIALECTS.get(config.get("model_type", ""))
    if dialect is None:
        kind = config.get("model_type", "of no type")
        known = ", ".join(dialects.DIALECTS)
        raise NotExportableError(folder=folder, reason=f"it is {kind}, not one of {known}")
    if reason := dialects.cannot_say(config):
        raise NotExportableError(folder=folder, reason=reason)
    return config, dialect


def _tensors(
    folder: Path, config: Mapping[str, Any], dialect: dialects.Dialect
) -> Iterator[tuple[str, np.ndarray]]:
    names = gguf.get_tensor_name_map(dialect.arch, config["num_hidden_layers"])
    seen = set()
    for name, array in tensors(folder):
        seen.add(name)
        if name.endswith("rotary_emb.inv_freq") or (
            name == HEAD and config.get("tie_word_embeddings")
        ):
            continue
        key = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if key is None:
            raise NotExportableError(folder=folder, reason=f"unknown tensor `{name}`")
        heads = dialects.reordered_heads(name, config) if dialect.reorders else 0
        yield key, dialects.reorder(array, heads) if heads else array
    if EMBEDDING not in seen:
        raise NotExportableError(folder=folder, reason=f"there is no `{EMBEDDING}`")


def _add(writer: gguf.GGUFWriter, key: str, array: np.ndarray, precision: str) -> None:
    kind = precision if array.ndim == 2 else "F32"
    packed = pack(array, kind, tensor=key)
    writer.add_tensor(key, packed, raw_dtype=gguf.GGMLQuantizationType[kind])


def unpacked(path: Path, folder: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Return the named tensors of a file as floats in Hugging Face's order, where it has them."""
    config, dialect = _config(folder)
    known = gguf.get_tensor_name_map(dialect.arch, config["num_hidden_layers"])
    kept = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    found = {}
    for name in names:
        tensor = kept.get(known.get_name(name, try_suffixes=(".weight", ".bias")) or "")
        if tensor is None:
            continue
        rows = np.asarray(gguf.quants.dequantize(tensor.data, tensor.tensor_type), np.float32)
        heads = dialects.reordered_heads(name, config) if dialect.reorders else 0
        found[name] = np.array(dialects.restore(rows, heads) if heads else rows)
    return found
