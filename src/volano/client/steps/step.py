"""`trace`: a step of the application as a decorator and as a context manager.

    @volano.trace
    def answer(question): ...

    with volano.trace("look up", kind="retriever") as span:
        span.set(input=question, output=found)

Whatever goes wrong in here is swallowed; whatever goes wrong in the step is noted and
goes on untouched.
"""

from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar, overload

from volano.client.steps.running import Plan, Running, begin
from volano.client.steps.wrapped import wrapped
from volano.client.tracing.span import NOWHERE, SCOPED, Span

Function = TypeVar("Function", bound=Callable[..., Any])


class Step:
    """A step that is begun by `with`, or at each call of what it decorates."""

    __slots__ = ("_named", "_plan", "_runs")

    def __init__(self, plan: Plan, *, named: bool):
        self._plan, self._named = plan, named
        self._runs: list[Running | None] = []

    def __call__(self, function: Function) -> Function:
        """Put a step around each call of the function; without a name, it has the function's."""
        plan = self._plan
        if not self._named:
            name = getattr(getattr(function, "__func__", function), "__name__", "")
            plan = plan.named(name if isinstance(name, str) and name else "step")
        return wrapped(function, plan)

    def __enter__(self) -> Span:
        running = begin(self._plan)
        self._runs.append(running)
        return NOWHERE if running is None else running.span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        running = self._runs.pop() if self._runs else None
        if running is None:
            return
        if error is None:
            running.returned(None)
        else:
            running.raised(error)

    async def __aenter__(self) -> Span:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, trace)


@overload
def trace(name: Function, /) -> Function: ...
@overload
def trace(
    name: str | None = None,
    /,
    *,
    kind: str = "other",
    parent: "Span | str | Mapping[str, str] | None" = None,
    arguments: bool | None = None,
    result: bool | None = None,
    attributes: Mapping[str, Any] | None = None,
    session: str | None = None,
    user: str | None = None,
    tags: Mapping[str, str] | Iterable[str] | None = None,
    release: str | None = None,
    environment: str | None = None,
    **named: Any,
) -> Step: ...
def trace(
    name: Any = None,
    /,
    *,
    kind: str = "other",
    parent: Any = None,
    arguments: bool | None = None,
    result: bool | None = None,
    attributes: Mapping[str, Any] | None = None,
    **named: Any,
) -> Any:
    """Trace a function, or the block below `with`; say its name, or it has the function's.

    `kind` is llm, embedding, retriever, reranker, tool, agent, chain, guardrail, evaluator,
    prompt or other. `parent` is a `traceparent` that came with a request (or its headers), or a
    span of another thread. `arguments` and `result` say whether a decorated function's are
    taken; else `VOLANO_CAPTURE` does. `session`, `user`, `tags`, `release` and `environment`
    hold for the step and all within, as in `volano.session`. Anything else is an
    attribute of the step, as in `span.set`.
    """
    function = name if callable(name) or isinstance(name, staticmethod | classmethod) else None
    has_name = isinstance(name, str) and bool(name)
    scope = None
    if named:
        scope = {word: value for word, value in named.items() if word in SCOPED}
        if len(scope) < len(named):
            others = {word: value for word, value in named.items() if word not in SCOPED}
            attributes = {**(attributes or {}), **others}
    plan = Plan(
        name if has_name else "step",
        kind,
        parent,
        attributes,
        scope,
        arguments,
        result,
    )
    step = Step(plan, named=has_name)
    return step if function is None else step(function)
