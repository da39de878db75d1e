"""A function with a step around each call: plain, async, generator, async generator.

Which of the four it is, its code says (as `inspect` would, which takes longer to import than
all of this). A generator's step begins with its first item; it is current only while the
generator itself runs, not in the code that consumes it.
"""

import functools
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from time import perf_counter_ns
from typing import Any

from volano.client.steps.running import Plan, Running, begin
from volano.client.tracing.taken import MAX_CHARS, MAX_NODES, taken

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # CO_* of Objects/codeobject
_VARARGS = 0x04


def wrapped(function: Any, plan: Plan) -> Any:
    """Return the function with a step around each call; what is no function as it is."""
    if isinstance(function, staticmethod | classmethod):
        return type(function)(wrapped(function.__func__, plan))
    if isinstance(function, type) or not callable(function):
        return function
    flags = getattr(_inner(function), "__code__", None)
    flags = flags.co_flags if flags is not None else 0
    for flag, wrap in _WRAPS:
        if flags & flag:
            return wrap(function, plan, _naming(function))
    return _plain(function, plan, _naming(function))


def _plain(function: Any, plan: Plan, naming: "Naming") -> Any:
    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        running = begin(plan, lambda: naming(args, kwargs))
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            if running is not None:
                running.raised(error)
            raise
        if running is not None:
            running.returned(result)
        return result

    return step


def _async(function: Any, plan: Plan, naming: "Naming") -> Any:
    @functools.wraps(function)
    async def step(*args: Any, **kwargs: Any) -> Any:
        running = begin(plan, lambda: naming(args, kwargs))
        try:
            result = await function(*args, **kwargs)
        except BaseException as error:
            if running is not None:
                running.raised(error)
            raise
        if running is not None:
            running.returned(result)
        return result

    return step


def _generator(function: Any, plan: Plan, naming: "Naming") -> Any:
    @functools.wraps(function)
    def step(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        source = function(*args, **kwargs)
        running = begin(plan, lambda: naming(args, kwargs), enter=False)
        if running is None:
            return (yield from source)
        items = Items(running)
        resume, given = source.send, None
        try:
            while True:
                running.enter()
                try:
                    item = resume(given)
                finally:
                    running.leave()
                items.add(item)
                try:
                    resume, given = source.send, (yield item)
                except GeneratorExit:
                    source.close()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in: it is the source's
                    resume, given = source.throw, error
        except StopIteration as stop:
            items.done()
            return stop.value
        except BaseException as error:
            items.done(error)
            raise

    return step


def _async_generator(function: Any, plan: Plan, naming: "Naming") -> Any:
    @functools.wraps(function)
    async def step(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
        source = function(*args, **kwargs)
        running = begin(plan, lambda: naming(args, kwargs), enter=False)
        items = Items(running)
        resume, given = source.asend, None
        try:
            while True:
                if running is not None:
                    running.enter()
                try:
                    item = await resume(given)
                finally:
                    if running is not None:
                        running.leave()
                items.add(item)
                try:
                    resume, given = source.asend, (yield item)
                except GeneratorExit:
                    await source.aclose()
                    raise
                except BaseException as error:  # noqa: BLE001 - thrown in: it is the source's
                    resume, given = source.athrow, error
        except StopAsyncIteration:
            items.done()
        except BaseException as error:
            items.done(error)
            raise

    return step


class Items:
    """What came out of a generator, within the limits of one value: pieces of text as one text."""

    __slots__ = ("_chars", "_first_ns", "_found", "_running")

    def __init__(self, running: Running | None):
        self._running, self._chars, self._first_ns = running, 0, 0
        self._found: list[Any] = []

    def add(self, item: Any) -> None:
        """Keep a copy of the item while there is room."""
        if self._running is None:
            return
        try:
            if not self._first_ns:
                self._first_ns = perf_counter_ns()
            if self._chars < MAX_CHARS and (len(self._found) < MAX_NODES or type(item) is str):
                copy, size = taken(item)
                self._found.append(copy)
                self._chars += size
        except Exception:  # noqa: BLE001 - never the host's trouble
            return

    def done(self, error: BaseException | None = None) -> None:
        """End the step with what was kept, also where it was stopped or failed."""
        running = self._running
        if running is None:
            return
        if self._first_ns and running.span.recorded:
            waited_s = (self._first_ns - running.span.clock_ns) / 1e9
            running.span.keep("gen_ai.response.time_to_first_chunk", waited_s)
        if error is not None:
            running.yielded(self._whole())
            running.raised(error)
        else:
            running.returned(self._whole())

    def _whole(self) -> Any:
        if self._found and all(type(item) is str for item in self._found):
            return "".join(self._found)
        return self._found


class Naming:
    """Gives arguments their names: those of the function's own code, `self` and `cls` left out."""

    __slots__ = ("_first", "_names", "_rest")

    def __init__(self, names: tuple[str, ...], rest: str):
        self._first = 1 if names[:1] in (("self",), ("cls",)) else 0
        self._names, self._rest = names, rest

    def __call__(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name."""
        names, first = self._names, self._first
        found = dict(zip(names[first:], args[first:], strict=False))
        if len(args) > len(names):
            found[self._rest] = args[max(len(names), first) :]
        if kwargs:
            found.update(kwargs)
        return found


def _naming(function: Any) -> Naming:
    inner = _inner(function)
    while hasattr(inner, "__wrapped__"):
        inner = inner.__wrapped__
    code = getattr(inner, "__code__", None)
    if code is None:
        return Naming((), "args")
    names = code.co_varnames[: code.co_argcount]
    rest = "args"
    if code.co_flags & _VARARGS:
        rest = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
    return Naming(names, rest)


def _inner(function: Any) -> Any:
    """Return what is called in the end: without `functools.partial`, methods, callable objects."""
    for _ in range(_DEPTH):
        if isinstance(function, functools.partial):
            function = function.func
        elif hasattr(function, "__func__"):
            function = function.__func__
        elif not hasattr(function, "__code__"):
            function = type(function).__call__
            if not hasattr(function, "__code__"):
                break
        else:
            break
    return function


_DEPTH = 8
_WRAPS: tuple[tuple[int, Callable[[Any, Plan, Naming], Any]], ...] = (
    (_COROUTINE, _async),
    (_ASYNC_GENERATOR, _async_generator),
    (_GENERATOR, _generator),
)
