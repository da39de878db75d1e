"""Go templates as trees: texts, and actions with what stands within them.

Read is what chat templates are made of. Words within an action stay words until somebody needs
them: in a branch that is never taken, nothing need be understood.

Source: pkg.go.dev/text/template.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from volano.core.errors import InvalidError

MOST_CHARS, MOST_DEPTH, MOST_NAMES = 64 << 10, 40, 64
MOST_SAID = 256 << 10
"""Characters that anything made of a template may have; counted while it is made."""
SPACE = " \t\r\n"
NAME = "[A-Za-z_][A-Za-z0-9_]{0,39}"
_INSIDE = re.compile(r'(?:"(?:\\.|[^"\\])*"|`[^`]*`|(?!\}\})[^"`])*+', re.DOTALL)
"""An action up to its end, which no text within it is."""
_COMMENT = re.compile(r"(?:-[ \t\r\n]+)?/\*(?:(?!\*/).)*+\*/(?:[ \t\r\n]+-)?", re.DOTALL)
_OPENED = re.compile(r"(?:-[ \t\r\n]+)?/\*")
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`', re.DOTALL)
_KEYWORD = re.compile(r"(if|range|with|else|end|continue)(?![^ \t\r\n(])[ \t\r\n]*(.*)", re.DOTALL)
_DECLARES = re.compile(rf"\$({NAME})(?:[ \t]*,[ \t]*\$({NAME}))?[ \t]*:=")
_SETS = re.compile(rf"\$({NAME})[ \t]*(:?=)[ \t]*(.+)", re.DOTALL)


class NotUnderstoodError(InvalidError):
    """The template has words that are not read here: {words}."""


@dataclass(slots=True)
class Node:
    """One piece: `text`, an `out`put, a `set`, `if`, `range`, `with`, `continue`."""

    kind: str
    words: str = ""
    body: list["Node"] = field(default_factory=list)
    other: list["Node"] = field(default_factory=list)
    size: int = 0
    continues: bool = False

    def closed(self) -> "Node":
        """Count what is within, now that all of it is there."""
        within = [*self.body, *self.other]
        self.size = 1 + len(self.words) + sum(one.size for one in within)
        self.continues = self.kind == "continue" or (
            self.kind != "range" and any(one.continues for one in within)
        )
        return self


def tree(template: str) -> list[Node]:
    """Return what a template is made of.

    Raises:
        NotUnderstoodError: it is no template, or larger than anybody writes.
    """
    if len(template) > MOST_CHARS:
        raise NotUnderstoodError(words=f"{len(template)} characters")
    if any("\ud800" <= one <= "\udfff" for one in template):
        raise NotUnderstoodError(words="characters that no text has")
    nodes, ended = _read(_pieces(template), 0)
    if ended:
        raise NotUnderstoodError(words=f"`{ended[:40]}` without a beginning")
    _declared(nodes, frozenset())
    return nodes


def names(nodes: Sequence[Node], *fields: str) -> bool:
    """Whether a field is named anywhere in there."""
    for node in nodes:
        if node.kind != "text" and re.search(rf"\.(?:{'|'.join(fields)})\b", _bare(node.words)):
            return True
        if names(node.body, *fields) or names(node.other, *fields):
            return True
    return False


def setting(words: str) -> tuple[str, str, str] | None:
    """Return name, sign and value where the words set a variable."""
    found = _SETS.fullmatch(words)
    return (found[1], found[2], found[3]) if found else None


def settled(nodes: Sequence[Node], room: list[int], depth: int = 0) -> list[Node]:
    """Return nodes that say the same without `continue`: what follows goes where it is not said.

    llama.cpp forgets what a turn wrote before a `continue` (2026.10). What follows is there
    twice then; the room is of characters.
    """
    room[0] -= sum(node.size for node in nodes)
    if room[0] < 0 or depth > MOST_DEPTH:
        raise NotUnderstoodError(words="more than anybody writes")
    for at, node in enumerate(nodes):
        if node.kind == "continue":
            return [*nodes[:at]]
        if node.kind == "if" and node.continues:
            rest = nodes[at + 1 :]
            body, other = (
                settled([*part, *rest], room, depth + 1) for part in (node.body, node.other)
            )
            return [*nodes[:at], Node("if", node.words, body, other)]
    return [*nodes]


def _pieces(template: str) -> Iterator[tuple[str, str]]:
    """Give texts and actions in turn, white space cut off where an action says so."""
    at, cut = 0, False
    while (begin := template.find("{{", at)) >= 0:
        comment = _COMMENT.match(template, begin + 2)
        if not comment and _OPENED.match(template, begin + 2):
            raise NotUnderstoodError(words="a comment that nothing ends")
        inside = comment or _INSIDE.match(template, begin + 2)
        end = inside.end() if inside else begin
        if not template.startswith("}}", end):
            raise NotUnderstoodError(words=f"`{template[begin : begin + 40]}`")
        action = template[begin + 2 : end]
        before = action[:1] == "-" and action[1:2] in SPACE
        text = template[at:begin].lstrip(SPACE if cut else "")
        yield "text", text.rstrip(SPACE if before else "")
        cut = action[-1:] == "-" and action[-2:-1] in SPACE
        action = action[1 if before else 0 : -1 if cut else None].strip(SPACE)
        if not comment:
            yield "action", action
        at = end + 2
    yield "text", template[at:].lstrip(SPACE if cut else "")


def _read(pieces: Iterator[tuple[str, str]], depth: int) -> tuple[list[Node], str]:
    """Return nodes up to an `else` or `end`, and that."""
    if depth > MOST_DEPTH:
        raise NotUnderstoodError(words="more blocks within each other than anybody writes")
    nodes: list[Node] = []
    for kind, words in pieces:
        found = _KEYWORD.fullmatch(words) if kind == "action" else None
        first, rest = (found[1], found[2]) if found else ("", "")
        if kind == "text":
            nodes += [Node("text", words).closed()] if words else []
        elif first in ("end", "else"):
            return nodes, f"{first} {rest}".strip()
        elif first in ("if", "range", "with"):
            nodes.append(_block(first, rest, pieces, depth))
        elif first and not rest:
            nodes.append(Node(first).closed())
        else:
            nodes.append(Node("set" if setting(words) else "out", words).closed())
    return nodes, ""


def _block(kind: str, words: str, pieces: Iterator[tuple[str, str]], depth: int) -> Node:
    node = Node(kind, words)
    node.body, ended = _read(pieces, depth + 1)
    again = _KEYWORD.fullmatch(ended.removeprefix("else").lstrip(SPACE))
    if kind == "if" and again and again[1] == "if":
        node.other = [_block("if", again[2], pieces, depth + 1)]
        return node.closed()
    if ended == "else":
        node.other, ended = _read(pieces, depth + 1)
    if ended != "end":
        raise NotUnderstoodError(words=f"`{ended[:40] or kind}` without an end")
    return node.closed()


def _bare(words: str) -> str:
    """Return words without what stands in quotes."""
    return _QUOTED.sub('""', words)


def _declared(nodes: Sequence[Node], there: frozenset[str]) -> None:
    """Refuse variables where Go knows none: they end with the block that made them."""
    here = set(there)
    for node in nodes:
        if node.kind == "text":
            continue
        words = _bare(node.words)
        made = _DECLARES.match(words)
        new = {one for one in made.groups() if one} if made else set()
        for used in re.findall(r"\$([A-Za-z0-9_]+)", words[made.end() :] if made else words):
            if used not in here:
                raise NotUnderstoodError(words=f"`${used[:40]}`")
        if len(here | new) > MOST_NAMES:
            raise NotUnderstoodError(words=f"more than {MOST_NAMES} variables")
        if node.kind == "set":
            here |= new
        else:
            within = frozenset(here | new)
            _declared(node.body, within)
            _declared(node.other, within)
