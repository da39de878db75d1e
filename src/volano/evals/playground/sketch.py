"""A Sketch: a prompt under work, with the values of its variables."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from volano.core.errors import InvalidError
from volano.core.template.errors import UnfitValueError
from volano.core.template.variable import Variable
from volano.prompts.prompt import SLOT, Prompt

INPUT = "input"
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class NoMessageError(InvalidError):
    """There is no message to send."""

    hint = "Write one: `{{input}}` in it stands for the user's words."


@dataclass(frozen=True)
class Sketch:
    """`ref` is the prompt that it came from, empty where there was none."""

    prompt: Prompt = field(default_factory=Prompt)
    values: Mapping[str, Any] = field(default_factory=dict)
    ref: str = ""

    @property
    def messages(self) -> list[dict[str, str]]:
        """The messages as they are written."""
        return messages_of(self.prompt)

    def given(self, prompt: Prompt, fields: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the values that a prompt has variables for; `fields` go before our own."""
        values = self._with(fields)
        return {n: values[n] for n in prompt.variables if n in values}

    def words(self, fields: Mapping[str, Any] | None = None) -> str:
        """Return what stands for the user's words, for who brings a prompt of its own."""
        return str(self._with(fields).get(INPUT, ""))

    def _with(self, fields: Mapping[str, Any] | None) -> dict[str, Any]:
        return {
            name: value
            for each in (self.values, fields or {})
            for name, value in each.items()
            if value is not None
        }

    def render(self, fields: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return what is sent. `fields` (of a row) go before our own values; others are left out.

        Raises:
            MissingValueError, UnfitValueError, FillError: a value is missing or of another kind.
        """
        return [*self.prompt.render(self.given(self.prompt, fields))]

    def rewritten(
        self,
        messages: Sequence[Mapping[str, str]],
        settings: Mapping[str, Any],
        schema: Mapping[str, Any] | None,
    ) -> "Sketch":
        """Return it with other words. Variables that are new are texts.

        Raises:
            NoMessageError: there is none.
            BadPromptError, BadTemplateError, BadSchemaError: it is no prompt so.
        """
        said = tuple({"role": one["role"], "content": one["content"]} for one in messages)
        if not said:
            raise NoMessageError
        before = self.prompt
        if list(said) == self.messages:
            return replace(self, prompt=replace(before, settings=settings, schema=schema))
        if _plain(said) and before.plain:
            prompt = Prompt(said[-1]["content"], said[:-1], settings, schema=schema)
            return replace(self, prompt=prompt)
        made = Prompt(
            settings=settings, messages=said, examples=before.examples, pick=before.pick,
            schema=schema,
        )  # fmt: skip
        declared = {n: before.declared[n] for n in made.variables if n in before.declared}
        if declared:
            declared |= {n: Variable(n) for n in made.variables if n not in declared}
        return replace(self, prompt=replace(made, declared=declared))


def messages_of(prompt: Prompt) -> list[dict[str, str]]:
    """Return a prompt's messages as they are written, whichever kind it is of."""
    if not prompt.plain:
        return [dict(one) for one in prompt.messages]
    return [*map(dict, prompt.before), {"role": "user", "content": prompt.template}]


def typed(variable: Variable, text: str) -> Any:
    """Return a value from what was written into a field; None where nothing was.

    Raises:
        UnfitValueError: it is of another type.
    """
    if variable.type == "text":
        return text
    if not text.strip():
        return None
    try:
        return variable.check(_read(variable, text.strip()))
    except (ValueError, RecursionError) as error:
        shown = f"`{text[:40]}`"
        raise UnfitValueError(name=variable.name, what=variable.what, value=shown) from error


def _read(variable: Variable, text: str) -> Any:
    if variable.type == "choice":
        return next((one for one in variable.choices if str(one) == text), text)
    if variable.type == "boolean" and text.lower() in (*_TRUE, *_FALSE):
        return text.lower() in _TRUE
    return json.loads(text)


def _plain(messages: Sequence[Mapping[str, str]]) -> bool:
    """Whether nothing in it is a template but one `{{input}}` in the last message."""
    *before, last = messages
    rest = "".join(one["content"] for one in before) + last["content"].replace(SLOT, "", 1)
    return (
        last["role"] == "user" and SLOT in last["content"] and "{{" not in rest and "{%" not in rest
    )
