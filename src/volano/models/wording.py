"""Wording: the prompt that a model was trained with, as a prompt's arguments.

A small model knows one wording. Asked in another, it answers something else;
so its flow should say exactly what its recipe said. It goes with a model that
is written elsewhere, and comes back with it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from volano.models.training.recipe import TEXT
from volano.models.training.render import PLAIN
from volano.store.artifact import Artifact

SLOT = "{{input}}"
SPARE_TOKENS = 8
AS_IS = "{{ messages[-1]['content'] }}"
"""The chat template of what was trained here: what was trained is what is asked."""
META = "wording"
"""In the meta of a model from elsewhere: how it wants to be asked, as `Wording.to_dict` says it."""
ASKED = "asked"
"""In the meta of a model from Ollama: the `system` message, `messages` and `settings` that its Modelfile says."""
MOST_CHARS, MOST_TOKENS = 100_000, 1 << 20


@dataclass(frozen=True, slots=True)
class Wording:
    """How a model was asked while it learned.

    `prompt` holds `{text}` once; `max_tokens` is room for the longest answer; `only`: a network
    of ours, which knows no other words.
    """

    prompt: str
    max_tokens: int
    only: bool = False

    @classmethod
    def from_dict(cls, raw: object) -> "Wording | None":
        """Read one back that came from elsewhere; None where it is none."""
        if not isinstance(raw, Mapping):
            return None
        prompt, tokens, only = raw.get("prompt"), raw.get("max_tokens"), raw.get("only", False)
        if not isinstance(prompt, str) or len(prompt) > MOST_CHARS or prompt.count(TEXT) != 1:
            return None
        if type(tokens) is not int or not 0 < tokens <= MOST_TOKENS or type(only) is not bool:
            return None
        return cls(prompt, tokens, only)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @property
    def around(self) -> tuple[str, str]:
        """What stands before the text, and after it."""
        before, _, after = self.prompt.partition(TEXT)
        return before, after

    @property
    def is_bare(self) -> bool:
        """Whether the text is asked as it stands."""
        return self.prompt == TEXT


def prompt_of(model: Artifact) -> dict[str, Any]:
    """Return `template` and `settings` for `prompts.save`, and `system` where there is one.

    A pointer is asked as one likes.
    """
    wording = wording_of(model)
    if wording is None:
        asked = model.manifest.meta.get(ASKED) or {}
        system = {"system": asked["system"]} if asked.get("system") else {}
        return {"template": SLOT, "settings": dict(asked.get("settings") or {}), **system}
    return {
        "template": wording.prompt.replace(TEXT, SLOT),
        "settings": {"max_tokens": wording.max_tokens, "temperature": 0},
    }


def wording_of(model: Artifact) -> Wording | None:
    """Return how a text was asked while the model learned; None where nobody knows."""
    meta = model.manifest.meta
    if (said := Wording.from_dict(meta.get(META))) is not None:
        return said
    longest = meta.get("metrics", {}).get("answer_tokens", 64) + SPARE_TOKENS
    plan, recipe = meta.get("plan"), meta.get("recipe")
    if plan:
        asked = plan.get("prompt") or (TEXT if meta.get("chat_template") else PLAIN)
        return Wording(str(asked), longest, only=bool(recipe))
    if recipe:
        return Wording(str(recipe["prompt"]), longest, only=True)
    return None
