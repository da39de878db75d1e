"""Chat: columns become a conversation (`messages` with roles), in the form that trainers and chat models read.

Templates are Jinja's in its sandbox: they see the row's columns and nothing else. A conversation
that is there already, in OpenAI's form or ShareGPT's, is brought into the same form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from volano.core.lazy import lazy
from volano.data.column import check_name
from volano.data.errors import BadStepError
from volano.data.step import STEPS, Notes, Record

if TYPE_CHECKING:
    import jinja2
    from jinja2 import sandbox
else:
    jinja2, sandbox = lazy("jinja2"), lazy("jinja2.sandbox")

ROLES: Mapping[str, str] = {
    "system": "system", "developer": "system", "user": "user", "human": "user", "assistant": "assistant",
    "gpt": "assistant", "bot": "assistant", "model": "assistant", "tool": "tool", "function": "tool",
    "observation": "tool",
}  # fmt: skip
"""What others call a role, and what it is called here."""
MOST_CHARS = 1_000_000
"""No message is longer; a template that goes wild is stopped by it."""


class _Bad(Exception):  # says why a row has no conversation; never leaves this file
    pass


@STEPS.register("chat")
@dataclass(frozen=True, slots=True)
class Chat:
    """Writes a conversation into the column `into`: system text, the user's words, the assistant's answer.

    `system`, `user`, `assistant` are templates over the row's columns (`{{ text }}`, Jinja in a sandbox); an empty one makes
    no message. `conversation` names a column that holds a conversation already (`role` and `content`, or ShareGPT's
    `from` and `value`); then only `system` counts, where it has none. `only` keeps no other column than the conversation,
    `origin` and `split`.
    """

    name: ClassVar[str] = "chat"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    system: str = ""
    user: str = "{{ text }}"
    assistant: str = "{{ label }}"
    conversation: str = ""
    into: str = "messages"
    only: bool = False

    def __post_init__(self) -> None:
        check_name(self.name, "into", self.into)
        for setting in ("system", "user", "assistant"):
            try:
                _environment().from_string(getattr(self, setting))
            except (jinja2.TemplateError, TypeError) as error:
                raise BadStepError(step=self.name, setting=setting, why=str(error)) from error
        if not self.conversation and not self.user.strip():
            raise BadStepError(step=self.name, setting="user", why="somebody must ask something")

    def apply(self, rows: Iterable[Record], notes: Notes, _: Any = None) -> Iterator[Record]:
        """Yield the rows with their conversations; those of which none can be made are dropped."""
        environment = _environment()
        templates = {
            role: environment.from_string(text)
            for role in ("system", "user", "assistant")
            if (text := getattr(self, role)).strip()
        }
        for row in rows:
            try:
                messages = self._messages(row, templates)
            except _Bad as why:
                notes.drop(row, "no conversation", str(why))
                continue
            if self.only:
                row = {name: row[name] for name in ("id", "origin", "split") if name in row}
            row[self.into] = messages
            yield row

    def _messages(self, row: Record, templates: Mapping[str, Any]) -> list[dict[str, Any]]:
        if not self.conversation:
            return [_message(role, _rendered(one, row, role)) for role, one in templates.items()]
        messages = _read(row.get(self.conversation), self.conversation)
        if "system" in templates and messages[0]["role"] != "system":
            messages.insert(0, _message("system", _rendered(templates["system"], row, "system")))
        return messages


def _read(given: Any, column: str) -> list[dict[str, Any]]:
    """Return a conversation in one form. What a message has besides (tool calls, names) stays."""
    if not isinstance(given, list) or not given:
        raise _Bad(f"the column {column} is no list of messages")
    messages = []
    for at, one in enumerate(given, 1):
        if not isinstance(one, dict):
            raise _Bad(f"message {at} is no object")
        said = one.get("role", one.get("from"))
        role = ROLES.get(said.lower()) if isinstance(said, str) else None
        if role is None:
            raise _Bad(f"message {at} has no role that is known")
        content = one.get("content", one.get("value"))
        rest = {k: v for k, v in one.items() if k not in ("role", "from", "content", "value")}
        if content is None and "tool_calls" not in rest:
            raise _Bad(f"message {at} says nothing")
        messages.append({**_message(role, content), **rest})
    if any(message["role"] == "system" for message in messages[1:]):
        raise _Bad("a system text stands behind other messages")
    if not any(message["role"] == "user" for message in messages):
        raise _Bad("nobody asks")
    return messages


def _message(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def _rendered(template: Any, row: Record, role: str) -> str:
    try:
        parts, chars = [], 0
        for part in template.generate(row):
            parts.append(part)
            chars += len(part)
            if chars > MOST_CHARS:
                raise _Bad(f"the {role}'s text is longer than {MOST_CHARS} characters")
    except (
        jinja2.TemplateError,
        ArithmeticError,
        TypeError,
        ValueError,
        LookupError,
        MemoryError,
    ) as error:
        raise _Bad(f"{role}: {error}") from error
    text = "".join(parts)
    if not text.strip():
        raise _Bad(f"the {role}'s text is empty")
    return text


def _environment() -> sandbox.ImmutableSandboxedEnvironment:
    return sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
    )
