"""A Prompt: what is said around the user's words, and the settings it is asked with.

It is of one of two kinds. A plain one is fixed messages, then the user's words inside
`template`: nothing else is read as a template. One of `messages` is templates throughout
(`core.template`), with variables and perhaps examples; it is rendered from its `wording`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from volano.core.schema import check_schema
from volano.core.template.errors import (
    BadTemplateError,
    BadVariableError,
    MissingValueError,
    UnknownVariableError,
)
from volano.core.template.parse import parse
from volano.core.template.shown import Examples
from volano.core.template.variable import MOST, RESERVED, Variable
from volano.core.template.wording import INPUT, ROLES, Wording
from volano.core.text import nfc
from volano.prompts.errors import BadPromptError

SLOT = "{{input}}"
MOST_MESSAGES = 100


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
    """Plain: `before` is sent first, as it is; `template` wraps what the user says last.

    With `messages` it has neither: these are templates, `declared` are the variables that
    somebody described, `examples` the rows that were pinned and `pick` how they were drawn.
    `settings` fill what a client leaves out: max_tokens, temperature, top_p, stop, seed.
    `schema` is the JSON schema that answers keep.
    """

    template: str = SLOT
    before: tuple[dict[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    messages: tuple[dict[str, str], ...] = ()
    declared: Mapping[str, Variable] = field(default_factory=dict)
    examples: Examples | None = None
    pick: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.template, str) or self.template.count(SLOT) != 1:
            raise BadPromptError(why=f"`{SLOT}` must stand in the user message exactly once")
        for message in self.before:
            _check_message(message)
            if SLOT in message["content"]:
                raise BadPromptError(why=f"`{SLOT}` belongs into the last message only")
        check_settings(self.settings)
        if self.schema is not None:
            check_schema(self.schema)
        if not self.messages:
            if self.declared or self.examples is not None:
                raise BadPromptError(why="variables and examples belong to `messages`")
            return
        if self.template != SLOT or self.before:
            raise BadPromptError(why="it has `messages`, or a `template` with `system`, not both")
        if len(self.messages) > MOST_MESSAGES:
            raise BadPromptError(why=f"it has more than {MOST_MESSAGES} messages")
        for message in self.messages:
            _check_message(message)
        _ = self.wording

    @property
    def plain(self) -> bool:
        """Whether nothing in it is a template but the place of the user's words."""
        return not self.messages

    @property
    def prefix(self) -> str:
        """What stands before the user's words, of a plain one."""
        return self.template.partition(SLOT)[0]

    @property
    def suffix(self) -> str:
        """What stands after the user's words, of a plain one."""
        return self.template.partition(SLOT)[2]

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What it wants to be given, by name; a plain one wants `input`."""
        return {INPUT: Variable(INPUT)} if self.plain else self.wording.variables

    @cached_property
    def wording(self) -> Wording:
        """The messages as trees, ready to be filled.

        Raises:
            BadTemplateError: a template is none; which message it is.
            BadPromptError: a template names what is not declared, or its examples have no place.
        """
        trees, names = [], dict.fromkeys(self.declared)
        for at, message in enumerate(self.messages, 1):
            try:
                tree, used = parse(message["content"])
            except BadTemplateError as error:
                raise BadTemplateError(why=f"message {at}, {error.facts['why']}") from error
            trees.append((message["role"], tree))
            names |= dict.fromkeys(name for name in used if name not in RESERVED)
            if "examples" in used and self.examples is None and not self.pick:
                raise BadPromptError(why="a template shows `examples`, and there are none")
        undeclared = [name for name in names if name not in self.declared and name != INPUT]
        if self.declared and undeclared:
            raise BadPromptError(
                why=f"the variable `{undeclared[0]}` is used and not declared",
                hint="Declare it under `variables`, or take it out of the messages.",
            )
        if len(names) > MOST:
            raise BadPromptError(why=f"it has more than {MOST} variables")
        variables = {name: self.declared.get(name) or Variable(name) for name in names}
        made = Wording(tuple(trees), variables, self.examples)
        if self.examples is not None:
            if self.examples.like not in variables:
                raise BadPromptError(
                    why=f"its examples are like `{self.examples.like}`, no variable"
                )
            if not made.inline and made.last < 0:
                raise BadPromptError(
                    why="examples stand before a message of the user; there is none"
                )
        return made

    def render(self, values: str | Mapping[str, Any]) -> list[dict[str, str]]:
        """Return the messages for these values of its variables; a text is the value of `input`.

        Raises:
            UnknownVariableError, MissingValueError, UnfitValueError: naming the variable.
            FillError: the templates cannot be filled with these values.
        """
        if not self.plain:
            return self.wording.render(values)
        text = values if isinstance(values, str) else _only_input(values)
        return [*self.before, {"role": "user", "content": self.template.replace(SLOT, text)}]

    def to_bytes(self) -> bytes:
        """Return the prompt as JSON for a file of an artifact. Plain ones are as they always were."""
        value: dict[str, Any] = {"settings": ordered(self.settings)}
        if self.plain:
            value["before"] = [_nfc(message) for message in self.before]
            value["template"] = nfc(self.template)
        else:
            value["messages"] = [_nfc(message) for message in self.messages]
            value["variables"] = [
                {"name": name, **one.to_dict()} for name, one in self.declared.items()
            ]
        if self.examples is not None:
            value["examples"] = {"pick": dict(self.pick), "pinned": self.examples.to_dict()}
        if self.schema is not None:
            value["schema"] = dict(self.schema)
        old = self.plain and self.schema is None  # the order of a schema's fields is said to models
        return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=old).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Prompt":
        """Read a prompt back.

        Raises:
            BadPromptError: not JSON, or not a prompt.
        """
        try:
            raw = json.loads(data)
            before: Sequence[dict[str, str]] = raw.get("before", ())
            shown = raw.get("examples")
            return cls(
                raw.get("template", SLOT), tuple(before), raw.get("settings", {}),
                tuple(raw.get("messages", ())), declare(raw.get("variables", ())),
                Examples.from_dict(shown["pinned"]) if shown else None,
                shown["pick"] if shown else {}, raw.get("schema"),
            )  # fmt: skip
        except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
            raise BadPromptError(why=f"its file is not readable ({error})") from error


def declare(raw: Any) -> dict[str, Variable]:
    """Read variables as people write them: an object of them, or a list of them with names.

    Raises:
        BadVariableError: one cannot be declared so.
        BadPromptError: they are neither.
    """
    if isinstance(raw, Mapping):
        return {nfc(str(name)): Variable.from_dict(str(name), one) for name, one in raw.items()}
    if not isinstance(raw, list | tuple):
        raise BadPromptError(why="its variables are an object: name, and what it must be")
    found = {}
    for one in raw:
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            raise BadVariableError(name=str(one)[:80], why="it has no name")
        rest = {key: value for key, value in one.items() if key != "name"}
        found[nfc(one["name"])] = Variable.from_dict(one["name"], rest)
    return found


def ordered(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in one order: in whichever they were said, they are the same."""
    return {name: settings[name] for name in SETTINGS if name in settings}


def check_settings(settings: Any) -> None:
    """Make sure that settings are known and sane.

    Raises:
        BadPromptError: one is not.
    """
    if not isinstance(settings, Mapping):
        raise BadPromptError(why="its settings are an object, such as max_tokens: 64")
    for name, value in settings.items():
        if name not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise BadPromptError(why=f"there is no setting `{name}` (known: {known})")
        what, holds = SETTINGS[name]
        if not holds(value):
            raise BadPromptError(why=f"{name} is {what}, not {str(value)[:40]}")


def _only_input(values: Mapping[str, Any]) -> str:
    for name in values:
        if name != INPUT:
            raise UnknownVariableError(name=name, known=INPUT)
    if INPUT not in values:
        raise MissingValueError(name=INPUT, known=INPUT)
    return str(Variable(INPUT).check(values[INPUT]))


def _nfc(message: Mapping[str, str]) -> dict[str, str]:
    return {"role": message["role"], "content": nfc(message["content"])}


def _check_message(message: Any) -> None:
    if not isinstance(message, Mapping) or set(message) != {"role", "content"}:
        raise BadPromptError(why="a message is a role and a content")
    if message["role"] not in ROLES or not isinstance(message["content"], str):
        raise BadPromptError(why=f"a message has a role of {', '.join(ROLES)} and a text")


@dataclass(frozen=True, slots=True)
class Worded:
    """What a version of a prompt says, and the labels that name it now.

    `template` and `before` are its messages as they are written; of a prompt with variables
    an application renders `wording` instead, which is nothing for a plain one.
    """

    ref: str
    digest: str
    labels: tuple[str, ...]
    template: str
    before: tuple[dict[str, str], ...]
    settings: Mapping[str, Any]
    wording: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None
