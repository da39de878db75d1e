"""A Prompt: fixed messages, then the user's words inside a template, and model settings."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from volano.core.text import nfc
from volano.prompts.errors import BadPromptError

SLOT = "{{input}}"
ROLES = ("system", "developer", "user", "assistant")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any, low: float, high: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and low <= value <= high


def _texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(text, str) for text in value)


SETTINGS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "max_tokens": ("a whole number, 1 or more", lambda v: _whole(v) and v > 0),
    "temperature": ("a number from 0 to 2", lambda v: _number(v, 0, 2)),
    "top_p": ("a number from 0 to 1", lambda v: _number(v, 0, 1)),
    "stop": ("a list of texts", _texts),
    "seed": ("a whole number", _whole),
}
"""What a prompt may fix: what each must be, in words and as a check."""


@dataclass(frozen=True)
class Prompt:
    """`before` is sent first, as it is; `template` wraps what the user says last.

    `settings` fill what a client leaves out: max_tokens, temperature, top_p, stop, seed.
    """

    template: str = SLOT
    before: tuple[dict[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.template, str) or self.template.count(SLOT) != 1:
            raise BadPromptError(why=f"`{SLOT}` must stand in the user message exactly once")
        for message in self.before:
            _check_message(message)
        if not isinstance(self.settings, Mapping):
            raise BadPromptError(why="its settings are an object, such as max_tokens: 64")
        for name, value in self.settings.items():
            if name not in SETTINGS:
                known = ", ".join(SETTINGS)
                raise BadPromptError(why=f"there is no setting `{name}` (known: {known})")
            what, holds = SETTINGS[name]
            if not holds(value):
                raise BadPromptError(why=f"{name} is {what}, not {str(value)[:40]}")

    @property
    def prefix(self) -> str:
        """What stands before the user's words."""
        return self.template.partition(SLOT)[0]

    @property
    def suffix(self) -> str:
        """What stands after the user's words."""
        return self.template.partition(SLOT)[2]

    def render(self, text: str) -> list[dict[str, str]]:
        """Return the messages for one user text."""
        return [*self.before, {"role": "user", "content": f"{self.prefix}{text}{self.suffix}"}]

    def to_bytes(self) -> bytes:
        """Return the prompt as JSON for a file of an artifact."""
        value = {
            "before": [{**message, "content": nfc(message["content"])} for message in self.before],
            "template": nfc(self.template),
            "settings": dict(self.settings),
        }
        return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Prompt":
        """Read a prompt back.

        Raises:
            BadPromptError: not JSON, or not a prompt.
        """
        try:
            raw = json.loads(data)
            before: Sequence[dict[str, str]] = raw.get("before", ())
            return cls(raw.get("template", SLOT), tuple(before), raw.get("settings", {}))
        except (ValueError, AttributeError, TypeError, RecursionError) as error:
            raise BadPromptError(why=f"its file is not readable ({error})") from error


@dataclass(frozen=True, slots=True)
class Worded:
    """What a version of a prompt says, and the labels that name it now."""

    ref: str
    digest: str
    labels: tuple[str, ...]
    template: str
    before: tuple[dict[str, str], ...]
    settings: Mapping[str, Any]


def _check_message(message: Any) -> None:
    if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
        raise BadPromptError(why="a message is a role and a content")
    if message["role"] not in ROLES or not isinstance(message["content"], str):
        raise BadPromptError(why=f"a message has a role of {', '.join(ROLES)} and a text")
    if SLOT in message["content"]:
        raise BadPromptError(why=f"`{SLOT}` belongs into the last message only")
