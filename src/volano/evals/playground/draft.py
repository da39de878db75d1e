"""A Draft: a prompt under work, with the values of its variables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.prompts.prompt import SLOT, Prompt

INPUT = "input"


@dataclass(frozen=True)
class Draft:
    """`ref` is the prompt that it came from, empty where there was none."""

    messages: Sequence[Mapping[str, str]] = ({"role": "user", "content": SLOT},)
    values: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    ref: str = ""

    @property
    def said(self) -> str:
        """What stands for the user's words: what is given to players that bring a prompt of their own."""
        return str(self.values.get(INPUT, ""))

    def prompt(self) -> Prompt:
        """Return it as a prompt.

        Raises:
            BadPromptError: it is none yet, and why.
        """
        *before, last = self.messages
        return Prompt(last["content"], tuple(dict(one) for one in before), self.settings)

    def render(self, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return what is sent.

        Raises:
            BadPromptError: it is none yet, or a value is missing or of another kind.
        """
        given = {**self.values, **(values or {})}
        return list(self.prompt().render(str(given.get(INPUT, ""))))


def draft_of(prompt: Prompt, ref: str) -> Draft:
    """Return a prompt as a draft."""
    last = {"role": "user", "content": prompt.template}
    return Draft((*prompt.before, last), {}, dict(prompt.settings), ref)
