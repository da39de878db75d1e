"""Go templates of Ollama, written anew as the chat templates (Jinja) that engines render.

Read is the part of the language that chat templates are made of: `if`, `range .Messages`,
variables, comparisons. What is outside of it is refused with its words, never guessed. Tools
and thinking are taken as absent, which leaves their branches out.

Templates of two kinds are there. One walks over `.Messages`. The older one has `.System`,
`.Prompt` and `.Response`, and is rendered once for each turn; what follows the response
follows the assistant's words, those at the end of a talk too. Both are given neighbours of one
role as one message, as Ollama gives them.

Source: github.com/ollama/ollama, `template/template.go`; pkg.go.dev/text/template.
"""

import re
from collections.abc import Mapping, Sequence

from volano.models.exchange.go_tree import (
    MOST_CHARS,
    MOST_DEPTH,
    MOST_SAID,
    NAME,
    Node,
    NotUnderstoodError,
    names,
    setting,
    settled,
    tree,
)  # fmt: skip
from volano.models.exchange.go_value import EMPTY, NOTHING, Value, known, literal, value_of

__all__ = ["MOST_CHARS", "NotUnderstoodError", "to_jinja"]

ABSENT: Mapping[str, Value] = {
    "Tools": EMPTY, "Suffix": NOTHING, "Think": known(False), "IsThinkSet": known(False),
    "ThinkLevel": known(""),
}  # fmt: skip
"""Fields of a talk that are not given here, as empty as Go has them."""
MESSAGE: Mapping[str, Value] = {
    "Role": Value("text", "m['role']"), "Content": Value("text", "m['content']"),
    "Thinking": known(""), "ToolCalls": EMPTY, "Images": EMPTY,
}  # fmt: skip
TALK = (
    "{% for m in messages %}"
    "{% if not loop.first and m['role'] != 'tool' and m['role'] == messages[loop.index0 - 1]['role'] %}"
    "{% set v.talk = v.talk[:-1] + [{'role': m['role'],"
    " 'content': v.talk[-1]['content'] ~ '\\n\\n' ~ (m['content'] or '')}] %}"
    "{% else %}{% set v.talk = v.talk + [{'role': m['role'], 'content': m['content'] or ''}] %}{% endif %}"
    "{% endfor %}"
)
"""The messages, neighbours of one role as one; a message without words has none."""
SYSTEM = (
    "{% for m in v.talk %}{% if m['role'] == 'system' %}"
    "{% set v.system = v.system ~ ('\\n\\n' if v.system else '') ~ m['content'] %}{% endif %}{% endfor %}"
)
"""All system messages as one. A loop: llama.cpp finds none by `selectattr` (2026.10)."""
TURN = "".join(
    f"{{% {word} m['role'] == '{role}' %}}"
    f"{{% set v.{name} = v.{name} ~ ('\\n\\n' if v.{name} else '') ~ m['content'] %}}"
    for word, role, name in (
        ("if", "system", "system"), ("elif", "user", "prompt"), ("elif", "assistant", "response"),
    )
)  # fmt: skip
TURN += (
    "{% endif %}{% if loop.last"
    " or (v.talk[loop.index]['role'] == 'system' and (v.prompt or v.response))"
    " or (v.talk[loop.index]['role'] == 'user' and v.response) %}"
)
"""Collects what a turn says, and asks whether it ends here."""
_RANGE = re.compile(rf"(?:\$({NAME})(?:[ \t]*,[ \t]*\$({NAME}))?[ \t]*:=[ \t]*)?(.+)", re.DOTALL)


def to_jinja(template: str) -> str:
    """Return the chat template that says the same.

    Raises:
        NotUnderstoodError: it has words that are not read here.
    """
    return _Writer().whole(tree(template))


class _Writer:
    """Writes nodes as Jinja. Nothing stands outside of its marks, so that no white space is cut."""

    def __init__(self) -> None:
        self._own: set[str] = set()
        self._scopes: list[dict[str, Value]] = [{}]
        self._fields: dict[str, Value] = {**ABSENT, "System": Value("text", "v.system")}
        self._turn = False

    def whole(self, nodes: Sequence[Node]) -> str:
        said = self._messages(nodes) if names(nodes, "Messages") else self._turns(nodes)
        own = [f", {name}=''" for name in sorted(self._own)]
        first = "{% set v = namespace(talk=[], system='', prompt='', response=''"
        return _bounded([first, *own, ") %}", TALK, said])

    def _messages(self, nodes: Sequence[Node]) -> str:
        self._fields |= {
            "Messages": Value("list", "v.talk", truth=True),
            "Prompt": NOTHING,
            "Response": known(""),
        }
        return (SYSTEM if names(nodes, "System") else "") + self._nodes(nodes)

    def _turns(self, nodes: Sequence[Node]) -> str:
        """Write a template of one turn, rendered for each."""
        cut = next((n for n, one in enumerate(nodes) if _is(one, ".Response")), len(nodes))
        if names(nodes[:cut], "Response"):
            raise NotUnderstoodError(words="`.Response` within a block")
        if not names(nodes[:cut], "Prompt"):
            raise NotUnderstoodError(words="no `.Prompt` before its response")
        self._fields |= {"Prompt": Value("text", "v.prompt")}
        before = self._nodes(nodes[:cut])
        self._fields |= {"Response": Value("text", "v.response")}
        after = self._nodes(nodes[cut + 1 :])
        emptied = "".join(f"{{% set v.{name} = '' %}}" for name in ("system", "prompt", "response"))
        return _bounded(
            [
                f"{{% for m in v.talk %}}{TURN}", before,
                "{% if v.response or not loop.last %}{{ v.response }}", after,
                f"{{% endif %}}{emptied}{{% endif %}}{{% endfor %}}",
            ]
        )  # fmt: skip

    def _nodes(self, nodes: Sequence[Node]) -> str:
        room, said = MOST_SAID, []
        for node in nodes:
            said.append(self._node(node))
            room -= len(said[-1])
            if room < 0:
                raise NotUnderstoodError(words="more than anybody writes")
        return "".join(said)

    def _within(self, nodes: Sequence[Node], bound: Mapping[str, Value] | None = None) -> str:
        """Write a block, whose variables end with it."""
        if len(self._scopes) > MOST_DEPTH:
            raise NotUnderstoodError(words="more blocks within each other than anybody writes")
        self._scopes.append(dict(bound or {}))
        said = self._nodes(nodes)
        self._scopes.pop()
        return said

    def _node(self, node: Node) -> str:
        if node.kind == "text":
            return f"{{{{ {literal(node.words)} }}}}"
        if node.kind == "out":
            return self._out(node.words)
        if node.kind == "set":
            return self._set(node.words)
        if node.kind == "range":
            return self._range(node)
        if node.kind == "if":
            return self._if(node)
        raise NotUnderstoodError(words=f"`{node.kind} {node.words[:40]}`")

    def _out(self, words: str) -> str:
        value = self._value(words)
        if value.kind not in ("text", "number"):
            raise NotUnderstoodError(words=f"`{words[:60]}`")
        return "" if value.known == "" else f"{{{{ {value.said} }}}}"

    def _if(self, node: Node) -> str:
        asked = self._value(node.words)
        if asked.truth is not None:  # of what is never taken nothing need be understood
            return self._within(node.body if asked.truth else node.other)
        body, other = self._within(node.body), self._within(node.other)
        return _bounded(
            [f"{{% if {asked.said} %}}", body, "{% else %}" if other else "", other, "{% endif %}"]
        )

    def _set(self, words: str) -> str:
        name, sign, value = setting(words) or ("", "", "")
        said, before = self._value(value), self._variable(name)
        if said.kind not in ("text", "number", "truth"):
            raise NotUnderstoodError(words=f"`{words[:60]}`")
        own = Value(said.kind, f"v.own_{name}")
        # a second variable of that name, or one of another kind, is what Jinja has not
        if before != (None if sign == ":=" else own):
            raise NotUnderstoodError(words=f"`{words[:60]}`")
        self._own.add(f"own_{name}")
        if before is None:
            self._scopes[-1][name] = own
        return f"{{% set v.own_{name} = {said.said} %}}"

    def _range(self, node: Node) -> str:
        found = _RANGE.fullmatch(node.words)
        over = self._value(found[3]) if found else NOTHING
        if over == EMPTY:
            return self._within(node.other)
        if found is None or over != self._fields.get("Messages") or self._turn:
            raise NotUnderstoodError(words=f"`range {node.words[:40]}`")
        place, turn = (found[1], found[2]) if found[2] else (None, found[1])
        bound = {place: Value("number", "loop.index0")} if place else {}
        bound |= {turn: Value("nothing", "m")} if turn else {}
        if any(self._variable(one) for one in bound) or (place and place == turn):
            raise NotUnderstoodError(words=f"`range {node.words[:40]}`")
        self._turn = True
        body = self._within(settled(node.body, [MOST_SAID]), bound)
        self._turn = False
        return f"{{% for m in v.talk %}}{body}{{% endfor %}}"

    def _value(self, words: str) -> Value:
        return value_of(words, self._named)

    def _variable(self, name: str) -> Value | None:
        return next((one[name] for one in reversed(self._scopes) if name in one), None)

    def _named(self, name: str) -> Value:
        """Return what a field or a variable says."""
        first, _, rest = name.removeprefix("$").partition(".")
        found: Value | None = None
        if first:
            found = self._variable(first)
            turn = found is not None and found.said == "m"
            if rest or turn:  # a whole message cannot be said, nor a field of anything else
                found = MESSAGE.get(rest) if turn else None
        elif self._turn and not name.startswith("$"):
            found = MESSAGE.get(rest)
        else:
            found = self._fields.get(rest)
        if found is None:
            raise NotUnderstoodError(words=f"`{name[:40]}`")
        return found


def _is(node: Node, words: str) -> bool:
    return node.kind == "out" and node.words == words


def _bounded(parts: Sequence[str]) -> str:
    if sum(map(len, parts)) > MOST_SAID:
        raise NotUnderstoodError(words="more than anybody writes")
    return "".join(parts)
