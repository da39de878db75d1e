"""Go templates of Ollama, written anew as the chat templates (Jinja) that engines render.

Read is the part of the language that chat templates are made of: `if`, `range .Messages`,
variables, comparisons. What is outside of it is refused with its words, never guessed. Tools
and thinking are taken as absent, which leaves their branches out.

Templates of two kinds are there. One walks over `.Messages`. The older one has `.System`,
`.Prompt` and `.Response`, and is rendered once for each turn; what follows the response
follows the assistant's words.

Source: github.com/ollama/ollama, `template/template.go`; pkg.go.dev/text/template.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from volano.core.errors import InvalidError

MOST_CHARS, MOST_DEPTH, MOST_NODES = 64 << 10, 40, 10_000
ABSENT = ("Tools", "ToolCalls", "Suffix", "Think", "Thinking", "ThinkLevel", "IsThinkSet")
"""Fields that are not given here: branches that ask for them are never taken."""
SYSTEM = (
    "{% for m in messages %}{% if m['role'] == 'system' %}"
    "{% set v.system = v.system ~ ('\\n\\n' if v.system else '') ~ m['content'] %}{% endif %}{% endfor %}"
)
"""All system messages as one. A loop: llama.cpp finds none by `selectattr` (2026.10)."""
_SPACE = " \t\r\n"
_INSIDE = re.compile(r'(?:"(?:\\.|[^"\\])*"|`[^`]*`|/\*.*?\*/|(?!\}\})[^"`])*+', re.DOTALL)
"""An action up to its end, which no text within it is."""
_WORD = re.compile(
    r'\s*(?:(?P<text>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>\d+)|(?P<mark>[()])'
    r"|(?P<name>\$\w*(?:\.\w+)?|\.\w+|\w+))"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'"}


class NotUnderstoodError(InvalidError):
    """The template has words that are not read here: {words}."""


@dataclass(slots=True)
class _Node:
    """One piece: `text`, an `out`put, a `set`, `if`, `range`, `continue`."""

    kind: str
    words: str = ""
    body: list["_Node"] = field(default_factory=list)
    other: list["_Node"] = field(default_factory=list)


def to_jinja(template: str) -> str:
    """Return the chat template that says the same.

    Raises:
        NotUnderstoodError: it has words that are not read here.
    """
    if len(template) > MOST_CHARS:
        raise NotUnderstoodError(words=f"{len(template)} characters")
    pieces = _pieces(template)
    nodes, ended = _read(pieces, 0)
    if ended:
        raise NotUnderstoodError(words=f"`{ended}` without a beginning")
    return _Writer().whole(nodes)


def _pieces(template: str) -> Iterator[tuple[str, str]]:
    """Give texts and actions in turn, white space cut off where an action says so."""
    at, cut = 0, False
    while (begin := template.find("{{", at)) >= 0:
        inside = _INSIDE.match(template, begin + 2)
        end = inside.end() if inside else begin
        if not template.startswith("}}", end):
            raise NotUnderstoodError(words=f"`{template[begin:][:40]}`")
        action = template[begin + 2 : end]
        before = action[:1] == "-" and action[1:2] in _SPACE
        text = template[at:begin].lstrip(_SPACE if cut else "")
        yield "text", text.rstrip(_SPACE if before else "")
        cut = action[-1:] == "-" and action[-2:-1] in _SPACE
        action = action[1 if before else 0 : -1 if cut else None].strip()
        if not action.startswith("/*"):
            yield "action", action
        at = end + 2
    yield "text", template[at:].lstrip(_SPACE if cut else "")


def _read(pieces: Iterator[tuple[str, str]], depth: int) -> tuple[list[_Node], str]:
    """Return nodes up to an `else` or `end`, and that."""
    if depth > MOST_DEPTH:
        raise NotUnderstoodError(words="more blocks within each other than anybody writes")
    nodes: list[_Node] = []
    for kind, words in pieces:
        first, _, rest = words.partition(" ")
        if kind == "text":
            nodes += [_Node("text", words)] if words else []
        elif first in ("end", "else"):
            return nodes, words
        elif first in ("if", "range"):
            nodes.append(_block(first, rest, pieces, depth))
        elif words == "continue":
            nodes.append(_Node(words))
        else:
            nodes.append(_Node("set" if re.match(r"\$\w+\s*:?=", words) else "out", words))
    return nodes, ""


def _block(kind: str, words: str, pieces: Iterator[tuple[str, str]], depth: int) -> _Node:
    node = _Node(kind, words.strip())
    node.body, ended = _read(pieces, depth + 1)
    if ended.startswith("else if "):
        node.other = [_block("if", ended.removeprefix("else if "), pieces, depth + 1)]
        return node
    if ended == "else":
        node.other, ended = _read(pieces, depth + 1)
    if ended != "end":
        raise NotUnderstoodError(words=f"`{ended or kind}` without an end")
    return node


def _settled(nodes: Sequence[_Node], room: list[int]) -> list[_Node]:
    """Return nodes that say the same without `continue`: what follows goes where it is not said.

    llama.cpp forgets what a turn wrote before a `continue` (2026.10).
    """
    room[0] -= len(nodes)
    if room[0] < 0:
        raise NotUnderstoodError(words="more than anybody writes")
    for at, node in enumerate(nodes):
        if node.kind == "continue":
            return [*nodes[:at]]
        if node.kind == "if" and _continues(node):
            rest = nodes[at + 1 :]
            body, other = (_settled([*part, *rest], room) for part in (node.body, node.other))
            return [*nodes[:at], _Node("if", node.words, body, other)]
    return [*nodes]


def _continues(node: _Node) -> bool:
    return any(
        one.kind == "continue" or (one.kind == "if" and _continues(one))
        for one in (*node.body, *node.other)
    )


class _Writer:
    """Writes nodes as Jinja. Nothing stands outside of its marks, so that no white space is cut."""

    def __init__(self) -> None:
        self._variables: set[str] = set()
        self._bound: dict[str, str] = {}
        self._fields: dict[str, str] = {"System": "v.system", "Messages": "messages"}
        self._turn = False

    def whole(self, nodes: Sequence[_Node]) -> str:
        said = self._messages(nodes) if _names(nodes, "Messages") else self._turns(nodes)
        variables = "".join(f", {name}=''" for name in sorted(self._variables))
        return f"{{% set v = namespace(system=''{variables}) %}}{said}"

    def _messages(self, nodes: Sequence[_Node]) -> str:
        cut = next((n for n, one in enumerate(nodes) if _is(one, ".Response")), len(nodes))
        before = SYSTEM if _names(nodes[:cut], "System") else ""
        return before + self._nodes(nodes[:cut])

    def _turns(self, nodes: Sequence[_Node]) -> str:
        """Write a template of one turn, rendered for each."""
        cut = next((n for n, one in enumerate(nodes) if _is(one, ".Response")), len(nodes))
        if _names([*nodes[:cut], *nodes[cut + 1 :]], "Response"):
            raise NotUnderstoodError(words="`.Response` more than once, or within a block")
        if not _names(nodes[:cut], "Prompt") or _names(nodes[cut:], "Prompt", "System"):
            raise NotUnderstoodError(words="no `.Prompt` before its response")
        self._fields = {"System": "v.system", "Prompt": "m['content']"}
        before, after = self._nodes(nodes[:cut]), self._nodes(nodes[cut + 1 :])
        return (
            "{% for m in messages %}{% if m['role'] == 'system' %}{% set v.system = m['content'] %}"
            f"{{% elif m['role'] == 'user' %}}{before}{{% set v.system = '' %}}"
            f"{{% elif m['role'] == 'assistant' %}}{{{{ m['content'] }}}}{after}{{% endif %}}{{% endfor %}}"
        )

    def _nodes(self, nodes: Sequence[_Node]) -> str:
        return "".join(map(self._node, nodes))

    def _node(self, node: _Node) -> str:
        if node.kind == "text":
            return f"{{{{ {literal(node.words)} }}}}"
        if node.kind == "out":
            return f"{{{{ {self._said(node.words)} }}}}"
        if node.kind == "set":
            name, _, value = re.split(r"\s*(:?=)\s*", node.words, maxsplit=1)
            return self._set(name.removeprefix("$"), value)
        if node.kind == "range":
            return self._range(node)
        if node.kind == "if":
            asked = self._said(node.words)
            if asked == "false":  # of what is absent nothing need be understood
                return self._nodes(node.other)
            other = f"{{% else %}}{self._nodes(node.other)}" if node.other else ""
            return f"{{% if {asked} %}}{self._nodes(node.body)}{other}{{% endif %}}"
        raise NotUnderstoodError(words=f"`{node.kind}` outside of a `range`")

    def _set(self, name: str, value: str) -> str:
        said = self._said(value)
        self._variables.add(f"own_{name}")
        return f"{{% set v.own_{name} = {said} %}}"

    def _range(self, node: _Node) -> str:
        over = node.words.rpartition(".")[2]
        if over in ABSENT:
            return self._nodes(node.other)
        found = re.fullmatch(
            r"(?:\$(\w+)\s*,\s*\$(\w+)\s*:=\s*|\$(\w+)\s*:=\s*)?\$?\.Messages", node.words
        )
        if found is None or self._turn or node.other:
            raise NotUnderstoodError(words=f"`range {node.words[:40]}`")
        self._bound = {found[1] or "": "loop.index0", found[2] or found[3] or "": "m"}
        self._turn = True
        body = self._nodes(_settled(node.body, [MOST_NODES]))
        self._turn, self._bound = False, {}
        return f"{{% for m in messages %}}{body}{{% endfor %}}"

    def _said(self, words: str) -> str:
        """Return an expression in Jinja's words."""
        try:
            tokens = [*_tokens(words)]
            said, at = self._call(tokens, 0, 0)
        except NotUnderstoodError as error:
            raise NotUnderstoodError(words=f"`{words[:60]}`") from error
        if at < len(tokens):
            raise NotUnderstoodError(words=f"`{words[:60]}`")
        return said

    def _call(self, tokens: Sequence[tuple[str, str]], at: int, depth: int) -> tuple[str, int]:
        """Read a function and what it is given, or one value, up to the end or a `)`."""
        function = None
        if at < len(tokens) and tokens[at][0] == "name" and tokens[at][1] in _FUNCTIONS:
            function, at = tokens[at][1], at + 1
        given: list[str] = []
        while at < len(tokens) and tokens[at][1] != ")":
            one, at = self._value(tokens, at, depth)
            given.append(one)
        if function is None:
            if len(given) != 1:
                raise NotUnderstoodError(words=f"`{' '.join(text for _, text in tokens)[:60]}`")
            return given[0], at
        said = _FUNCTIONS[function](given)
        if said is None:
            raise NotUnderstoodError(words=f"`{function}` of {len(given)}")
        return said, at

    def _value(self, tokens: Sequence[tuple[str, str]], at: int, depth: int) -> tuple[str, int]:
        kind, text = tokens[at]
        if text == "(" and depth < MOST_DEPTH:
            said, at = self._call(tokens, at + 1, depth + 1)  # what it gives has its own brackets
            if at >= len(tokens):
                raise NotUnderstoodError(words="`(` without an end")
            return said, at + 1
        if kind == "text":
            return literal(_unquoted(text)), at + 1
        if kind == "number" or text in ("true", "false"):
            return text, at + 1
        return self._name(text), at + 1

    def _name(self, name: str) -> str:
        first, _, rest = name.removeprefix("$").partition(".")
        if name.startswith("$") and first:
            said = self._bound.get(first)
            if said == "m" and rest in ("Role", "Content"):
                return f"m['{rest.lower()}']"
            if said == "m" and rest in ABSENT:
                return "false"
            if not rest and said != "m" and (said or f"own_{first}" in self._variables):
                return said or f"v.own_{first}"
        elif self._turn and not name.startswith("$") and rest in ("Role", "Content"):
            return f"m['{rest.lower()}']"
        elif rest in ABSENT:
            return "false"
        elif rest in self._fields and (name.startswith("$") or not self._turn):
            return self._fields[rest]
        raise NotUnderstoodError(words=f"`{name[:40]}`")


def _is(node: _Node, words: str) -> bool:
    return node.kind == "out" and node.words == words


def _names(nodes: Sequence[_Node], *fields: str) -> bool:
    """Whether a field is named anywhere in there."""
    for node in nodes:
        if node.kind != "text" and re.search(rf"\.(?:{'|'.join(fields)})\b", node.words):
            return True
        if _names(node.body, *fields) or _names(node.other, *fields):
            return True
    return False


def _tokens(words: str) -> Iterator[tuple[str, str]]:
    at, words = 0, words.strip()
    while at < len(words):
        found = _WORD.match(words, at)
        if found is None or found.end() == at or not found[0].strip():
            raise NotUnderstoodError(words=f"`{words[at:][:40]}`")
        kind = str(found.lastgroup)
        yield kind, found[kind]
        at = found.end()


def _unquoted(text: str) -> str:
    """Return what a Go string says."""
    if text.startswith("`"):
        return text[1:-1]

    def one(found: "re.Match[str]") -> str:
        if found[1] not in _ESCAPES:
            raise NotUnderstoodError(words=f"`\\{found[1]}`")
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.)", one, text[1:-1], flags=re.DOTALL)


def literal(text: str) -> str:
    """Return a text as Jinja says it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped.replace(chr(13), chr(92) + 'r')}'"


def _all(given: Sequence[str]) -> str | None:
    if "false" in given:
        return "false"
    return f"({' and '.join(given)})" if given else None


def _any(given: Sequence[str]) -> str | None:
    there = [one for one in given if one != "false"]
    return (f"({' or '.join(there)})" if there else "false") if given else None


def _not(given: Sequence[str]) -> str | None:
    if len(given) != 1:
        return None
    return "true" if given[0] == "false" else f"(not {given[0]})"


def _between(mark: str) -> Callable[[Sequence[str]], str | None]:
    return lambda given: f"({given[0]} {mark} {given[1]})" if len(given) == 2 else None


def _equal(given: Sequence[str]) -> str | None:
    """`eq a b c` asks whether a is b or c."""
    if len(given) < 2:
        return None
    return f"({' or '.join(f'{given[0]} == {one}' for one in given[1:])})"


def _printed(given: Sequence[str]) -> str | None:
    """`printf "%s-%s" a b`, where only texts are put in."""
    form, *values = given
    if not form.startswith("'"):
        return None
    parts = form[1:-1].split("%s")
    if len(parts) != len(values) + 1 or any("%" in part for part in parts):
        return None
    said = [f"'{parts[0]}'"]
    for value, part in zip(values, parts[1:], strict=True):
        said += [value, f"'{part}'"]
    return f"({' ~ '.join(said)})"


_FUNCTIONS: Mapping[str, Callable[[Sequence[str]], str | None]] = {
    "eq": _equal,
    "ne": _between("!="), "lt": _between("<"), "le": _between("<="),
    "gt": _between(">"), "ge": _between(">="),
    "and": _all, "or": _any, "not": _not,
    "len": lambda given: f"({given[0]} | length)" if len(given) == 1 else None,
    "slice": lambda given: f"{given[0]}[{given[1]}:]" if len(given) == 2 else None,
    "printf": lambda given: _printed(given) if given else None,
}  # fmt: skip
