"""A step that runs: its span made current, and left again; nothing here raises into the host."""

from collections.abc import Callable, Mapping
from contextvars import ContextVar, Token
from typing import Any

from volano.client.process import PROCESS
from volano.client.tracing.scope import EVERYTHING, SCOPE, Scope
from volano.client.tracing.span import CURRENT, INPUT, OUTPUT, Span


class Plan:
    """What is said of a step before it runs. `scope` narrows it and all within.

    A plain class: one is made for each block, and a frozen dataclass takes three times as long.
    """

    __slots__ = ("arguments", "attributes", "kind", "name", "parent", "result", "scope")

    def __init__(
        self,
        name: str = "step",
        kind: str = "other",
        parent: Any = None,
        attributes: Mapping[str, Any] | None = None,
        scope: Mapping[str, Any] | None = None,
        arguments: bool | None = None,
        result: bool | None = None,
    ):
        self.name, self.kind, self.parent = name, kind, parent
        self.attributes, self.scope = attributes, scope
        self.arguments, self.result = arguments, result

    def named(self, name: str) -> "Plan":
        """Return the same under this name."""
        said = self.parent, self.attributes, self.scope, self.arguments, self.result
        return Plan(name, self.kind, *said)


class Running:
    """One run of a step. `begin` makes it, `enter` and `leave` stand around each piece of it."""

    __slots__ = ("_end", "_result", "_scope", "_tokens", "span")

    def __init__(self, plan: Plan, arguments: Callable[[], Mapping[str, Any]] | None = None):
        tracer = PROCESS.tracer or PROCESS.start()
        self._end = tracer.end
        self._scope: Scope | None = None
        token = None
        if plan.scope:
            self._scope = SCOPE.get().narrowed(plan.scope)
            token = SCOPE.set(self._scope)
        self.span = span = tracer.begin(plan.name, plan.kind, plan.parent)
        if token is not None:
            SCOPE.reset(token)
        self._tokens: tuple[Token[Span | None], Token[Scope] | None] | None = None
        self._result = False
        if span.recorded:
            self._result = tracer.capture if plan.result is None else plan.result
            if plan.attributes:
                span.set(plan.attributes)
            wanted = tracer.capture if plan.arguments is None else plan.arguments
            if wanted and arguments is not None and (given := arguments()):
                span.keep(INPUT, given)

    def enter(self) -> None:
        """Make the span current in this thread or task."""
        scope = SCOPE.set(self._scope) if self._scope is not None else None
        self._tokens = CURRENT.set(self.span), scope

    def leave(self) -> None:
        """Make the span before current again, also where the step ends elsewhere than it began."""
        if self._tokens is None:
            return
        (current, scope), self._tokens = self._tokens, None
        _reset(CURRENT, current, None)
        if scope is not None:
            _reset(SCOPE, scope, EVERYTHING)

    def returned(self, result: Any) -> None:
        """End well, with what came out."""
        try:
            if self._tokens is not None:
                self.leave()
            if self._result and result is not None:
                self.span.keep(OUTPUT, result)
            self._end(self.span)
        except Exception:  # noqa: BLE001 - never the host's trouble
            return

    def yielded(self, items: Any) -> None:
        """Keep what came out before it ended badly."""
        if self._result and self.span.recorded:
            self.span.keep(OUTPUT, items)

    def raised(self, error: BaseException | None) -> None:
        """End with an error. That a consumer or the program stopped early is none."""
        try:
            if self._tokens is not None:
                self.leave()
            if isinstance(error, GeneratorExit) or _went_well(error):
                self.span.set({"volano.stopped": True})
                error = None
            self._end(self.span, error)
        except Exception:  # noqa: BLE001 - never the host's trouble
            return


def begin(
    plan: Plan, arguments: Callable[[], Mapping[str, Any]] | None = None, *, enter: bool = True
) -> Running | None:
    """Return the run that begins now; None where that could not be done."""
    try:
        running = Running(plan, arguments)
        if enter:
            running.enter()
        return running
    except Exception:  # noqa: BLE001 - never the host's trouble
        return None


def _reset(variable: ContextVar[Any], token: Token[Any], otherwise: Any) -> None:
    try:
        variable.reset(token)
    except (ValueError, RuntimeError):
        variable.set(otherwise)


def _went_well(error: BaseException | None) -> bool:
    return isinstance(error, SystemExit) and error.code in (None, 0)
