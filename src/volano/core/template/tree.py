"""Trees of templates, and the walker that fills them. Values are what JSON knows.

block       = [part, ...]
part        = "text" | ["out", expr] | ["if", [[expr, block], ...], block]
| ["for", [name, ...], expr, block, block]
expr        = ["const", value] | ["name", n] | ["item", expr, expr] | ["list", [expr, ...]]
| ["filter", name, expr, [expr, ...]] | ["test", name, expr, [expr, ...]]
| ["not" | "neg", expr] | ["and" | "or", expr, expr]
| ["compare", expr, [[op, expr], ...]] | ["join", [expr, ...]]
| ["choose", expr, expr, expr]
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volano.core.template.errors import FillError
from volano.core.template.filters import FILTERS, TESTS, is_number
from volano.core.template.limits import LOOP, OUTPUT_CHARS, WORK
from volano.core.template.missing import Missing, there
from volano.core.template.written import written

Tree = Sequence[Any]
Scope = Mapping[str, Any]

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
}
COMPARE = (*_COMPARE, "in", "notin")


class Meter:
    """Counts what a rendering does, over all its messages."""

    __slots__ = ("bulk", "left", "room")

    def __init__(self, values: Scope | None = None, *, work: int = WORK, chars: int = OUTPUT_CHARS):
        self.left = work
        self.room = chars
        self.bulk = 1 + bulk(values or {}) // 10
        """What it costs to compare or write a list or an object: as if it were all there is."""

    def spend(self, steps: int = 1) -> None:
        """Count steps.

        Raises:
            FillError: there were too many.
        """
        self.left -= steps
        if self.left < 0:
            raise FillError(why="it takes too many steps")

    def handle(self, value: Any) -> None:
        """Count the making or searching of a value."""
        if isinstance(value, str):
            self.spend(1 + len(value) // 100)
        else:
            self.spend(self.bulk if isinstance(value, list | tuple | dict) else 1)

    def write(self, text: str) -> str:
        """Count what is written."""
        self.room -= len(text)
        if self.room < 0:
            raise FillError(why=f"it writes more than {OUTPUT_CHARS:,} characters")
        return text


def fill(tree: Tree, values: Scope, meter: Meter | None = None) -> str:
    """Return the text of a tree, filled with values.

    Raises:
        FillError: something is not there or of another kind, or it would be too much.
    """
    out: list[str] = []
    try:
        _block(tree, values, meter or Meter(values), out)
    except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
        raise FillError(why=str(error)[:200] or type(error).__name__) from error
    return "".join(out)


def bulk(value: Any) -> int:
    """Return how much a value is: its items, and its characters by the hundred."""
    count, stack = 0, [value]
    while stack:
        one = stack.pop()
        count += 1 + (len(one) // 100 if isinstance(one, str) else 0)
        if isinstance(one, Mapping):
            stack += one.values()
        elif isinstance(one, list | tuple):
            stack += one
    return count


def _block(block: Tree, scope: Scope, meter: Meter, out: list[str]) -> None:
    for part in block:
        meter.spend()
        if isinstance(part, str):
            out.append(meter.write(part))
        elif part[0] == "out":
            value = _expr(part[1], scope, meter)
            meter.handle(value)
            out.append(meter.write(written(value)))
        elif part[0] == "if":
            _branch(part, scope, meter, out)
        else:
            _loop(part, scope, meter, out)


def _branch(part: Tree, scope: Scope, meter: Meter, out: list[str]) -> None:
    _, branches, otherwise = part
    for condition, block in branches:
        if there(_expr(condition, scope, meter)):
            _block(block, scope, meter, out)
            return
    _block(otherwise, scope, meter, out)


def _loop(part: Tree, scope: Scope, meter: Meter, out: list[str]) -> None:
    _, names, source, block, otherwise = part
    items = there(_expr(source, scope, meter), "loop over")
    if isinstance(items, dict):
        items = list(items)
    if not isinstance(items, list | tuple):
        raise FillError(why=f"`for` goes through a list, not through {written(items)[:40]!r}")
    if len(items) > LOOP:
        raise FillError(why=f"`for` goes through at most {LOOP:,} items, not {len(items):,}")
    if not items:
        _block(otherwise, scope, meter, out)
    inner = dict(scope)
    for at, item in enumerate(items):
        meter.spend(1 + len(names))
        if len(names) == 1:
            inner[names[0]] = item
        else:
            if not isinstance(item, list | tuple) or len(item) != len(names):
                raise FillError(why=f"an item is not {len(names)} values")
            inner.update(zip(names, item, strict=True))
        inner["loop"] = {
            "index": at + 1, "index0": at, "first": at == 0, "last": at == len(items) - 1,
            "length": len(items),
        }  # fmt: skip
        _block(block, inner, meter, out)


def _expr(expr: Tree, scope: Scope, meter: Meter) -> Any:
    meter.spend()
    return _EXPR[expr[0]](expr, scope, meter)


def _name(expr: Tree, scope: Scope, _meter: Meter) -> Any:
    name = expr[1]
    return scope[name] if name in scope else Missing(name)


def _item(expr: Tree, scope: Scope, meter: Meter) -> Any:
    value, key = there(_expr(expr[1], scope, meter)), _expr(expr[2], scope, meter)
    what = f"item {written(key)[:40]}"
    if isinstance(value, dict):
        return value.get(key, Missing(what)) if isinstance(key, str) else Missing(what)
    if isinstance(value, list | tuple | str) and type(key) is int:
        return value[key] if -len(value) <= key < len(value) else Missing(what)
    return Missing(what)


def _filter(expr: Tree, scope: Scope, meter: Meter) -> Any:
    _, name, on, given = expr
    value = _expr(on, scope, meter)
    arguments = [there(_expr(one, scope, meter)) for one in given]
    for one in (value, *arguments):
        meter.handle(one)
    if name != "default":
        there(value)
    made = FILTERS[name].apply(value, *arguments)
    meter.handle(made)
    return made


def _test(expr: Tree, scope: Scope, meter: Meter) -> bool:
    _, name, on, given = expr
    value = _expr(on, scope, meter)
    arguments = [there(_expr(one, scope, meter)) for one in given]
    if name not in ("defined", "undefined"):
        there(value)
    for one in arguments:
        meter.handle(one)
    return bool(TESTS[name].apply(value, *arguments))


def _compare(expr: Tree, scope: Scope, meter: Meter) -> bool:
    left = there(_expr(expr[1], scope, meter))
    for op, on in expr[2]:
        right = there(_expr(on, scope, meter))
        meter.handle(left)
        meter.handle(right)
        if op in ("in", "notin"):
            holds = (left in right) is (op == "in")
        else:
            holds = bool(_COMPARE[op](left, right))
        if not holds:
            return False
        left = right
    return True


def _joined(expr: Tree, scope: Scope, meter: Meter) -> str:
    parts = []
    for one in expr[1]:
        value = there(_expr(one, scope, meter))
        meter.handle(value)
        parts.append(written(value))
    text = "".join(parts)
    meter.handle(text)
    return text


def _neg(expr: Tree, scope: Scope, meter: Meter) -> Any:
    value = there(_expr(expr[1], scope, meter))
    if not is_number(value):
        raise FillError(why=f"{written(value)[:40]!r} has no negative")
    return -value


def _and(expr: Tree, scope: Scope, meter: Meter) -> Any:
    left = there(_expr(expr[1], scope, meter))
    return there(_expr(expr[2], scope, meter)) if left else left


def _or(expr: Tree, scope: Scope, meter: Meter) -> Any:
    left = there(_expr(expr[1], scope, meter))
    return left or there(_expr(expr[2], scope, meter))


def _choose(expr: Tree, scope: Scope, meter: Meter) -> Any:
    return _expr(expr[2] if there(_expr(expr[1], scope, meter)) else expr[3], scope, meter)


_EXPR: Mapping[str, Callable[[Tree, Scope, Meter], Any]] = {
    "const": lambda expr, _scope, _meter: expr[1],
    "name": _name,
    "item": _item,
    "list": lambda expr, scope, meter: [there(_expr(one, scope, meter)) for one in expr[1]],
    "filter": _filter,
    "test": _test,
    "not": lambda expr, scope, meter: not there(_expr(expr[1], scope, meter)),
    "neg": _neg,
    "and": _and,
    "or": _or,
    "compare": _compare,
    "join": _joined,
    "choose": _choose,
}
