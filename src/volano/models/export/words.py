"""Words: a byte-level BPE tokenizer as GGUF says it.

llama.cpp knows the patterns that split text by name (`tokenizer.ggml.pre`). A
wrong name splits some texts otherwise and nothing says so: only patterns that
are known to the letter are taken.
"""

import json
from pathlib import Path
from typing import Any

import gguf

from volano.models.export.errors import NotExportableError
from volano.models.export.vocabulary import Vocabulary

_QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {_QWEN2: "qwen2", _QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|"): "llama-bpe"}
"""Regular expressions that stand before ByteLevel, and llama.cpp's names for them."""


def write(writer: gguf.GGUFWriter, folder: Path, vocabulary: Vocabulary, size: int) -> None:
    """Write tokens, merges, special ids and chat template; `size` rows has the embedding.

    Raises:
        NotExportableError: it is no byte-level BPE, or splits in a way llama.cpp has no name for.
    """
    words = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    pre = splitting(words)
    if pre is None:
        reason = "its tokenizer is no byte-level BPE that llama.cpp has a name for"
        raise NotExportableError(folder=folder, reason=reason)
    added = {token["content"]: token for token in words["added_tokens"]}
    ids = {**words["model"]["vocab"], **{text: token["id"] for text, token in added.items()}}
    if max(ids.values()) >= size:
        reason = f"its tokenizer has more tokens than its embedding's {size} rows"
        raise NotExportableError(folder=folder, reason=reason)
    tokens = [f"<unused {n}>" for n in range(size)]
    kinds = [gguf.TokenType.UNUSED] * size
    for text, at in ids.items():
        tokens[at], kinds[at] = text, _kind(added.get(text))
    merges = words["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    if vocabulary.begin is not None:
        writer.add_bos_token_id(vocabulary.begin)
    writer.add_eos_token_id(vocabulary.ends[0])
    writer.add_pad_token_id(vocabulary.pad)
    writer.add_add_bos_token(vocabulary.adds_begin)
    writer.add_add_eos_token(False)
    writer.add_chat_template(vocabulary.template)


def splitting(words: dict[str, Any]) -> str | None:
    """Return llama.cpp's name for how this `tokenizer.json` splits text, if it has one."""
    model, pre = words.get("model") or {}, words.get("pre_tokenizer") or {}
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        return None
    steps = pre.get("pretokenizers", [pre])
    if steps[-1].get("type") != "ByteLevel" or steps[-1].get("add_prefix_space"):
        return None
    shape = [step.get("type") for step in steps]
    if shape == ["ByteLevel"]:
        return "gpt-2" if steps[0].get("use_regex", True) else None
    if shape == ["Digits", "ByteLevel"]:
        single = steps[0].get("individual_digits") and steps[1].get("use_regex", True)
        return "smollm" if single else None
    if shape == ["Split", "ByteLevel"] and not steps[1].get("use_regex", True):
        return PATTERNS.get((steps[0].get("pattern") or {}).get("Regex", ""))
    return None


def _kind(added: dict[str, Any] | None) -> gguf.TokenType:
    if added is None:
        return gguf.TokenType.NORMAL
    return gguf.TokenType.CONTROL if added.get("special") else gguf.TokenType.USER_DEFINED
