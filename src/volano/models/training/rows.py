"""Rows as token ids: the prompt is given, the answer is learned."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer

from volano.models.training.recipe import TEXT, Recipe, label_text
from volano.models.training.tokenizer import BEGIN, END, PAD

IGNORED = -100
"""A position that the loss leaves out (PyTorch's `ignore_index`)."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One row: prompt ids (of which `[first:last]` are its text's own), answer ids."""

    prompt: list[int]
    answer: list[int]
    first: int
    last: int
    cut: bool = False


def answer_text(label: Any) -> str:
    """What follows the prompt: a space parts the two, as in ordinary text."""
    return " " + label_text(label)


def encode(
    rows: Iterable[Mapping[str, Any]], tokenizer: Tokenizer, recipe: Recipe
) -> list[Encoded]:
    """Return the rows' ids; texts that are too long lose their end."""
    before, _, after = recipe.prompt.partition(TEXT)
    first = 1 + len(tokenizer.encode(before).ids)
    tail = len(tokenizer.encode(after).ids)
    encoded = []
    for row in rows:
        prompt = [BEGIN, *tokenizer.encode(recipe.render(row["text"])).ids]
        answer = [*_answer_ids(row["label"], tokenizer, recipe), END]
        over = len(prompt) + len(answer) - recipe.max_row_tokens
        last = max(first, len(prompt) - tail)
        if over > 0:
            keep = max(first, last - over)
            prompt, last = prompt[:keep] + prompt[last:], keep
        encoded.append(Encoded(prompt, answer, first, last, cut=over > 0))
    return encoded


def batch(rows: Sequence[Encoded], recipe: Recipe, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and targets (both `(batch, longest)`) of this step, and of no other.

    Padding stands at the right: in a causal model nothing looks at it.
    """
    random = Random(f"{recipe.seed}:{step}")
    chosen = random.sample(rows, min(recipe.batch, len(rows)))
    return padded([(_thin(row, recipe.drop, random), row.answer) for row in chosen])


def padded(pairs: Sequence[tuple[list[int], list[int]]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and targets (both `(rows, longest)`) of prompts with their answers."""
    longest = max(len(prompt) + len(answer) for prompt, answer in pairs)
    ids = torch.full((len(pairs), longest), PAD)
    targets = torch.full((len(pairs), longest), IGNORED)
    for at, (prompt, answer) in enumerate(pairs):
        end = len(prompt) + len(answer)
        ids[at, :end] = torch.tensor(prompt + answer)
        targets[at, len(prompt) : end] = torch.tensor(answer)
    return ids, targets


def _answer_ids(label: Any, tokenizer: Tokenizer, recipe: Recipe) -> list[int]:
    whole = tokenizer.token_to_id(answer_text(label)) if recipe.whole_labels else None
    return tokenizer.encode(answer_text(label)).ids if whole is None else [whole]


def _thin(row: Encoded, drop: float, random: Random) -> list[int]:
    if not drop:
        return row.prompt
    own = [token for token in row.prompt[row.first : row.last] if random.random() >= drop]
    return row.prompt[: row.first] + own + row.prompt[row.last :]
