"""Parse: a filter's text becomes nodes, by recursive descent.

filter     = all { "or" all }
all        = one { "and" one }
one        = "not" one | "(" filter ")" | "has" place | condition
condition  = place op value | place [ "not" ] "in" "(" value { "," value } ")"
"""

import difflib
from collections.abc import Callable
from typing import cast

from volano.core.text import nfc
from volano.traces.errors import FilterError, FilterTooLongError
from volano.traces.filter import values
from volano.traces.filter.fields import ALIASES, FIELDS, Field, field_of
from volano.traces.filter.nodes import Among, And, Compare, Has, Node, Not, Op, Or, Place, Says
from volano.traces.filter.tokens import MAX_CHARS, Token, tokens, wrong
from volano.traces.filter.values import Prefix, Text, Value
from volano.traces.search import words_of

_EQUAL = ("=", "!=")
_ORDER = ("<", "<=", ">", ">=")
_OPS = {
    "text": _EQUAL, "words": (*_EQUAL, "~"), "number": (*_EQUAL, *_ORDER),
    "duration": (*_EQUAL, *_ORDER), "time": _ORDER, "money": (*_EQUAL, *_ORDER),
    "share": (*_EQUAL, *_ORDER), "flag": _EQUAL, "any": (*_EQUAL, *_ORDER),
}  # fmt: skip
_WANTED = {
    "number": "a whole number, such as 200",
    "duration": "a length of time with its unit, such as 2s, 300ms or 5min",
    "time": "a time, such as -24h, 2026-11-01 or 2026-11-01T12:30Z",
    "money": "an amount with its currency, such as 0.01 USD",
    "share": "a share, such as 5%",
    "flag": "true or false",
}
_MAX_DEPTH = 50


def parse(text: str) -> Node | None:
    """Read a filter; an empty one chooses everything and is None.

    Raises:
        FilterError: it cannot be read; says where, why, and what was probably meant.
        FilterTooLongError: as it says.
    """
    if len(text) > MAX_CHARS:
        raise FilterTooLongError(most=MAX_CHARS)
    return _Parser(nfc(text)).filter() if text.strip() else None


class _Parser:
    def __init__(self, text: str):
        self._text, self._tokens, self._n, self._depth = text, tokens(text), 0, 0

    def filter(self) -> Node:
        node = self._any()
        if self._next.kind != "end":
            raise self._wrong(f"after a condition comes `and` or `or`, not `{self._said()}`")
        return node

    # ---- the grammar

    def _any(self) -> Node:
        parts = [self._all()]
        while self._take_word("or"):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Node:
        parts = [self._one()]
        while self._take_word("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._wrong("it goes too deep")
        try:
            if self._take_word("not"):
                return Not(self._one())
            if self._take("("):
                node = self._any()
                self._expect(")")
                return node
            if self._take_word("has"):
                return Has(self._place())
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Node:
        begin = self._next
        place = self._place()
        field = field_of(place)
        if self._take_word("not"):
            if not self._is_word("in"):
                raise self._wrong("here comes `in`: `release not in (support@1, support@2)`")
            return Not(self._among(place, field))
        if self._is_word("in"):
            return self._among(place, field)
        return self._comparison(begin, place, field)

    def _comparison(self, begin: Token, place: Place, field: Field) -> Node:
        at = self._next
        if at.kind != "op":
            known = ", ".join((*_ops(field), *([] if field.kind == "time" else ["in"])))
            raise self._wrong(f"after `{self._text[begin.at : begin.end]}` comes one of {known}")
        if at.text not in _ops(field):
            raise self._wrong(f"`{place}` takes {', '.join(_ops(field))}, not `{at.text}`")
        self._n += 1
        if self._next.text == "=" and self._next.at == at.end:
            raise self._wrong("one `=` is enough")
        if at.text == "~":
            return Says(place, self._words())
        value = self._value(field)
        if field.kind == "any" and at.text in _ORDER and not isinstance(value, values.Number):
            raise self._wrong("an attribute is compared so with a number", self._before)
        return Compare(place, cast(Op, at.text), value)

    def _among(self, place: Place, field: Field) -> Among:
        if "=" not in _ops(field):
            raise self._wrong(f"`{place}` takes {', '.join(_ops(field))}, not `in`")
        self._n += 1
        self._expect("(")
        found = [self._value(field)]
        while self._take(","):
            found.append(self._value(field))
        self._expect(")")
        return Among(place, tuple(found))

    def _words(self) -> str:
        token = self._next
        if token.kind not in ("word", "quote"):
            raise self._wrong('here come words to look for, such as "refund"')
        self._n += 1
        text = token.text
        if not words_of(text).terms:
            raise self._wrong("there is no word in it to look for", token)
        return text

    # ---- places

    def _place(self) -> Place:
        token = self._next
        if token.kind != "word":
            raise self._wrong("here comes a field, such as channel, latency or tag.plan")
        self._n += 1
        of, dot, name = token.text.partition(".")
        of = of.lower()
        if dot and of in ("tag", "attr"):
            return self._named(of, name, token)
        name = token.text.lower()
        name = ALIASES.get(name, name)
        if name not in FIELDS:
            raise self._wrong(_no_field(token.text), token)
        return Place(name)

    def _named(self, of: str, name: str, token: Token) -> Place:
        quote = self._next
        if not name and quote.kind == "quote" and quote.at == token.end:
            self._n += 1
            name = quote.text
        if not name:
            raise self._wrong(f"`{of}.` wants a name behind it: {of}.plan", token)
        if of == "tag" and set(name) & set('"\\'):
            raise self._wrong("a tag's name holds neither quotation marks nor `\\`", token)
        return Place(name, "tag" if of == "tag" else "attr")

    # ---- values

    def _value(self, field: Field) -> Value:
        token = self._next
        if token.kind not in ("word", "quote"):
            wanted = _WANTED.get(field.kind, "a value")
            raise self._wrong(f"here comes {wanted}")
        self._n += 1
        if field.kind in ("text", "words"):
            return self._checked(field, self._string(token), token)
        if field.kind == "any":
            return self._anything(token)
        if field.kind == "money":
            return self._money(token)
        read: Callable[[str], Value | None] = _READ[field.kind]
        value = read(token.text) if token.kind == "word" else None
        if field.kind == "number" and isinstance(value, values.Number):
            value = value if isinstance(value.number, int) else None
        if value is None:
            wanted = _WANTED[field.kind]
            raise self._wrong(f"`{token.text}` is not {wanted}{_meant(field, token.text)}", token)
        return value

    def _string(self, token: Token) -> Text | Prefix:
        if token.kind == "word":
            if token.text.endswith("*") and len(token.text) > 1:
                return Prefix(token.text[:-1])
            return Text(token.text)
        star = self._next
        if star.kind == "word" and star.text == "*" and star.at == token.end:
            self._n += 1
            return Prefix(token.text)
        return Text(token.text)

    def _checked(self, field: Field, value: Text | Prefix, token: Token) -> Value:
        if field.choices and isinstance(value, Text) and value.text not in field.choices:
            near = difflib.get_close_matches(value.text.lower(), field.choices, 1, 0.5)
            meant = f"; did you mean `{near[0]}`" if near else ""
            known = ", ".join(field.choices)
            raise self._wrong(f"`{field.name}` is one of {known}{meant}", token)
        return value

    def _anything(self, token: Token) -> Value:
        if token.kind == "word":
            found = values.number(token.text) or values.flag(token.text)
            if found is not None and token.text not in ("yes", "no"):
                return found
        return self._string(token)

    def _money(self, token: Token) -> Value:
        currency = self._next
        found = None
        if token.kind == "word" and currency.kind == "word":
            found = values.amount(token.text, currency.text)
        if found is None:
            said = self._text[token.at : token.end]
            raise self._wrong(f"`{said}` is not {_WANTED['money']}", token)
        self._n += 1
        return found

    # ---- the tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._n]

    @property
    def _before(self) -> Token:
        return self._tokens[self._n - 1]

    def _said(self) -> str:
        return self._text[self._next.at : self._next.end]

    def _is_word(self, word: str) -> bool:
        return self._next.kind == "word" and self._next.text.lower() == word

    def _take_word(self, word: str) -> bool:
        taken = self._is_word(word)
        self._n += taken
        return taken

    def _take(self, mark: str) -> bool:
        taken = self._next.kind == "bracket" and self._next.text == mark
        self._n += taken
        return taken

    def _expect(self, mark: str) -> None:
        if not self._take(mark):
            raise self._wrong(f"here comes `{mark}`")

    def _wrong(self, why: str, token: Token | None = None) -> FilterError:
        return wrong(self._text, (token or self._next).at, why)


_READ: dict[str, Callable[[str], Value | None]] = {
    "number": values.number,
    "duration": values.duration,
    "time": values.moment,
    "share": values.share,
    "flag": values.flag,
}


def _ops(field: Field) -> tuple[str, ...]:
    return ("~",) if field.name in ("text", "input", "output") else _OPS[field.kind]


def _no_field(given: str) -> str:
    known = [*FIELDS, *ALIASES, "tag.", "attr."]
    near = difflib.get_close_matches(given.lower(), known, 1, 0.5)
    meant = f"; did you mean `{near[0]}`" if near else ""
    look = "" if near else '; to look for a word, say: text ~ "…"'
    return f"there is no field `{given}`{meant}{look}"


def _meant(field: Field, given: str) -> str:
    if field.kind == "time" and values.duration(given):
        return f"; did you mean `-{given}`"
    if field.kind == "duration" and values.number(given):
        return f"; did you mean `{given}s`"
    return ""
