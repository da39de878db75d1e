"""LoRA: low-rank additions learn, the base stays; merged at the end into a small model of ours."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from volano.core.digest import Digest
from volano.models.training import loop, network, small, tokenizer
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.recipe import BadRecipeError, Recipe


def train(job: Job) -> Outcome:
    """Tune the base on new rows, and on some old ones again.

    Raises:
        BadRecipeError: the recipe cannot be used, or there is no base.
        DivergedError: the loss left the numbers.
    """
    base = start_from(job)
    if not ours(base, job.rows):
        from volano.models.training.sft import train as tuned

        return tuned(job, base, adapter=True)
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    asked = small.asked(job, tuning=True)
    tuning = {**kept.get("tuning", {}), **small.rank(job), **asked.pop("tuning")}
    recipe = Recipe.from_dict({**kept, **asked, "tuning": tuning})
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.with_lora(network.load(base), recipe)
    schedule = loop.Schedule(recipe.tuning.steps, recipe.tuning.lr, recipe.tuning.warmup)
    start = Digest.of((base / network.WEIGHTS).read_bytes())
    calm = replace(recipe, drop=0.0)
    rows = small.mixed(job, recipe)
    facts = small.learn(job, model, words, calm, schedule, start=start, rows=rows)
    whole = model if job.spec.get("adapter") else model.merge_and_unload()
    return Outcome(whole, words, recipe, facts)


def start_from(job: Job) -> Path:
    """Return the base's folder.

    Raises:
        BadRecipeError: the job has none.
    """
    if job.base is None:
        raise BadRecipeError(reason=f"{job.plan.method} starts from a base: say `base: MODEL`")
    return job.base


def ours(base: Path, rows: Sequence[Row]) -> bool:
    """Whether our own loop does it: one of our small networks, and rows of text and label."""
    return (base / network.RECIPE).is_file() and all("text" in row for row in rows)
