"""One root, a few families; each class is one sentence, which is its message.

A room's own errors subclass a family, so that a door can map families, and
only families, to HTTP status and exit code. A class docstring is the default
message; `hint` names the next move. Both are format strings over the facts
given at `raise`:

    class UnknownChannelError(NotFoundError):
        '''There is no channel `{channel}`.'''
        hint = "See the channels with `volano channel list`."

    raise UnknownChannelError(channel="supprot")
"""

import re
from typing import Any, ClassVar

_MARKS = frozenset(".!?…。！？।؟۔")


class VolanoError(Exception):
    """Something went wrong in volano."""

    hint: ClassVar[str] = ""
    shown: str = ""
    """What was said, with a mark below the place that is wrong; where that helps."""

    def __init__(self, message: str | None = None, *, hint: str | None = None, **facts: Any):
        self.facts = facts
        self.message = message if message is not None else _fill(_first_sentence(self), facts)
        self.advice = hint if hint is not None else _fill(self.hint, facts)
        super().__init__(self.message)

    @property
    def code(self) -> str:
        """The machine-readable name: `UnknownChannelError` -> `unknown_channel`."""
        return code_of(type(self))


class InvalidError(VolanoError):
    """The input cannot be used."""


class UnauthenticatedError(VolanoError):
    """No valid credential was given."""


class ForbiddenError(VolanoError):
    """This principal may not do that."""


class NotFoundError(VolanoError):
    """There is no such thing."""


class ConflictError(VolanoError):
    """The state of the thing does not allow this now."""


class TooLargeError(VolanoError):
    """The input is larger than the limit."""


class IntegrityError(VolanoError):
    """Stored bytes are not what they were when they were written."""


class GateError(VolanoError):
    """A gate said no."""


class UnavailableError(VolanoError):
    """A part that is needed does not answer now."""


def code_of(kind: type[VolanoError]) -> str:
    """Return the machine-readable name of a class of errors."""
    name = kind.__name__.removesuffix("Error")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def is_gate(code: str) -> bool:
    """Whether errors of this code say that a gate said no: what is left of one that was kept."""
    return _is(code, GateError)


def is_away(code: str) -> bool:
    """Whether errors of this code say that somebody did not answer: what is left of one that was kept."""
    return _is(code, UnavailableError)


def _is(code: str, family: type[VolanoError]) -> bool:
    kinds = [family]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return any(code_of(kind) == code for kind in kinds)


def _first_sentence(error: VolanoError) -> str:
    return (type(error).__doc__ or VolanoError.__doc__ or "").strip().partition("\n\n")[0]


def _fill(template: str, facts: dict[str, Any]) -> str:
    """Fill `{name}` from facts; a fact that was not given stays visible as `{name}`.

    A fact at the end that is a sentence itself keeps its own mark, and no second one follows.
    """
    text = re.sub(r"\{(\w+)\}", lambda m: str(facts.get(m[1], m[0])), template)
    return text[:-1] if template.endswith("}.") and text[-2:-1] in _MARKS else text
