"""LoRA: low-rank additions learn, the base stays; merged at the end into a small model of ours."""

import json
from dataclasses import replace

from volano.core.digest import Digest
from volano.models.training import loop, network, small, tokenizer
from volano.models.training.job import Job, Outcome
from volano.models.training.recipe import BadRecipeError, Recipe


def train(job: Job) -> Outcome:
    """Tune the base on new rows, and on some old ones again.

    Raises:
        BadRecipeError: the recipe cannot be used, or there is no base.
        DivergedError: the loss left the numbers.
    """
    if job.base is None:
        raise BadRecipeError(reason="lora starts from a base: say `base: MODEL`")
    kept = json.loads((job.base / network.RECIPE).read_text(encoding="utf-8"))
    asked = small.asked(job, tuning=True)
    tuning = {**kept.get("tuning", {}), **asked.pop("tuning")}
    recipe = Recipe.from_dict({**kept, **asked, "tuning": tuning})
    words = tokenizer.load(job.base / network.TOKENIZER)
    model = network.with_lora(network.load(job.base), recipe)
    schedule = loop.Schedule(recipe.tuning.steps, recipe.tuning.lr, recipe.tuning.warmup)
    start = Digest.of((job.base / network.WEIGHTS).read_bytes())
    calm = replace(recipe, drop=0.0)
    rows = small.mix(job.rows, recipe)
    facts = small.learn(job, model, words, calm, schedule, start=start, rows=rows)
    return Outcome(model.merge_and_unload(), words, recipe, facts)
