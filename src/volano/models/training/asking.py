"""Asking: what another's model answers to the dev rows while it learns."""

from collections.abc import Sequence
from typing import Any

import torch

from volano.models.training.job import Row
from volano.models.training.render import Example, answer_of


def exact_match(network: Any, words: Any, rows: Sequence[tuple[Row, Example]]) -> float:
    """Return the share of rows whose greedy answer is the wanted one, letter by letter."""
    right = 0
    for start in range(0, len(rows), 16):
        some = rows[start : start + 16]
        said = answers(network, words, [list(one.prompt) for _, one in some],
                        max(len(one.completion) for _, one in some) + 4)  # fmt: skip
        right += sum(
            text.strip() == answer_of(row) for text, (row, _) in zip(said, some, strict=True)
        )
    return right / len(rows)


@torch.inference_mode()
def answers(network: Any, words: Any, prompts: list[list[int]], tokens: int) -> list[str]:
    """Return the greedy answers, of at most so many tokens, to prompts of token ids."""
    longest = max(map(len, prompts))
    pad = words.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(p)) + p for p in prompts]).to(network.device)
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    out = network.generate(
        input_ids=ids, attention_mask=mask.to(network.device), max_new_tokens=tokens,
        do_sample=False, pad_token_id=pad, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    return [str(words.decode(row, skip_special_tokens=True)) for row in out[:, longest:].tolist()]


@torch.no_grad()
def loss_on(network: Any, examples: Sequence[Example]) -> float:
    """Return the mean cross entropy of the completions, in nats a token."""
    total, count = 0.0, 0
    for one in examples:
        row = one.to_row("completion")
        ids = torch.tensor([row["input_ids"]]).to(network.device)
        labels = torch.tensor([row["labels"]]).to(network.device)
        total += float(network(input_ids=ids, labels=labels).loss) * len(one.completion)
        count += len(one.completion)
    return total / max(count, 1)
