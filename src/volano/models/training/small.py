"""Small: what the methods share that train our own small networks with our own loop."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tokenizers import Tokenizer

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.models.training import loop, network, tokenizer
from volano.models.training.checkpoint import Checkpoints
from volano.models.training.guards.collapse import Collapse
from volano.models.training.job import Job, Row
from volano.models.training.recipe import BadRecipeError, Recipe
from volano.models.training.rows import Encoded, answer_text, encode
from volano.models.training.settings import Lora
from volano.models.training.watch import Aim, Watch


def folder_of(job: Job, folder: Path | None, what: str) -> Path:
    """Return the folder of the small network that the method needs as its base or teacher.

    Raises:
        BadRecipeError: none is named, it is not one of ours, or the rows are no text with a label.
    """
    method = job.plan.method
    if folder is None:
        raise BadRecipeError(reason=f"{method} needs a {what}: say `{what}: MODEL`")
    if not (folder / network.RECIPE).is_file():
        reason = f"{method} works on small networks that were trained here, and the {what} is none"
        raise BadRecipeError(reason=reason, hint="Such models are tuned by `lora` or `full`.")
    if not all("text" in row and "label" in row for row in job.rows):
        raise BadRecipeError(reason=f"{method} takes rows of `text` and `label`")
    return folder


def mix(rows: Sequence[Row], recipe: Recipe) -> list[Row]:
    """Return what tuning sees: rows that came from feedback, and some of the others again."""
    new = [row for row in rows if row.get("origin")]
    if not new:
        return list(rows)
    old = [row for row in rows if not row.get("origin")]
    random = Random(f"replay:{recipe.seed}")
    return [*new, *random.sample(old, min(recipe.tuning.replay, len(old)))]


def mixed(job: Job, recipe: Recipe) -> list[Row]:
    """Return what tuning sees: as it comes, where whoever wrote the rows has mixed them already."""
    return list(job.rows) if job.spec.get("mixed") else mix(job.rows, recipe)


def rank(job: Job) -> dict[str, int]:
    """Return rank and alpha where the job's recipe says others than usual."""
    said = job.plan.lora
    return {} if said == Lora() else {"rank": said.rank, "alpha": said.alpha}


def learn_words(rows: Sequence[Row], recipe: Recipe) -> Tokenizer:
    """Learn the tokenizer from prompts and answers, or make each answer one token."""
    prompts = [recipe.render(row["text"]) for row in rows]
    said = [answer_text(row["label"]) for row in rows]
    if recipe.whole_labels:
        return tokenizer.learn(prompts, vocab=recipe.vocab, whole=sorted(set(said)))
    return tokenizer.learn(map("".join, zip(prompts, said, strict=True)), vocab=recipe.vocab)


def fingerprint(start: str, recipe: Recipe, rows: Sequence[Encoded]) -> str:
    """Name what is being trained: its start, its recipe and its rows."""
    ids = "".join(f"{row.prompt}{row.answer}" for row in rows).encode()
    return Digest.of(canonical([start, recipe.to_dict(), Digest.of(ids)]))


def learn(
    job: Job,
    model: network.Network,
    words: Tokenizer,
    recipe: Recipe,
    schedule: loop.Schedule,
    *,
    start: str,
    rows: Sequence[Row],
    loss: loop.Loss = loop.hard,
    aim: Aim | None = None,
) -> dict[str, Any]:
    """Train the network in place on the rows; return the facts for the card.

    `start` names the weights that it began with, `aim` what the dev rows must show to end a
    schedule of several rounds.
    """
    encoded = encode(rows, words, recipe)
    name = fingerprint(start, recipe, encoded)
    metrics = loop.learn(
        model,
        encoded,
        recipe,
        schedule,
        checkpoints=Checkpoints(job.checkpoint, name),
        every=job.spec.get("checkpoint_steps", job.plan.checkpoint_every),
        progress=job.progress,
        loss=loss,
        watch=watching(job, model, words, recipe, name, aim),
        report=job.spec.get("report_steps", loop.REPORT_STEPS),
    )
    return {**metrics, **counts(encoded, schedule)}


def watching(
    job: Job,
    model: network.Network,
    words: Tokenizer,
    recipe: Recipe,
    name: str,
    aim: Aim | None = None,
) -> Watch | None:
    """Return what measures the dev rows; None where there are none."""
    dev = job.dev[: job.plan.dev.rows]
    if not dev:
        return None
    encoded = encode(dev, words, replace(recipe, drop=0.0))
    prompts, gold = [recipe.render(row["text"]) for row in dev], [_said(row) for row in dev]
    longest = max(len(row.answer) for row in encoded) + 8

    def exact_match() -> float:
        inner = model.get_base_model() if hasattr(model, "get_base_model") else model
        said = network.answers(inner, words, prompts, max_tokens=longest)
        return sum(a.strip() == b for a, b in zip(said, gold, strict=True)) / len(gold)

    def loss() -> float:
        return loop.loss_on(model, encoded)

    measure = {"exact_match": exact_match, "loss": loss}[job.plan.dev.metric]
    guarded = job.base is not None and job.plan.dev.metric == "exact_match"
    collapse = Collapse(exact_match(), margin=job.plan.guards.collapse) if guarded else None
    return Watch(job.plan.dev, job.checkpoint.parent, name, measure, collapse, aim)


def _said(row: Row) -> str:
    return answer_text(row["label"]).strip()


def counts(rows: Sequence[Encoded], schedule: loop.Schedule) -> dict[str, int]:
    """Return how many rows there were, how many lost their end, the steps, the longest answer."""
    longest = max(len(row.answer) for row in rows)
    cut = sum(row.cut for row in rows)
    return {"rows": len(rows), "cut_rows": cut, "steps": schedule.steps, "answer_tokens": longest}


def asked(job: Job, *, tuning: bool) -> dict[str, Any]:
    """Return the fields of a `Recipe` that the plan and the spec say; the spec's come last."""
    plan = job.plan
    said: Mapping[str, Any] = {
        "steps": plan.steps, "lr": plan.lr, "warmup": plan.warmup,
    }  # fmt: skip
    pace = {name: value for name, value in said.items() if value is not None}
    rest = {"batch": plan.batch, "context": plan.context, "prompt": plan.prompt}
    found = {**plan.network, **{name: value for name, value in rest.items() if value is not None}}
    if plan.seed:
        found["seed"] = plan.seed
    found |= {"tuning": {**found.get("tuning", {}), **pace}} if tuning else pace
    spec = dict(job.spec.get("recipe") or {})
    if tuning:
        found["tuning"] |= spec.pop("tuning", {})
    return {**found, **spec}
