"""Wording: the prompt that a model was trained with, as a prompt's arguments.

A small model knows one wording. Asked in another, it answers something else;
so its flow should say exactly what its recipe said.
"""

from collections.abc import Mapping
from typing import Any

from volano.models.training.recipe import TEXT
from volano.models.training.render import PLAIN
from volano.store.artifact import Artifact

SLOT = "{{input}}"
SPARE_TOKENS = 8


def prompt_of(model: Artifact) -> dict[str, Any]:
    """Return `template` and `settings` for `prompts.save`. A pointer is asked as one likes."""
    meta = model.manifest.meta
    asked = _asked(meta)
    if not asked:
        return {"template": SLOT, "settings": {}}
    longest = meta.get("metrics", {}).get("answer_tokens", 64)
    return {
        "template": asked.replace(TEXT, SLOT),
        "settings": {"max_tokens": longest + SPARE_TOKENS, "temperature": 0},
    }


def _asked(meta: Mapping[str, Any]) -> str:
    """Return how a text was asked while the model learned; empty where nobody knows."""
    plan, recipe = meta.get("plan"), meta.get("recipe")
    if plan:
        return str(plan.get("prompt") or (TEXT if meta.get("chat_template") else PLAIN))
    return str(recipe["prompt"]) if recipe else ""
