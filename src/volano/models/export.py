"""Export: trained weights as GGUF, the format that llama.cpp serves.

Layout: ggml's GGUF specification; tensor names come from the `gguf` package.
Rows of the query and key projections are reordered, because Hugging Face
rotates halves and llama.cpp rotates neighbours (RoPE, Su et al. 2021). No
torch is needed here.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from volano.core.errors import InvalidError
from volano.models.training.tokenizer import BEGIN, END, PAD, SPECIAL, SPLITTING

Precision = Literal["F32", "Q8_0"]

CHAT_TEMPLATE = "{{ messages[-1]['content'] }}"
"""The last message's content as is: what was trained is what is asked."""

FILE_TYPES = {"F32": gguf.LlamaFileType.ALL_F32, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}


class NotExportableError(InvalidError):
    """`{folder}` cannot become GGUF: {reason}."""

    hint = "Only Llama models trained by volano are exported; import others as GGUF files."


def export(folder: Path, target: Path, *, precision: Precision = "F32", name: str = "") -> Path:
    """Write the model in `folder` (safetensors, config, tokenizer) to `target`.

    Args:
        folder: what `training.network.save` wrote.
        target: the GGUF file; replaced atomically.
        precision: F32 keeps each bit; Q8_0 is 3.4 times smaller.
        name: `general.name` in the file.

    Raises:
        NotExportableError: another architecture, or missing or strange tensors.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        words = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / "model.safetensors")
    except (OSError, ValueError, SafetensorError) as error:
        raise NotExportableError(folder=folder, reason=str(error)) from error
    if config.get("model_type") != "llama":
        raise NotExportableError(folder=folder, reason="it is not a Llama model")
    part = target.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "llama")
    try:
        _facts(writer, config, precision, name or folder.name)
        _words(writer, words, config["vocab_size"])
        for key, array in _tensors(tensors, config, folder):
            _add(writer, key, array, precision)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()
    return part.replace(target)


def _facts(writer: gguf.GGUFWriter, config: dict[str, Any], precision: str, name: str) -> None:
    heads = config["num_attention_heads"]
    writer.add_name(name)
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_rope_dimension_count(config["hidden_size"] // heads)
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(FILE_TYPES[precision])


def _words(writer: gguf.GGUFWriter, words: dict[str, Any], size: int) -> None:
    whole = {token["content"]: token["id"] for token in words["added_tokens"]}
    ids = {**words["model"]["vocab"], **whole}
    tokens = [f"<unused {n}>" for n in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for text, at in ids.items():
        tokens[at] = text
        kinds[at] = gguf.TokenType.USER_DEFINED if text in whole else gguf.TokenType.NORMAL
    for at in range(len(SPECIAL)):
        kinds[at] = gguf.TokenType.CONTROL
    merges = words["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(SPLITTING)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)


def _tensors(
    tensors: dict[str, np.ndarray], config: dict[str, Any], folder: Path
) -> Iterator[tuple[str, np.ndarray]]:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    heads = {"q_proj": config["num_attention_heads"], "k_proj": config["num_key_value_heads"]}
    for name, array in tensors.items():
        key = names.get_name(name, try_suffixes=(".weight",))
        if key is None:
            raise NotExportableError(folder=folder, reason=f"unknown tensor `{name}`")
        parts = name.split(".")
        count = heads.get(parts[-2]) if len(parts) > 1 else None
        yield key, _reorder(array, count) if count else array


def _reorder(rows: np.ndarray, heads: int) -> np.ndarray:
    """From halves to neighbours: `(heads, 2, d/2, …)` -> `(heads, d/2, 2, …)`."""
    halves = rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:])
    return halves.swapaxes(1, 2).reshape(rows.shape)


def _add(writer: gguf.GGUFWriter, key: str, array: np.ndarray, precision: str) -> None:
    kind = gguf.GGMLQuantizationType[precision]
    block, _ = gguf.GGML_QUANT_SIZES[kind]
    if array.ndim != 2 or array.shape[-1] % block:
        kind = gguf.GGMLQuantizationType.F32
    packed = gguf.quants.quantize(np.ascontiguousarray(array, dtype=np.float32), kind)
    writer.add_tensor(key, packed, raw_dtype=kind)
