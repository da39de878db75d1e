"""The network: transformers' Llama, its files, and its greedy answers."""

import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # nothing here may wait for a network

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from volano.models.training.recipe import Recipe
from volano.models.training.tokenizer import BEGIN, END, PAD

WEIGHTS, CONFIG, TOKENIZER, RECIPE = (
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "recipe.json",
)

TUNED_PARTS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


Network = Any
"""A `LlamaForCausalLM`, bare or with LoRA around it: their types promise too little."""


def build(recipe: Recipe, vocab: int) -> Network:
    """Return an untrained network; the recipe's seed decides its weights."""
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=vocab,
        hidden_size=recipe.hidden,
        intermediate_size=recipe.ffn,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        max_position_embeddings=recipe.context,
        initializer_range=recipe.init,
        tie_word_embeddings=True,
        pad_token_id=PAD,
        bos_token_id=BEGIN,
        eos_token_id=END,
    )
    return LlamaForCausalLM(config)


def parameters_of(recipe: Recipe, vocab: int) -> int:
    """Return how many parameters `build` would make, by arithmetic: nothing is made.

    The output layer is the embedding; a layer has four square matrices, three of the
    feed-forward part, and two norms; one norm comes last.
    """
    hidden = recipe.hidden
    layer = 4 * hidden**2 + 3 * hidden * recipe.ffn + 2 * hidden
    return vocab * hidden + recipe.layers * layer + hidden


def with_lora(model: Network, recipe: Recipe) -> Network:
    """Return the network with low-rank additions, which alone will learn."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(recipe.seed)
    tuning = recipe.tuning
    config = LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.alpha,
        target_modules=TUNED_PARTS,
        task_type="CAUSAL_LM",
    )
    with warnings.catch_warnings():
        # peft 0.21 still asks transformers 5.23 by a name that 6 will drop
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        return get_peft_model(model, config)


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors to keep: the output layer is the embedding, so it is left out."""
    return {
        name: tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"
    }


def save(folder: Path, model: Network, tokenizer: Tokenizer, files: Mapping[str, object]) -> None:
    """Write weights (safetensors), config, tokenizer, and further JSON files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights(model), folder / WEIGHTS, metadata={"format": "pt"})
    config = {**model.config.to_diff_dict(), "architectures": ["LlamaForCausalLM"]}
    for name, value in {CONFIG: config, **files}.items():
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    tokenizer.save(str(folder / TOKENIZER))


def save_adapter(folder: Path, model: Network, files: Mapping[str, object]) -> None:
    """Write only what LoRA added (PEFT's two files), and further JSON files by name."""
    from peft import get_peft_model_state_dict

    folder.mkdir(parents=True, exist_ok=True)
    added = {
        name: tensor.detach().contiguous()
        for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }
    save_file(added, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    config = model.peft_config["default"].to_dict()
    config["target_modules"] = sorted(config["target_modules"])
    for name, value in {"adapter_config.json": config, **files}.items():
        text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> Network:
    """Read a network back from `save`'s files."""
    config = LlamaConfig.from_dict(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    model = LlamaForCausalLM(config)
    model.load_state_dict(load_file(folder / WEIGHTS), strict=False)
    model.tie_weights()
    return model


def answers(
    model: Network,
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    *,
    max_tokens: int,
    together: int = 100,
) -> list[str]:
    """Return the greedy continuation of each prompt, `together` prompts at a time."""
    model.eval()
    said: list[str] = []
    for start in range(0, len(prompts), together):
        ids = [[BEGIN, *tokenizer.encode(p).ids] for p in prompts[start : start + together]]
        said += _continue(model, tokenizer, ids, max_tokens)
    return said


@torch.inference_mode()
def _continue(
    model: Network, tokenizer: Tokenizer, prompts: list[list[int]], max_tokens: int
) -> list[str]:
    longest = max(map(len, prompts))
    ids = torch.tensor([[PAD] * (longest - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    out = model.generate(
        input_ids=ids,
        attention_mask=mask,
        max_new_tokens=max_tokens,
        do_sample=False,
        pad_token_id=PAD,
    )
    return [_text(row.tolist(), tokenizer) for row in out[:, longest:]]


def _text(ids: list[int], tokenizer: Tokenizer) -> str:
    end = ids.index(END) if END in ids else len(ids)
    return str(tokenizer.decode(ids[:end], skip_special_tokens=False))
