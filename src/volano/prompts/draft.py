"""A Draft: a prompt as people write it, in a file or in arguments, before its examples are drawn."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from volano.core.template.shown import Examples
from volano.prompts.errors import BadPromptError
from volano.prompts.pick import Pick
from volano.prompts.prompt import SLOT, Prompt, declare, ordered

FIELDS = (
    "template", "system", "messages", "variables", "examples", "settings", "schema",
)  # fmt: skip
"""What a prompt says of itself; the order in which it is written."""


_SPACED = re.compile(r"\{\{\s*input\s*\}\}")


@dataclass(frozen=True, slots=True)
class Draft:
    """All of a prompt but the rows of its examples, which `pick` tells how to draw."""

    prompt: Prompt
    pick: Pick | None = None

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> "Draft":
        """Read what was written; see `FIELDS`.

        Raises:
            BadPromptError, BadTemplateError, BadVariableError, BadSchemaError, BadPickError: what is wrong.
        """
        unknown = [str(name)[:40] for name in said if name not in FIELDS]
        if unknown:
            raise BadPromptError(why=f"it says `{unknown[0]}` (known: {', '.join(FIELDS)})")
        template, system = _slotted(said.get("template") or SLOT), said.get("system") or ""
        if not isinstance(system, str):
            raise BadPromptError(why="its system message is a text")
        messages = said.get("messages") or ()
        if not isinstance(messages, list | tuple):
            raise BadPromptError(why="its messages are a list, each with a role and a content")
        if said.get("messages") is not None and not messages:
            raise BadPromptError(why="its `messages` are none")
        pick = None if said.get("examples") in (None, {}) else Pick.from_dict(said["examples"])
        if pick is not None and not messages:
            raise BadPromptError(why="variables and examples belong to `messages`")
        settings, schema = said.get("settings"), said.get("schema")
        prompt = Prompt(
            template, ({"role": "system", "content": system},) if system else (),
            {} if settings is None else settings, tuple(messages),
            declare(said.get("variables") or {}),
            pick={"from": pick.source} if pick else {}, schema=schema or None,
        )  # fmt: skip
        return cls(prompt, pick)

    def with_examples(self, examples: Examples, source: str) -> Prompt:
        """Return the prompt with its rows, drawn from the version `source`."""
        assert self.pick is not None
        return replace(self.prompt, examples=examples, pick=self.pick.to_dict(source))


def _slotted(template: Any) -> Any:
    """Return a template of a plain prompt with its slot as it is kept: people write `{{ input }}`, too.

    One with several slots, however they are written, keeps them all: it is no prompt.
    """
    return _SPACED.sub(SLOT, template) if isinstance(template, str) else template


def said_of(prompt: Prompt) -> dict[str, Any]:
    """Return what a prompt says, as it is written in a file; `Draft.read` reads it back."""
    said: dict[str, Any] = {}
    if not prompt.plain:
        said["messages"] = [dict(message) for message in prompt.messages]
    else:
        if prompt.before:
            said["system"] = prompt.before[0]["content"]
        said["template"] = prompt.template
    if prompt.declared:
        said["variables"] = {name: one.to_dict() for name, one in prompt.declared.items()}
    if prompt.pick:
        said["examples"] = dict(prompt.pick)
    if prompt.settings:
        said["settings"] = ordered(prompt.settings)
    if prompt.schema is not None:
        said["schema"] = dict(prompt.schema)
    return said
