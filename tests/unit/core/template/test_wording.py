"""A wording renders the same wherever it travels; examples never show the question itself."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.template.errors import (
    BadVariableError,
    MissingValueError,
    UnfitValueError,
    UnknownVariableError,
)
from volano.core.template.nearest import Nearest
from volano.core.template.parse import parse
from volano.core.template.shown import Example, Examples
from volano.core.template.variable import Variable, fitted
from volano.core.template.wording import Wording

ROWS = tuple(
    Example(text, label, label)
    for text, label in [
        ("Hol van a csomagom?", "delivery"), ("Wo ist mein Paket?", "delivery"),
        ("Верните мне деньги", "refund"), ("我的包裹在哪里", "delivery"), ("我要退款", "refund"),
        ("Vissza kérem a pénzt", "refund"),
    ]
)  # fmt: skip


def wording(*messages, variables=(), examples=None):
    declared = {name: Variable(name) for name in ("input", *variables)}
    made = Wording(tuple((role, parse(text)[0]) for role, text in messages), declared, examples)
    return Wording.from_dict(json.loads(json.dumps(made.to_dict())))


def shown(rule, asked, n=2):
    return [one.input for one in Examples(rule, n, ROWS).choose(asked)]


def test_the_row_that_is_asked_is_never_its_own_example():
    for rule in ("first", "random", "balanced", "similar"):
        for row in ROWS:
            assert row.input not in shown(rule, row.input)
            assert row.input not in shown(rule, f"  {row.input.upper()} ")
    assert shown("first", "x") == [ROWS[0].input, ROWS[1].input]
    assert shown("first", ROWS[0].input) == [ROWS[1].input, ROWS[2].input]


def test_balanced_shows_as_many_of_each():
    assert shown("balanced", "x", n=1) == ["Hol van a csomagom?", "Верните мне деньги"]
    assert shown("balanced", "hol van a csomagom?", n=1) == [
        "Wo ist mein Paket?",
        "Верните мне деньги",
    ]


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("我的包裹到了吗", "我的包裹在哪里"), ("退款!", "我要退款"), ("верните деньги", "Верните мне деньги"),
     ("Mein Paket fehlt", "Wo ist mein Paket?"), ("kérem vissza", "Vissza kérem a pénzt")],
)  # fmt: skip
def test_the_nearest_is_found_in_every_language_and_stands_last(asked, nearest):
    assert shown("similar", asked, n=3)[-1] == nearest


@given(st.lists(st.text(max_size=30), max_size=12), st.text(max_size=30))
def test_nearness_is_a_cosine(texts, asked):
    order = Nearest(texts).order(asked)
    assert all(-1e-9 <= score <= 1 + 1e-9 for _, score in order)
    assert [s for _, s in order] == sorted((s for _, s in order), reverse=True) or len(order) > 1


def test_examples_are_turns_before_the_question_or_stand_where_a_template_says():
    examples = Examples("first", 1, ROWS)
    turns = wording(("system", "S"), ("user", "Q: {{ input }}"), examples=examples)
    assert turns.render("你好") == [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q: Hol van a csomagom?"},
        {"role": "assistant", "content": "delivery"},
        {"role": "user", "content": "Q: 你好"},
    ]
    inline = wording(
        ("user", "{% for e in examples %}{{ e.input }}→{{ e.output }}\n{% endfor %}{{ input }}"),
        examples=examples,
    )
    assert inline.render("x") == [{"role": "user", "content": "Hol van a csomagom?→delivery\nx"}]


def test_it_tells_what_stands_before_the_users_words():
    made = wording(("system", "S"), ("user", "{{ input }}"), ("assistant", "{"))
    assert made.parts("x") == (
        [{"role": "system", "content": "S"}],
        [{"role": "user", "content": "x"}, {"role": "assistant", "content": "{"}],
    )
    fixed = wording(("user", "{{ topic }}"), variables=("topic",))
    assert not fixed.wraps


def test_values_must_fit():
    variables = {
        one.name: one
        for one in (
            Variable("t"), Variable("n", "integer", default=3), Variable("x", "number", required=False),
            Variable("b", "boolean", default=False), Variable("l", "list", default=[]),
            Variable("o", "object", default={}), Variable("c", "choice", default="a", choices=("a", 1)),
        )
    }  # fmt: skip
    assert fitted(variables, {"t": "ő", "n": None}) == {
        "t": "ő", "n": 3, "x": None, "b": False, "l": [], "o": {}, "c": "a",
    }  # fmt: skip
    with pytest.raises(MissingValueError, match="`t`"):
        fitted(variables, {})
    with pytest.raises(UnknownVariableError, match="`名`"):
        fitted(variables, {"t": "", "名": 1})
    for name, value in {"t": 3, "n": True, "x": "1", "b": 0, "l": {}, "o": [], "c": "b"}.items():
        with pytest.raises(UnfitValueError, match=f"`{name}`"):
            fitted(variables, {"t": "", name: value})
    for value in (2**64, 1.5, float("nan")):
        with pytest.raises(UnfitValueError):
            fitted(variables, {"t": "", "n": value})
    with pytest.raises(UnfitValueError):
        fitted(variables, {"t": "", "c": True})


@pytest.mark.parametrize(
    "raw",
    [{"type": "date"}, {"default": 3}, {"type": "choice"}, {"choices": "ab"}, {"kind": "text"}, [1],
     {"type": ["text"]}, {"required": "no"}, {"type": "text", "choices": ["a"]}],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_declared(raw):
    with pytest.raises(BadVariableError):
        Variable.from_dict("x", raw)
    for name in ("", "a b", "_a", "loop", "examples", "1a"):
        with pytest.raises(BadVariableError):
            Variable(name)
