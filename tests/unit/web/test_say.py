"""Saying a verb: arguments are checked by kind before a keeper hears of them."""

from pathlib import Path

import pytest

from support.workspace import ANNA
from volano.core.errors import InvalidError
from volano.web.api import VERBS
from volano.web.api.say import (
    BadArgumentError,
    LocalOnlyError,
    MissingArgumentError,
    UnknownArgumentError,
    say,
)
from volano.web.api.verb import Param, Verb


class Desk:
    """Says back what it heard."""

    def __init__(self):
        self.desk = self
        self.heard = None

    def hear(self, *given, **named):
        self.heard = (given, named)
        return {"heard": len(given) + len(named)}


def one(kind, **more):
    return Verb("desk", "hear", "desk.hear", "/desk", "", (Param("x", "what", kind, **more),))


def heard(param_kind, value, *, local=False, **more):
    desk = Desk()
    say(desk, one(param_kind, **more), {"x": value}, by=ANNA, local=local)
    return desk.heard[1].get("x")


@pytest.mark.parametrize(
    ("kind", "value", "becomes"),
    [
        ("text", "árvíz 水 \U0001f3a1\n\t", "árvíz 水 \U0001f3a1\n\t"),
        ("text", "", ""),
        ("int", 7, 7),
        ("int", "-7", -7),
        ("int", 0, 0),
        ("int", 2**63 - 1, 2**63 - 1),
        ("float", 1, 1.0),
        ("float", "0.25", 0.25),
        ("flag", True, True),
        ("flag", "False", False),
        ("json", '{"a": [1, null]}', {"a": [1, None]}),
        ("json", {"a": 1}, {"a": 1}),
        ("json", 0, 0),
        ("list", "a, b,c", ["a", "b", "c"]),
        ("list", ["a", "b"], ["a", "b"]),
        ("list", [], []),
    ],
)
def test_values_of_the_right_kind(kind, value, becomes):
    found = heard(kind, value)
    assert found == becomes
    assert type(found) is type(becomes)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", [7, 1.5, True, ["a"], {"a": 1}, "\ud800", "a\0b"]),
        ("int", ["", "x", "1.5", 1.5, True, [1], {}, "9" * 5000, 2**63, -(2**63) - 1, "1_0"]),
        ("float", ["", "x", True, [1], {}, "nan", float("nan"), float("inf"), "-inf", "1e999",
                   10**400]),
        ("flag", ["", "yes", 1, 0, [], {}, "1"]),
        ("json", ["", "{", "nope", '{"a": NaN}', "[" * 100_000, float("nan"), {"a": "\ud800"},
                  '"\\ud800"']),
        ("list", [7, True, [1], [["a"]], {"a": 1}, ["a", None], ["\ud800"], ["a\0"], "\0"]),
        ("path", [7, True, [], {}, "a\0b", "\ud800", ""]),
    ],
)  # fmt: skip
def test_values_of_the_wrong_kind_are_told(kind, values):
    for value in values:
        with pytest.raises(BadArgumentError) as caught:
            heard(kind, value, local=True)
        assert caught.value.message.startswith("`x` cannot be ")
        caught.value.message.encode()
        assert len(caught.value.message) < 300


def test_choices():
    assert heard("text", "b", choices=("a", "b")) == "b"
    with pytest.raises(BadArgumentError, match="one of a, b"):
        heard("text", "c", choices=("a", "b"))


@pytest.mark.parametrize("value", [-1, 0, "-5"])
def test_a_number_that_is_too_small(value):
    with pytest.raises(BadArgumentError, match="1 or more"):
        heard("int", value, least=1)
    assert heard("int", 1, least=1) == 1


def test_every_limit_has_an_end():
    """A negative LIMIT means all to SQLite and is an error to Postgres."""
    limits = [param for verb in VERBS for param in verb.params if param.name == "limit"]
    assert limits
    assert {param.least for param in limits} == {1}


def test_a_path_is_for_those_on_this_machine():
    assert heard("path", "a/b.csv", local=True) == Path("a/b.csv")
    with pytest.raises(LocalOnlyError) as caught:
        heard("path", "a/b.csv")
    assert "volano desk hear" in caught.value.advice


def test_a_document_says_its_folder_only_on_this_machine():
    given = {"file": "s.yaml", "text": "data: t", "folder": "/tmp"}
    assert heard("document", given, local=True) == given
    with pytest.raises(LocalOnlyError):
        heard("document", given)
    del given["folder"]
    assert heard("document", given) == given


def test_nothing_given_is_the_default_or_nothing():
    assert heard("int", None, default=20) == 20
    desk = Desk()
    say(desk, one("int"), {"x": None}, by=ANNA)
    assert desk.heard == ((), {})
    with pytest.raises(MissingArgumentError, match="`desk hear` needs `x`: what"):
        heard("int", None, required=True)


def test_an_unknown_name_is_told_with_the_known_ones():
    with pytest.raises(UnknownArgumentError) as caught:
        say(Desk(), one("int"), {"y": 1}, by=ANNA)
    assert "x" in caught.value.advice


def test_first_ones_go_in_order_and_changes_name_the_principal():
    params = (Param("a", first=True), Param("b", first=True), Param("c"))
    desk = Desk()
    verb = Verb("desk", "hear", "desk.hear", "/desk/{a}", "", params, changes=True)
    say(desk, verb, {"c": "3", "b": "2", "a": "1"}, by=ANNA)
    assert desk.heard == (("1", "2"), {"c": "3", "by": ANNA})


def test_the_principal_cannot_be_given():
    verb = Verb("desk", "hear", "desk.hear", "/desk", "", (), changes=True)
    with pytest.raises(UnknownArgumentError):
        say(Desk(), verb, {"by": "boss"}, by=ANNA)


GOOD = {
    "text": "a",
    "int": 1,
    "float": 0.5,
    "flag": True,
    "json": {},
    "list": ["a"],
    "path": "p",
    "folder": "p",
    "output": "p",
    "source": {"said": "p", "folder": "."},
    "document": {"file": "p.yaml", "text": "a: 1", "folder": "."},
    "secret": "s",
    "scalar": "yes",
}
WRONG = [
    None,
    "",
    "x",
    "\0",
    "\ud800",
    -1,
    0,
    2**70,
    1.5,
    float("nan"),
    True,
    [],
    [1],
    {},
    {"a": 1},
]


class Anything:
    """An app whose every method takes everything."""

    def __getattr__(self, name):
        return Anything()

    def __call__(self, *given, **named):
        return None


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.noun} {verb.name}")
def test_whatever_is_given_a_verb_takes_it_or_says_what_is_wrong(verb):
    good = {
        p.name: p.choices[0]
        if p.choices
        else max(p.least or 1, 1)
        if p.kind == "int"
        else GOOD[p.kind]
        for p in verb.params
    }
    assert say(Anything(), verb, good, by=ANNA, local=True) is None
    for param in verb.params:
        for value in WRONG:
            try:
                say(Anything(), verb, {**good, param.name: value}, by=ANNA, local=True)
            except InvalidError as error:
                error.message.encode()
