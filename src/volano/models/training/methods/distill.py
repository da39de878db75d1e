"""Distillation: a small student learns from a larger teacher, mostly on texts without labels.

The teacher answers the texts; the student learns its answers (`on: answers`)
or its distribution over each token of them (`on: logits`, Hinton et al. 2015,
arXiv:1503.02531: KL divergence at a temperature). What it gains is the use of
traffic that nobody labelled. It will not be better than its teacher, so the
teacher is measured first.

How many steps a student needs depends on where it happens to begin: what is hard (a
number copied digit by digit) is learned all at once, and late. A student that is
still behind its teacher when its steps are done has seldom reached what it can; it takes
them again, from where it is. Where there are no dev rows, learned ones show that too; where none
are to be measured (`dev: {rows: 0}`), nobody knows, and the steps are taken once.

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
from volano.models.training.rows import IGNORED, encode
from volano.models.training.watch import SLACK, Aim

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
    taught_by = _teacher_of(job)
    teacher, words, kept = _teacher(taught_by)
    rows, dev = marks.apart(job) if job.dev else (list(job.rows), [])
    dev = dev or rows[:100]
    taught = [*rows, *answered(teacher, words, kept, rows, _unlabelled(job))]
    recipe = student_of(kept, small.asked(job, tuning=False))
    student = network.build(recipe, words.get_vocab_size())
    sizes = {"teacher": _size(teacher), "student": _size(student)}
    if sizes["student"] >= sizes["teacher"]:
        raise BadRecipeError(reason="the student is no smaller than its teacher")
    score = marks.exact(teacher, words, kept, dev)
    schedule = loop.Schedule(recipe.steps, recipe.lr, recipe.warmup, settings.rounds)
    by_loss = job.plan.dev.metric != "exact_match"
    reached = loop.loss_on(teacher, encode(dev, words, kept)) if by_loss else score
    facts = small.learn(
        replace(job, dev=dev), student, words, recipe, schedule,
        start=f"distill:{settings.on}:{settings.temperature}:{_digest(taught_by)}", rows=taught,
        loss=soft(teacher, settings.temperature) if settings.on == "logits" else loop.hard,
        aim=Aim(reached, settings.behind, recipe.steps),
    )  # fmt: skip
    own = marks.exact(student, words, recipe, dev)
    rounds = facts.pop("rounds", 1)
    told = {
        "on": settings.on, "parameters": sizes, "unlabelled_rows": len(taught) - len(rows),
        "rounds": rounds, **_warning(score, own, settings.behind),
    }  # fmt: skip
    after = {"teacher_dev_exact": round(score, 4), "dev_exact": round(own, 4)}
    steps = facts["steps"] * rounds
    return Outcome(student, words, recipe, {**facts, **after, "steps": steps, "distillation": told})


def _teacher_of(job: Job) -> Path:
    """Return the teacher's folder.

    Raises:
        BadRecipeError: there is none, or the settings cannot be used.
    """
    settings = job.plan.distill
    if settings.on not in ON:
        raise BadRecipeError(reason=f"`distill.on` is {' or '.join(ON)}")
    if settings.rounds < 1 or settings.behind < 0:
        raise BadRecipeError(reason="`distill.rounds` is 1 or more, `distill.behind` 0 or more")
    if job.teacher is None:
        raise BadRecipeError(
            reason="there is no teacher: say `distill: {teacher: MODEL}`; a provider answers "
            "rows in a data recipe first, and method `scratch` learns those"
        )
    return small.folder_of(job, job.teacher, "teacher")


def _warning(teacher: float, student: float, behind: float) -> dict[str, str]:
    if teacher < WEAK:
        text = f"the teacher is right on {teacher:.0%} of dev: its student will be no better"
    elif teacher - student > behind + SLACK:
        text = (
            f"the student is right on {student:.0%} of dev, its teacher on {teacher:.0%}: "
            "give it more unlabelled texts, a larger `network` or more `steps`"
        )
    else:
        return {}
    return {"warning": text}


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
