"""Marks: how many rows a small network answers exactly as its label says."""

import hashlib
import json
from collections.abc import Sequence

from tokenizers import Tokenizer

from volano.models.training import network
from volano.models.training.job import Job, Row
from volano.models.training.recipe import Recipe
from volano.models.training.rows import answer_text

SPARE_TOKENS = 8
ASIDE = 0.1
"""The share of rows that is set aside where a method must look and there is no dev split."""


def said(model: network.Network, words: Tokenizer, recipe: Recipe, texts: Sequence[str],
         *, max_tokens: int) -> list[str]:  # fmt: skip
    """Return the network's greedy answers to the texts; training may go on afterwards."""
    was_training = model.training
    prompts = [recipe.render(text) for text in texts]
    answers = network.answers(model, words, prompts, max_tokens=max_tokens)
    model.train(was_training)
    return answers


def exact(model: network.Network, words: Tokenizer, recipe: Recipe, rows: Sequence[Row]) -> float:
    """Return the share of rows that are answered exactly; 0 without rows."""
    if not rows:
        return 0.0
    longest = longest_answer(rows, words, recipe)
    given = said(model, words, recipe, [row["text"] for row in rows], max_tokens=longest)
    right = [answer_text(row["label"]) for row in rows]
    return sum(a == b for a, b in zip(given, right, strict=True)) / len(rows)


def longest_answer(rows: Sequence[Row], words: Tokenizer, recipe: Recipe) -> int:
    """Return how many tokens an answer may take: the longest label's, and a few more."""
    if recipe.whole_labels:
        return 1 + SPARE_TOKENS
    return SPARE_TOKENS + max(len(words.encode(answer_text(row["label"])).ids) for row in rows)


def apart(job: Job) -> tuple[list[Row], list[Row]]:
    """Return what is learned, and what is looked at: the dev rows, else a tenth of the rows.

    Which tenth depends on the texts alone, so that a run that comes back
    after a crash sets the same rows aside.
    """
    if job.dev:
        return list(job.rows), list(job.dev)[: job.plan.dev.rows]
    learned: list[Row] = []
    aside: list[Row] = []
    for row in job.rows:
        told = row["text"] if "text" in row else json.dumps(row, sort_keys=True, default=str)
        number = int.from_bytes(hashlib.sha256(told.encode()).digest()[:4])
        (aside if number < ASIDE * 2**32 else learned).append(row)
    return learned or aside, aside[: job.plan.dev.rows]
