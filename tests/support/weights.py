"""A trained model in every engine's format: the built-in ticket router, taken apart and put together.

The package holds it as GGUF only. Its tensors are read back into what training
leaves (safetensors, config, tokenizer), from which converters can begin.
"""

import json
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file

from volano.models.builtin import FOLDER
from volano.models.training.tokenizer import BEGIN, END, PAD, SPECIAL, learn

NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def trained_folder(target: Path) -> Path:
    """Write model.safetensors, config.json and tokenizer.json of the built-in model."""
    target.mkdir(parents=True, exist_ok=True)
    reader = gguf.GGUFReader(FOLDER / "model.gguf")
    fact = {name: field.contents() for name, field in reader.fields.items()}
    heads = fact["llama.attention.head_count"]
    tensors = {}
    for tensor in reader.tensors:
        array = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        rows = array.astype(np.float32)
        if ".attn_q." in tensor.name or ".attn_k." in tensor.name:
            rows = _halves(rows, heads)
        tensors[_name(tensor.name)] = np.ascontiguousarray(rows)
    save_file(tensors, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text(json.dumps(_config(fact)))
    _tokenizer(fact, target / "tokenizer.json")
    return target


def ct2_folder(trained: Path, target: Path) -> Path:
    """Convert for CTranslate2."""
    from volano.models.export import ct2

    target.mkdir(parents=True)
    ct2.export(trained, target, precision="float32")
    return _with_words(trained, target)


def onnx_folder(trained: Path, target: Path) -> Path:
    """Convert for ONNX Runtime."""
    from volano.models.export import onnx

    target.mkdir(parents=True)
    onnx.export(trained, target, precision="float32")
    return _with_words(trained, target)


def _with_words(trained: Path, target: Path) -> Path:
    for name in ("config.json", "tokenizer.json"):
        if not (target / name).exists():
            (target / name).write_bytes((trained / name).read_bytes())
    return target


def _name(key: str) -> str:
    if not key.startswith("blk."):
        return {
            "token_embd.weight": "model.embed_tokens.weight",
            "output_norm.weight": "model.norm.weight",
        }[key]
    _, layer, part, _ = key.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.weight"


def _halves(rows: np.ndarray, heads: int) -> np.ndarray:
    pairs = rows.reshape(heads, rows.shape[0] // heads // 2, 2, rows.shape[1])
    return pairs.swapaxes(1, 2).reshape(rows.shape)


def _config(fact: dict) -> dict:
    heads = fact["llama.attention.head_count"]
    return {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama",
        "vocab_size": len(fact["tokenizer.ggml.tokens"]),
        "hidden_size": fact["llama.embedding_length"],
        "intermediate_size": fact["llama.feed_forward_length"],
        "num_hidden_layers": fact["llama.block_count"],
        "num_attention_heads": heads, "num_key_value_heads": heads,
        "max_position_embeddings": fact["llama.context_length"],
        "rms_norm_eps": fact["llama.attention.layer_norm_rms_epsilon"],
        "rope_parameters": {"rope_type": "default", "rope_theta": fact["llama.rope.freq_base"]},
        "tie_word_embeddings": True, "dtype": "float32",
        "bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": PAD,
    }  # fmt: skip


def _tokenizer(fact: dict, target: Path) -> None:
    """Write a tokenizer of the same splitting with the file's words and merges."""
    made = json.loads(learn(["word"], vocab=300).to_str())
    tokens, kinds = fact["tokenizer.ggml.tokens"], fact["tokenizer.ggml.token_type"]
    merges = [text.split(" ") for text in fact["tokenizer.ggml.merges"]]
    whole = gguf.TokenType.USER_DEFINED
    usual = {text: at for at, text in enumerate(tokens) if kinds[at] != whole}
    made["model"]["vocab"], made["model"]["merges"] = usual, merges
    added = [(at, text) for at, text in enumerate(tokens) if text in SPECIAL or kinds[at] == whole]
    made["added_tokens"] = [
        {"id": at, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": text in SPECIAL}
        for at, text in added
    ]  # fmt: skip
    target.write_text(json.dumps(made, ensure_ascii=False))
