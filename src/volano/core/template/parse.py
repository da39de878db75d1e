"""Reads a template with Jinja's own parser, and lets pass only what is on the list.

Jinja parses and never runs: what comes out is a tree of plain values (`tree`). The
environment is the sandboxed one all the same.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from volano.core.lazy import lazy
from volano.core.template.errors import BadTemplateError
from volano.core.template.filters import FILTERS, TESTS, Tool
from volano.core.template.limits import DEPTH, TEMPLATE_CHARS
from volano.core.template.tree import COMPARE
from volano.core.text import nfc

if TYPE_CHECKING:
    import jinja2
    from jinja2 import nodes, sandbox
else:
    jinja2, nodes, sandbox = lazy("jinja2"), lazy("jinja2.nodes"), lazy("jinja2.sandbox")


@cache
def _environment() -> Any:
    return sandbox.ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, cache_size=0,
    )  # fmt: skip


def parse(text: str) -> tuple[list[Any], tuple[str, ...]]:
    """Return a template's tree, and the names of the variables it uses, first come first.

    Raises:
        BadTemplateError: it is not read, or says what is not allowed; with its line.
    """
    if len(text) > TEMPLATE_CHARS:
        raise BadTemplateError(why=f"it has {len(text):,} characters, more than {TEMPLATE_CHARS:,}")
    try:
        parsed = _environment().parse(nfc(text))
        reader = _Reader()
        return reader.block(parsed.body, 0), tuple(reader.free)
    except jinja2.TemplateSyntaxError as error:
        raise BadTemplateError(why=f"line {error.lineno}: {error.message}") from error
    except RecursionError:
        raise BadTemplateError(why="it is nested too deeply") from None
    except (ValueError, OverflowError, MemoryError) as error:
        raise BadTemplateError(why=str(error)[:200]) from error


class _Reader:
    """Turns Jinja's nodes into a tree. `free` are the names that no loop gives."""

    def __init__(self) -> None:
        self.free: dict[str, None] = {}
        self._bound: list[str] = []

    def block(self, body: Sequence[Any], depth: int) -> list[Any]:
        parts: list[Any] = []
        for node in body:
            if isinstance(node, nodes.Output):
                for one in node.nodes:
                    if isinstance(one, nodes.TemplateData):
                        parts.append(one.data)
                    else:
                        parts.append(["out", self.expr(one, depth + 1)])
            elif isinstance(node, nodes.If):
                parts.append(self._if(node, _deeper(node, depth)))
            elif isinstance(node, nodes.For):
                parts.append(self._for(node, _deeper(node, depth)))
            else:
                raise _refused(node)
        return parts

    def expr(self, node: Any, depth: int) -> list[Any]:
        depth = _deeper(node, depth)
        write = _WRITE.get(type(node).__name__)
        if write is None:
            raise _refused(node)
        return write(self, node, depth)

    def _if(self, node: Any, depth: int) -> list[Any]:
        branches = [
            [self.expr(one.test, depth), self.block(one.body, depth)] for one in (node, *node.elif_)
        ]
        return ["if", branches, self.block(node.else_, depth)]

    def _for(self, node: Any, depth: int) -> list[Any]:
        if node.recursive or node.test is not None:
            raise BadTemplateError(
                why=f"line {node.lineno}: a `for` has no condition and no recursion"
            )
        target: Any = node.target
        targets: list[Any] = target.items if isinstance(target, nodes.Tuple) else [target]
        if not all(isinstance(one, nodes.Name) for one in targets):
            raise _refused(target)
        names = [_plain(one.name, node) for one in targets]
        source = self.expr(node.iter, depth)
        otherwise = self.block(node.else_, depth)
        self._bound += [*names, "loop"]
        body = self.block(node.body, depth)
        del self._bound[-len(names) - 1 :]
        return ["for", names, source, body, otherwise]

    def name(self, node: Any, _depth: int) -> list[Any]:
        name = _plain(node.name, node)
        if name not in self._bound:
            self.free[name] = None
        return ["name", name]

    def item(self, node: Any, depth: int) -> list[Any]:
        if isinstance(node, nodes.Getattr):
            key = ["const", _plain(node.attr, node)]
        else:
            key = self.expr(node.arg, depth)
            if key[0] == "const" and isinstance(key[1], str):
                _plain(key[1], node)
        return ["item", self.expr(node.node, depth), key]

    def tool(self, node: Any, depth: int) -> list[Any]:
        kind, known = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
        tool: Tool | None = known.get(node.name)
        if tool is None or node.node is None:
            raise BadTemplateError(
                why=f"line {node.lineno}: there is no {kind} `{node.name[:40]}` "
                f"(known: {', '.join(known)})"
            )
        if node.kwargs or node.dyn_args or node.dyn_kwargs:
            raise BadTemplateError(
                why=f"line {node.lineno}: `{node.name}` takes its arguments in order"
            )
        if not tool.least <= len(node.args) <= tool.most:
            raise BadTemplateError(
                why=f"line {node.lineno}: `{node.name}` takes {tool.least} to {tool.most} arguments"
            )
        given = [self.expr(one, depth) for one in node.args]
        return [kind, node.name, self.expr(node.node, depth), given]

    def compare(self, node: Any, depth: int) -> list[Any]:
        if any(one.op not in COMPARE for one in node.ops):
            raise _refused(node)
        ops = [[one.op, self.expr(one.expr, depth)] for one in node.ops]
        return ["compare", self.expr(node.expr, depth), ops]

    def choose(self, node: Any, depth: int) -> list[Any]:
        other = ["const", ""] if node.expr2 is None else self.expr(node.expr2, depth)
        return ["choose", self.expr(node.test, depth), self.expr(node.expr1, depth), other]


def _const(_reader: _Reader, node: Any, _depth: int) -> list[Any]:
    value = node.value
    if isinstance(value, float) and not math.isfinite(value):
        raise BadTemplateError(why=f"line {node.lineno}: this number is none")
    if isinstance(value, int) and not -(2**53) < value < 2**53:
        raise BadTemplateError(why=f"line {node.lineno}: this number is too large")
    if value is not None and not isinstance(value, str | int | float):
        raise _refused(node)
    return ["const", value]


_WRITE: Mapping[str, Callable[[_Reader, Any, int], list[Any]]] = {
    "Const": _const,
    "Name": _Reader.name,
    "Getattr": _Reader.item,
    "Getitem": _Reader.item,
    "Filter": _Reader.tool,
    "Test": _Reader.tool,
    "Compare": _Reader.compare,
    "CondExpr": _Reader.choose,
    "Concat": lambda reader, node, depth: ["join", [reader.expr(n, depth) for n in node.nodes]],
    "List": lambda reader, node, depth: ["list", [reader.expr(n, depth) for n in node.items]],
    "Tuple": lambda reader, node, depth: ["list", [reader.expr(n, depth) for n in node.items]],
    "And": lambda r, node, depth: ["and", r.expr(node.left, depth), r.expr(node.right, depth)],
    "Or": lambda r, node, depth: ["or", r.expr(node.left, depth), r.expr(node.right, depth)],
    "Not": lambda reader, node, depth: ["not", reader.expr(node.node, depth)],
    "Neg": lambda reader, node, depth: ["neg", reader.expr(node.node, depth)],
}
"""What an expression may be. All else is refused: calls, arithmetic, slices, and what Jinja adds."""
_CALLED = {
    "Call": "calls", "CallBlock": "calls", "Assign": "`set`", "AssignBlock": "`set`",
    "Macro": "macros", "Include": "`include`", "Import": "`import`", "FromImport": "`import`",
    "Extends": "`extends`", "Block": "blocks", "FilterBlock": "filter blocks", "With": "`with`",
    "ScopedEvalContextModifier": "`autoescape`", "Slice": "slices", "Dict": "objects",
    "Mul": "`*`", "Pow": "`**`", "Add": "`+`", "Sub": "`-`", "Div": "`/`", "FloorDiv": "`//`",
    "Mod": "`%`", "Pos": "`+`", "NSRef": "namespaces",
}  # fmt: skip


def _refused(node: Any) -> BadTemplateError:
    kind = type(node).__name__
    what = _CALLED.get(kind, f"`{kind.lower()}`")
    return BadTemplateError(why=f"line {getattr(node, 'lineno', 1)}: {what} cannot be used here")


def _plain(name: str, node: Any) -> str:
    """Return a name in NFC; one that begins like Python's own is none."""
    if nfc(name)[:1] in ("_", "\uff3f", "\ufe33", "\ufe34", "\ufe4d", "\ufe4e", "\ufe4f"):
        raise BadTemplateError(why=f"line {node.lineno}: a name begins with no underscore")
    return nfc(name)


def _deeper(node: Any, depth: int) -> int:
    if depth >= DEPTH:
        raise BadTemplateError(why=f"line {node.lineno}: it is nested too deeply")
    return depth + 1
