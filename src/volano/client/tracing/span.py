"""A Span: one step of the application, while it runs and until it is sent."""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from volano.client.tracing.scope import EVERYTHING, Scope, tagged
from volano.client.tracing.taken import taken

if TYPE_CHECKING:
    from volano.client.tracing.parent import Parent

INPUT, OUTPUT = "volano.input", "volano.output"

SHORT: Mapping[str, str] = {
    "input": INPUT,
    "output": OUTPUT,
    "model": "gen_ai.request.model",
    "response_model": "gen_ai.response.model",
    "provider": "gen_ai.provider.name",
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "cached_tokens": "gen_ai.usage.cache_read.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "temperature": "gen_ai.request.temperature",
    "max_tokens": "gen_ai.request.max_tokens",
    "prompt": "gen_ai.prompt.name",
}
"""Short words of `Span.set`, and the attribute of the GenAI conventions that each one means."""

SCOPED = frozenset({"session", "user", "tags", "release", "environment"})
_BARE_BYTES, _ATTRIBUTE_BYTES = 512, 96
_TOKEN = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")
_MOST_TAGS = 32
_MAX_ATTRIBUTES, _MAX_MESSAGE, _MAX_FRAMES = 128, 4096, 32


class Span:
    """One step. `set` says more about it; the ids name it elsewhere.

    Of a span that is not recorded (tracing is off, or it was not sampled) the ids
    are good all the same: the gateway's calls bear them.
    """

    __slots__ = (
        "attributes", "began_ns", "clock_ns", "ended_ns", "error", "kind",
        "name", "parent_number", "recorded", "scope", "seen", "size", "span_number", "trace_number",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: str,
        trace: int,
        span: int,
        parent: int,
        scope: Scope,
        *,
        recorded: bool,
    ):
        self.name, self.kind, self.scope = name, kind, scope
        self.trace_number, self.span_number, self.parent_number = trace, span, parent
        self.recorded = recorded
        self.attributes: dict[str, Any] = {}
        self.size = _BARE_BYTES
        self.began_ns = self.ended_ns = self.clock_ns = 0
        self.error: tuple[str, str, tuple[tuple[str, int, str], ...]] | None = None
        self.seen: Parent | None = None

    @property
    def trace_id(self) -> str:
        """The trace's W3C id: 32 hexadecimal digits. Feedback names it."""
        return f"{self.trace_number:032x}"

    @property
    def span_id(self) -> str:
        """The span's W3C id: 16 hexadecimal digits."""
        return f"{self.span_number:016x}"

    @property
    def traceparent(self) -> str:
        """The header that makes a call the child of this span (W3C trace context)."""
        return f"00-{self.trace_number:032x}-{self.span_number:016x}-0{int(self.recorded)}"

    @property
    def headers(self) -> dict[str, str]:
        """The headers for a call of the gateway: `traceparent`, session, user as its unit, tags.

        What a header cannot carry is left out: other than printable ASCII, and names of tags
        that are no lower-case token (RFC 9110, 5.6.2).
        """
        found = {"traceparent": self.traceparent} if self.trace_number else {}
        said = {"x-volano-session": self.scope.session, "x-volano-unit": self.scope.user}
        for name, value in [*self.scope.tags.items()][:_MOST_TAGS]:
            if _TOKEN.fullmatch(name):
                said[f"x-volano-tag-{name}"] = value
        return found | {
            name: value.strip() for name, value in said.items()
            if value.strip() and value.isascii() and value.isprintable()
        }  # fmt: skip

    def set(self, attributes: Mapping[str, Any] | None = None, /, **named: Any) -> "Span":
        """Say more about the step; return the span.

        span.set(model="gpt-5", input_tokens=12, output=answer)
        span.set({"shop.basket": 3})

        Short words become the conventions' attributes (`SHORT`), `user`, `session`, `tags`,
        `release`, `environment` change its scope, and anything else is an attribute of
        that name. The value is copied now, within limits. After the step's end
        nothing changes any more. Never raises.
        """
        if self.recorded and not self.ended_ns:
            try:
                for name, value in {**(attributes or {}), **named}.items():
                    self._set(name, value)
            except Exception:  # noqa: BLE001 - what cannot be said is left out
                return self
        return self

    def _set(self, name: Any, value: Any) -> None:
        if name in SCOPED:
            said = tagged(value) if name == "tags" else value
            self.scope = self.scope.narrowed({name: said})
        elif isinstance(name, str) and len(self.attributes) < _MAX_ATTRIBUTES:
            if name == "prompt":
                value = getattr(value, "ref", value)
            self.keep(SHORT.get(name, name), value)

    def keep(self, attribute: str, value: Any) -> None:
        """Copy the value, within limits, under the attribute's full name."""
        copy, size = taken(value)
        self.attributes[attribute] = copy
        self.size += size + _ATTRIBUTE_BYTES

    def fail(self, error: BaseException) -> None:
        """Note what went wrong: type, message, and the frames it passed, without their values."""
        try:
            message = str(error)[:_MAX_MESSAGE]
        except Exception:  # noqa: BLE001 - a user's `__str__`
            message = ""
        kind = type(error)
        name = kind.__qualname__
        if kind.__module__ not in ("builtins", "__main__"):
            name = f"{kind.__module__}.{name}"
        frames: list[tuple[str, int, str]] = []
        at = error.__traceback__
        while at is not None and len(frames) < _MAX_FRAMES:
            code = at.tb_frame.f_code
            frames.append((code.co_filename, at.tb_lineno, code.co_qualname))
            at = at.tb_next
        self.error = (name, message, tuple(frames))
        self.size += len(message) + _ATTRIBUTE_BYTES * (1 + len(frames))

    def __repr__(self) -> str:
        return f"<Span {self.name!r} {self.trace_id}/{self.span_id}>"


NOWHERE = Span("", "other", 0, 0, 0, EVERYTHING, recorded=False)
"""The span that is current where there is none: it takes everything and keeps nothing."""

CURRENT: ContextVar[Span | None] = ContextVar("volano.span", default=None)


def current_span() -> Span:
    """Return the step that runs here now; where there is none, a span that keeps nothing."""
    return CURRENT.get() or NOWHERE
