"""Distillation: a small student learns from a larger teacher, mostly on texts without labels.

The teacher answers the texts; the student learns its answers (`on: answers`)
or its distribution over each token of them (`on: logits`, Hinton et al. 2015,
arXiv:1503.02531: KL divergence at a temperature). What it gains is the use of
traffic that nobody labelled. It will not be better than its teacher, so the
teacher is measured first.

A teacher elsewhere (a provider) gives no logits and answers before this run:
its answers are the labels of the rows, and there is no `teacher` then.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.nn.functional import kl_div, log_softmax

from volano.core.digest import Digest
from volano.models.training import loop, marks, network, small, tokenizer
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.recipe import BadRecipeError, Recipe
from volano.models.training.rows import IGNORED

ON = ("logits", "answers")
WEAK = 0.9
"""Dev score of a teacher below which it is said that it holds its student back."""
STEPS = 1200


def train(job: Job) -> Outcome:
    """Make a student of about half the teacher's size, or of the size that `network` says.

    Raises:
        BadRecipeError: no teacher for logits, or a student that is no smaller.
        DivergedError: the loss left the numbers.
    """
    settings = job.plan.distill
    if settings.on not in ON:
        raise BadRecipeError(reason=f"`distill.on` is {' or '.join(ON)}")
    if job.teacher is None:
        raise BadRecipeError(
            reason="there is no teacher: say `distill: {teacher: MODEL}`; a provider answers "
            "rows in a data recipe first, and method `scratch` learns those"
        )
    taught_by = small.folder_of(job, job.teacher, "teacher")
    teacher, words, kept = _teacher(taught_by)
    rows, dev = marks.apart(job) if job.dev else (list(job.rows), list(job.rows)[:100])
    taught = [*rows, *answered(teacher, words, kept, rows, _unlabelled(job))]
    recipe = student_of(kept, small.asked(job, tuning=False))
    student = network.build(recipe, words.get_vocab_size())
    sizes = {"teacher": _size(teacher), "student": _size(student)}
    if sizes["student"] >= sizes["teacher"]:
        raise BadRecipeError(reason="the student is no smaller than its teacher")
    score = marks.exact(teacher, words, kept, dev)
    schedule = loop.Schedule(recipe.steps, recipe.lr, recipe.warmup)
    loss = soft(teacher, settings.temperature) if settings.on == "logits" else loop.hard
    start = f"distill:{settings.on}:{settings.temperature}:{_digest(taught_by)}"
    facts = small.learn(job, student, words, recipe, schedule, start=start, rows=taught, loss=loss)
    told = {"on": settings.on, "parameters": sizes, "unlabelled_rows": len(taught) - len(rows)}
    after = {"teacher_dev_exact": round(score, 4)}
    after["dev_exact"] = round(marks.exact(student, words, recipe, dev), 4)
    if score < WEAK:
        told["warning"] = (
            f"the teacher is right on {score:.0%} of dev: its student will be no better"
        )
    return Outcome(student, words, recipe, {**facts, **after, "distillation": told})


def answered(
    teacher: network.Network,
    words: Tokenizer,
    recipe: Recipe,
    labelled: Sequence[Row],
    texts: Sequence[str],
) -> list[Row]:
    """Return the texts as rows, labelled by the teacher."""
    if not texts:
        return []
    longest = marks.longest_answer(labelled, words, recipe)
    said = marks.said(teacher, words, recipe, texts, max_tokens=longest)
    return [
        {"text": text, "label": one.removeprefix(" ")}
        for text, one in zip(texts, said, strict=True)
    ]


def soft(teacher: network.Network, temperature: float) -> loop.Loss:
    """Return the loss: KL divergence from the teacher's distribution, on the answers' tokens."""

    def loss(model: network.Network, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        asked = targets[:, 1:] != IGNORED
        with torch.no_grad():
            right = loop.logits(teacher, ids, asked)
        own = loop.logits(model, ids, asked)
        return temperature**2 * kl_div(
            log_softmax(own / temperature, -1),
            log_softmax(right / temperature, -1),
            log_target=True,
            reduction="batchmean",
        )

    return loss


def student_of(teacher: Recipe, asked: Mapping[str, Any]) -> Recipe:
    """Return the student's recipe: what is asked, else the widest of at most half the teacher's size.

    Raises:
        BadRecipeError: the recipe cannot be used.
    """
    given = {name: value for name, value in asked.items() if name != "prompt"}
    base = replace(teacher, steps=max(STEPS, teacher.steps), drop=0.0)
    if not {"hidden", "layers", "ffn"} & set(given):
        given |= _half(base)
    return Recipe.from_dict({**base.to_dict(), **given})


def _half(teacher: Recipe) -> dict[str, int]:
    """Return a width at which the network has at most half of the weights (tied embeddings)."""

    def weights(hidden: int) -> int:
        return teacher.vocab * hidden + teacher.layers * (4 * hidden**2 + 3 * hidden * 2 * hidden)

    step = 2 * teacher.heads
    whole = teacher.vocab * teacher.hidden + teacher.layers * (
        4 * teacher.hidden**2 + 3 * teacher.hidden * teacher.ffn
    )
    widths = range(step, teacher.hidden, step)
    fitting = [hidden for hidden in widths if weights(hidden) <= whole / 2]
    hidden = fitting[-1] if fitting else step
    return {"hidden": hidden, "ffn": 2 * hidden}


def _teacher(folder: Path) -> tuple[network.Network, Tokenizer, Recipe]:
    recipe = Recipe.from_dict(json.loads((folder / network.RECIPE).read_text(encoding="utf-8")))
    return network.load(folder).eval(), tokenizer.load(folder / network.TOKENIZER), recipe


def _unlabelled(job: Job) -> list[str]:
    path = job.spec.get("unlabelled")
    if not path:
        return []
    with Path(path).open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]


def _size(model: network.Network) -> int:
    return sum(p.numel() for p in model.parameters())


def _digest(folder: Path) -> str:
    return str(Digest.of((folder / network.WEIGHTS).read_bytes()))
