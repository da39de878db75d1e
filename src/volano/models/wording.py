"""Wording: the prompt that a model was trained with, as a prompt's arguments.

A small model knows one wording. Asked in another, it answers something else;
so its flow should say exactly what its recipe said.
"""

from typing import Any

from volano.models.training.recipe import TEXT
from volano.store.artifact import Artifact

SLOT = "{{input}}"
SPARE_TOKENS = 8


def prompt_of(model: Artifact) -> dict[str, Any]:
    """Return `template` and `settings` for `prompts.save`. A pointer is asked as one likes."""
    recipe = model.manifest.meta.get("recipe")
    if not recipe:
        return {"template": SLOT, "settings": {}}
    longest = model.manifest.meta.get("metrics", {}).get("answer_tokens", 64)
    return {
        "template": recipe["prompt"].replace(TEXT, SLOT),
        "settings": {"max_tokens": longest + SPARE_TOKENS, "temperature": 0},
    }
