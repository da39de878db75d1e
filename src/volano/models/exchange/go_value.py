"""Values of Go templates: of which kind they are, how Jinja says them, what is known of them already.

Every value has Go's kind. Text stays text with its raw characters up to the moment it is written,
so that no word of a template becomes code. What Go and Jinja do not take in the same way is
refused: Go counts bytes of a text, writes `true` where Jinja writes `True`.

Source: pkg.go.dev/text/template, `Functions`.
"""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from volano.models.exchange.go_tree import MOST_DEPTH, MOST_SAID, NAME, SPACE, NotUnderstoodError

Kind = Literal["text", "number", "truth", "list", "mixed", "nothing"]
"""`mixed` is one of several, `nothing` a field that Go does not find: both can only be asked for."""
MOST_REPEATED = 64
_WORD = re.compile(
    r'[ \t\r\n]*(?:(?P<text>"(?:\\[^\n]|[^"\\\n])*"|`[^`]*`)|(?P<mark>[()])'
    r'|(?P<word>[^ \t\r\n()"`]+))(?P<next>[ \t\r\n)]|$)?'
)
_NUMBER = re.compile(r"-?(?:[1-9][0-9]{0,14}|0)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Value:
    """One value; `known` is None where only a talk tells it, and so is `truth`."""

    kind: Kind
    said: str
    known: str | int | None = None
    truth: bool | None = None

    def __post_init__(self) -> None:
        """Refuse what grew beyond all measure."""
        if len(self.said) > MOST_SAID:
            raise NotUnderstoodError(words="more than anybody writes")


NOTHING = Value("nothing", "", truth=False)
EMPTY = Value("list", "[]", truth=False)


def known(value: str | int) -> Value:
    """Return a value that stands in the template itself."""
    if isinstance(value, str):
        return Value("text", literal(value), value, bool(value))
    if isinstance(value, bool):
        return Value("truth", "true" if value else "false", value, value)
    return Value("number", f"({value})" if value < 0 else str(value), value, bool(value))


def literal(text: str) -> str:
    """Return a text as Jinja says it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped.replace(chr(13), chr(92) + 'r')}'"


def value_of(words: str, named: Callable[[str], Value]) -> Value:
    """Return what the words of an action say; `named` knows fields and variables.

    Raises:
        NotUnderstoodError: they have words that are not read here.
    """
    try:
        tokens = [*_tokens(words.strip(SPACE))]
        said, at = _call(tokens, 0, 0, named)
    except NotUnderstoodError as error:
        raise NotUnderstoodError(words=f"`{words[:60]}`") from error
    if at < len(tokens):
        raise NotUnderstoodError(words=f"`{words[:60]}`")
    return said


def _tokens(words: str) -> Iterator[tuple[str, str]]:
    """Give texts, brackets and words. What is not apart from its neighbour is one word to Go."""
    at = 0
    while at < len(words):
        found = _WORD.match(words, at)
        if found is None:
            raise NotUnderstoodError(words=f"`{words[at : at + 40]}`")
        kind = "text" if found["text"] else "mark" if found["mark"] else "word"
        if found["next"] is None and found["mark"] != "(":
            raise NotUnderstoodError(words=f"`{words[at : at + 40]}`")
        yield kind, found[kind]
        at = found.end(kind)


def _call(
    tokens: Sequence[tuple[str, str]], at: int, depth: int, named: Callable[[str], Value]
) -> tuple[Value, int]:
    """Read a function and what it is given, or one value, up to the end or a `)`."""
    function = None
    if at < len(tokens) and tokens[at][0] == "word" and tokens[at][1] in _FUNCTIONS:
        function, at = tokens[at][1], at + 1
    given: list[Value] = []
    while at < len(tokens) and tokens[at] != ("mark", ")"):
        one, at = _operand(tokens, at, depth, named)
        given.append(one)
    if function is None:
        if len(given) != 1:
            raise NotUnderstoodError(words=f"{len(given)} values")
        return given[0], at
    said = _FUNCTIONS[function](given) if given else None
    if said is None:
        raise NotUnderstoodError(words=f"`{function}`")
    return said, at


def _operand(
    tokens: Sequence[tuple[str, str]], at: int, depth: int, named: Callable[[str], Value]
) -> tuple[Value, int]:
    kind, text = tokens[at]
    if kind == "mark":
        if text != "(" or depth >= MOST_DEPTH:
            raise NotUnderstoodError(words=f"`{text}`")
        said, at = _call(tokens, at + 1, depth + 1, named)
        if at >= len(tokens):
            raise NotUnderstoodError(words="`(` without an end")
        return said, at + 1
    if kind == "text":
        return known(_unquoted(text)), at + 1
    if _NUMBER.fullmatch(text):
        return known(int(text)), at + 1
    if text in ("true", "false"):
        return known(text == "true"), at + 1
    if not re.fullmatch(rf"\.{NAME}|\$(?:{NAME})?(?:\.{NAME})?", text):
        raise NotUnderstoodError(words=f"`{text[:40]}`")
    return named(text), at + 1


def _unquoted(text: str) -> str:
    """Return what a Go string says."""
    if text.startswith("`"):
        return text[1:-1].replace("\r", "")

    def one(found: "re.Match[str]") -> str:
        if found[1] not in _ESCAPES:
            raise NotUnderstoodError(words=f"`\\{found[1]}`")
        return _ESCAPES[found[1]]

    return re.sub(r"\\(.)", one, text[1:-1])


def _common(given: Sequence[Value]) -> Kind:
    """Return the one kind of all, where it is one that can be said."""
    kinds = {one.kind for one in given}
    return given[0].kind if len(kinds) == 1 and given[0].kind in _ZERO else "mixed"


def _zero(kind: Kind) -> Value:
    return known(_ZERO[kind]) if kind in _ZERO else Value("mixed", "false", truth=False)


def _joined(kind: Kind, word: str, left: Sequence[Value]) -> Value:
    if len(left) == 1:
        return Value(kind, left[0].said, left[0].known, left[0].truth)
    return Value(kind, f"({f' {word} '.join(one.said for one in left)})")


def _all(given: Sequence[Value]) -> Value:
    """`and` gives the first that is empty, else the last."""
    kind = _common(given)
    if any(one.truth is False for one in given):
        return _zero(kind)
    return _joined(kind, "and", [*(one for one in given[:-1] if not one.truth), given[-1]])


def _any(given: Sequence[Value]) -> Value:
    """`or` gives the first that is not empty, else the last."""
    kind = _common(given)
    first = next((n for n, one in enumerate(given) if one.truth), len(given))
    left = [one for one in given[: first + 1] if one.truth is not False]
    if first < len(given) and kind == "mixed":
        return Value("mixed", "true", truth=True)
    return _joined(kind, "or", left) if left else _zero(kind)


def _not(given: Sequence[Value]) -> Value | None:
    if len(given) != 1:
        return None
    truth = given[0].truth
    return Value("truth", f"(not {given[0].said})") if truth is None else known(not truth)


def _compared(
    mark: str, does: Callable[[str | int, str | int], bool], *kinds: Kind
) -> Callable[[Sequence[Value]], Value | None]:
    def compare(given: Sequence[Value]) -> Value | None:
        if len(given) != 2 or _common(given) not in kinds:
            return None
        one, two = given
        if one.known is not None and two.known is not None:
            return known(does(one.known, two.known))
        return Value("truth", f"({one.said} {mark} {two.said})")

    return compare


def _equal(given: Sequence[Value]) -> Value | None:
    """`eq a b c` asks whether a is b or c; a is said again each time, so it has to be short."""
    if len(given) == 2:
        return _SAME(given)
    said = given[0].said
    if len(given) < 2 or _common(given) == "mixed" or len(said) > MOST_REPEATED:
        return None
    return Value("truth", f"({' or '.join(f'{said} == {one.said}' for one in given[1:])})")


def _length(given: Sequence[Value]) -> Value | None:
    if len(given) != 1 or given[0].kind != "list":
        return None
    return known(0) if given[0].truth is False else Value("number", f"({given[0].said} | length)")


def _sliced(given: Sequence[Value]) -> Value | None:
    """Give all messages from one on; a place that may be beyond them is an error to Go."""
    if len(given) != 2 or given[0].kind != "list" or not given[0].truth:
        return None
    if given[1].said not in ("loop.index0", "0", "1"):
        return None
    return Value("list", f"{given[0].said}[{given[1].said}:]")


def _printed(given: Sequence[Value]) -> Value | None:
    """`printf "%s-%s" a b`, where only texts are put in."""
    form, values = given[0].known, given[1:]
    if not isinstance(form, str) or any(one.kind != "text" for one in values):
        return None
    parts = form.split("%s")
    if len(parts) != len(values) + 1 or any("%" in part for part in parts):
        return None
    said = [literal(parts[0])]
    for value, part in zip(values, parts[1:], strict=True):
        said += [value.said, literal(part)]
    return Value("text", f"({' ~ '.join(said)})")


_ZERO: Mapping[str, str | int] = {"text": "", "number": 0, "truth": False}
_SAME = _compared("==", operator.eq, "text", "number", "truth")
_FUNCTIONS: Mapping[str, Callable[[Sequence[Value]], Value | None]] = {
    "eq": _equal,
    "ne": _compared("!=", operator.ne, "text", "number", "truth"),
    "lt": _compared("<", operator.lt, "number"), "le": _compared("<=", operator.le, "number"),
    "gt": _compared(">", operator.gt, "number"), "ge": _compared(">=", operator.ge, "number"),
    "and": _all, "or": _any, "not": _not,
    "len": _length, "slice": _sliced, "printf": _printed,
}  # fmt: skip
