"""Foreign: model and tokenizer of a Hugging Face folder, read without running any code of theirs."""

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here may wait for a network

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from volano.core.errors import InvalidError
from volano.models.training.tokenizer import SPECIAL


class NotLoadableError(InvalidError):
    """The base in `{folder}` cannot be loaded: {reason}."""

    hint = "A base is a folder with config.json, a tokenizer and *.safetensors."


def tokenizer(folder: Path) -> Any:
    """Return a folder's tokenizer; one of our own has no more than `tokenizer.json`.

    Raises:
        NotLoadableError: it cannot be read.
    """
    try:
        if (folder / "tokenizer_config.json").is_file():
            words = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        else:
            words = _ours(folder)
    except (OSError, ValueError, KeyError) as error:
        raise NotLoadableError(folder=folder, reason=_short(error)) from error
    if words.eos_token_id is None:
        raise NotLoadableError(folder=folder, reason="its tokenizer has no end of sequence")
    if words.pad_token_id is None:
        words.pad_token = words.eos_token
    words.padding_side = "right"
    return words


def model(folder: Path, *, dtype: torch.dtype = torch.float32) -> Any:
    """Return a folder's network, from safetensors alone.

    Raises:
        NotLoadableError: it cannot be read, or wants code of its own.
    """
    try:
        return AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise NotLoadableError(folder=folder, reason=_short(error)) from error


def context_of(folder: Path) -> int:
    """Return how many tokens the network was made for."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return int(config.get("max_position_embeddings") or config.get("n_positions") or 2048)


def _ours(folder: Path) -> Any:
    pad, begin, end = SPECIAL
    file = str(folder / "tokenizer.json")
    words = PreTrainedTokenizerFast(
        tokenizer_file=file, bos_token=begin, eos_token=end, pad_token=pad
    )
    template = folder / "chat_template.jinja"
    if template.is_file():
        words.chat_template = template.read_text(encoding="utf-8")
    return words


def _short(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300]
