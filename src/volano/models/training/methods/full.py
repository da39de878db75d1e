"""Full tuning: every weight of the base learns, on new rows and some old ones."""

import json
from dataclasses import replace

from volano.core.digest import Digest
from volano.models.training import loop, network, small, tokenizer
from volano.models.training.job import Job, Outcome
from volano.models.training.methods.lora import ours, start_from
from volano.models.training.recipe import Recipe

RATE = 1e-3
"""The learning rate of our small networks: a quarter of what their LoRA takes."""


def train(job: Job) -> Outcome:
    """Tune the base.

    Raises:
        BadRecipeError: the recipe cannot be used, or there is no base.
        DivergedError: the loss left the numbers.
    """
    base = start_from(job)
    if not ours(base, job.rows):
        from volano.models.training.sft import train as tuned

        return tuned(job, base, adapter=False)
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    asked = small.asked(job, tuning=True)
    tuning = {**kept.get("tuning", {}), "lr": RATE, **asked.pop("tuning")}
    recipe = Recipe.from_dict({**kept, **asked, "tuning": tuning})
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.load(base)
    schedule = loop.Schedule(recipe.tuning.steps, recipe.tuning.lr, recipe.tuning.warmup)
    start = f"full {Digest.of((base / network.WEIGHTS).read_bytes())}"
    calm = replace(recipe, drop=0.0)
    rows = small.mixed(job, recipe)
    facts = small.learn(job, model, words, calm, schedule, start=start, rows=rows)
    return Outcome(model, words, recipe, facts)
