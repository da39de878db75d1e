"""The parent in torch: its weights, its greedy answers, its distribution of next tokens."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from volano.models.export.network import Network, empty, load
from volano.models.export.vocabulary import Vocabulary

__all__ = ["Network", "answers", "beside", "empty", "load", "next_tokens", "save"]

TOGETHER = 50

BESIDE = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja",
    "generation_config.json", "recipe.json", "plan.json",
)  # fmt: skip
"""Files that go with the weights wherever they go."""


def save(model: Network, source: Path, target: Path) -> Path:
    """Write weights and config, and what stands beside them in `source`."""
    target.mkdir(parents=True, exist_ok=True)
    tied = model.config.tie_word_embeddings
    tensors: Mapping[str, torch.Tensor] = {
        name: tensor.detach().contiguous()
        for name, tensor in model.state_dict().items()
        if not (tied and name == "lm_head.weight")
    }
    save_file(dict(tensors), target / "model.safetensors", metadata={"format": "pt"})
    model.config.save_pretrained(target)
    beside(source, target)
    return target


def merged(base: Path, adapter: Path, target: Path) -> Path:
    """Write a whole model: the base with what the adapter adds to it (PEFT, safetensors only)."""
    from peft import PeftModel

    whole = PeftModel.from_pretrained(load(base), str(adapter)).merge_and_unload()
    save(whole, base, target)
    for name in ("recipe.json", "plan.json", "card.json"):  # how it is asked now
        if (adapter / name).is_file():
            shutil.copyfile(adapter / name, target / name)
    return target


def beside(source: Path, target: Path) -> None:
    """Copy the tokenizer and the other small files that go with the weights."""
    for name in BESIDE:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)


@torch.inference_mode()
def answers(
    model: Network, vocabulary: Vocabulary, prompts: Sequence[str], *, max_tokens: int
) -> list[str]:
    """Return the greedy answer to each prompt, `TOGETHER` at a time."""
    ids = [vocabulary.ids(prompt) for prompt in prompts]
    said: list[str] = []
    for start in range(0, len(ids), TOGETHER):
        said += _continue(model, vocabulary, ids[start : start + TOGETHER], max_tokens)
    return said


def _continue(
    model: Network, vocabulary: Vocabulary, prompts: list[list[int]], max_tokens: int
) -> list[str]:
    longest = max(map(len, prompts))
    pads = [longest - len(prompt) for prompt in prompts]
    rows = [[vocabulary.pad] * pad + prompt for pad, prompt in zip(pads, prompts, strict=True)]
    mask = [[0] * pad + [1] * (longest - pad) for pad in pads]
    out = model.generate(
        input_ids=torch.tensor(rows),
        attention_mask=torch.tensor(mask),
        max_new_tokens=max_tokens,
        do_sample=False,
        pad_token_id=vocabulary.pad,
        eos_token_id=list(vocabulary.ends),
    )
    return [vocabulary.text(row.tolist()) for row in out[:, longest:]]


@torch.inference_mode()
def next_tokens(model: Network, ids: Sequence[int], first: int) -> torch.Tensor:
    """Return log probabilities `(positions, vocabulary)` of the tokens from `first` on."""
    logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, first - 1 : -1]
    return torch.log_softmax(logits.float(), -1)
