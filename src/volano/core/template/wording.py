"""A Wording: the messages of a prompt as trees, its variables and examples. It renders.

It is plain JSON on the way (`to_dict`), so that a gateway's worker, an application and an
evaluation render the same messages from it, without a parser.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from volano.core.template.errors import BadTemplateError
from volano.core.template.shown import Examples
from volano.core.template.tree import Meter, Tree, fill
from volano.core.template.variable import Variable, fitted
from volano.core.template.written import written

INPUT, EXAMPLES = "input", "examples"
ROLES = ("system", "developer", "user", "assistant")
Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Wording:
    """What is said, ready to be filled. `messages` are roles with trees."""

    messages: tuple[tuple[str, Tree], ...]
    variables: Mapping[str, Variable]
    examples: Examples | None = None

    @cached_property
    def last(self) -> int:
        """Where the last message of the user stands; -1: there is none."""
        return max((at for at, (role, _) in enumerate(self.messages) if role == "user"), default=-1)

    @cached_property
    def wraps(self) -> bool:
        """Whether the last message of the user is made of what the user says (`input`)."""
        return self.last >= 0 and _names(self.messages[self.last][1], INPUT)

    @cached_property
    def inline(self) -> bool:
        """Whether a message says itself where examples stand."""
        return any(_names(tree, EXAMPLES) for _, tree in self.messages)

    def render(self, values: str | Mapping[str, Any]) -> Messages:
        """Return the messages; a text is the value of `input`.

        Raises:
            UnknownVariableError, MissingValueError, UnfitValueError: naming the variable.
            FillError: a template cannot be filled with these values.
        """
        before, after = self.parts(values)
        return [*before, *after]

    def parts(self, values: str | Mapping[str, Any]) -> tuple[Messages, Messages]:
        """Return the messages in two parts: what comes before the user's last message, and the rest.

        Where no message is made of `input`, all are in the first. Raises: as `render`.
        """
        given = {INPUT: values} if isinstance(values, str) else values
        scope = fitted(self.variables, given)
        shown = self.examples.choose(self._asked(scope)) if self.examples else []
        said = [{INPUT: one.input, "output": one.output} for one in shown]
        meter = Meter({**scope, EXAMPLES: said})
        full = {**scope, EXAMPLES: said} if self.inline else scope
        made = [{"role": r, "content": fill(tree, full, meter)} for r, tree in self.messages]
        turns: Messages = []
        if self.examples is not None and not self.inline:
            for one in shown:
                own = {**full, self.examples.like: one.input}
                asked = fill(self.messages[self.last][1], own, meter)
                turns.append({"role": "user", "content": asked})
                turns.append({"role": "assistant", "content": one.output})
        at = self.last if self.last >= 0 else len(made)
        before = [*made[:at], *turns]
        return (before, made[at:]) if self.wraps else ([*before, *made[at:]], [])

    def _asked(self, scope: Mapping[str, Any]) -> str:
        assert self.examples is not None
        value = scope.get(self.examples.like)
        return "" if value is None else written(value)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "messages": [{"role": role, "tree": list(tree)} for role, tree in self.messages],
            "variables": [{"name": n, **v.to_dict()} for n, v in self.variables.items()],
            "examples": self.examples.to_dict() if self.examples else None,
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Wording":
        """Read a wording back.

        Raises:
            BadTemplateError: it is none.
        """
        try:
            messages = tuple((str(one["role"]), list(one["tree"])) for one in raw["messages"])
            declared = [dict(one) for one in raw["variables"]]
            variables = {}
            for one in declared:
                name = str(one.pop("name"))
                variables[name] = Variable.from_dict(name, one)
            examples = Examples.from_dict(raw["examples"]) if raw.get("examples") else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadTemplateError(why=f"its tree is not readable ({error})") from error
        return cls(messages, variables, examples)


def _names(tree: Any, name: str) -> bool:
    """Whether a tree names a variable."""
    stack: list[Any] = [tree]
    while stack:
        one = stack.pop()
        if isinstance(one, Sequence) and not isinstance(one, str):
            if len(one) == 2 and one[0] == "name" and one[1] == name:
                return True
            stack += one
    return False
