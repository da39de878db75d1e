"""A sketch: other words for a prompt, values as they are written into fields, what is sent."""

import pytest

from volano.core.template.errors import BadTemplateError, MissingValueError, UnfitValueError
from volano.core.template.variable import Variable
from volano.evals.playground.sketch import NoMessageError, Sketch, typed
from volano.prompts.prompt import Prompt

SYSTEM = {"role": "system", "content": "Légy {{tone}}."}
USER = {"role": "user", "content": "{{input}}"}


def test_a_plain_prompt_stays_plain_while_nothing_else_in_it_is_a_template():
    plain = Sketch(Prompt("Jegy: {{input}}"))
    kept = plain.rewritten([{"role": "system", "content": "Rövid."}, *plain.messages], {}, None)
    assert kept.prompt.plain
    assert kept.messages[0]["content"] == "Rövid."
    assert not plain.rewritten([SYSTEM, USER], {}, None).prompt.plain


def test_a_new_variable_is_a_text_and_one_that_is_gone_is_forgotten():
    kind = Variable("tone", "choice", choices=("nett", "knapp"), default="nett")
    old = Sketch(
        Prompt(messages=(SYSTEM, USER), declared={"tone": kind, "input": Variable("input")})
    )
    new = old.rewritten([SYSTEM, {"role": "user", "content": "{{input}} {{город}}"}], {}, None)
    assert new.prompt.variables["tone"] == kind
    assert new.prompt.variables["город"].type == "text"
    assert list(old.rewritten([USER], {}, None).prompt.variables) == ["input"]


def test_the_same_words_keep_the_prompt_with_other_settings():
    old = Sketch(Prompt(messages=(SYSTEM, USER)))
    new = old.rewritten(old.messages, {"seed": 7}, {"type": "object"})
    assert new.prompt.messages == old.prompt.messages
    assert (new.prompt.settings, new.prompt.schema) == ({"seed": 7}, {"type": "object"})


def test_no_message_and_no_template_are_refused():
    with pytest.raises(NoMessageError):
        Sketch().rewritten([], {}, None)
    with pytest.raises(BadTemplateError, match="message 2"):
        Sketch().rewritten([USER, {"role": "user", "content": "{% for %}"}], {}, None)


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [("text", " 你 ", " 你 "), ("integer", " 3 ", 3), ("number", "1e2", 100.0), ("number", "", None),
     ("boolean", "On", True), ("boolean", "no", False), ("list", '["ж"]', ["ж"]),
     ("object", '{"a": 1}', {"a": 1})],
)  # fmt: skip
def test_a_field_becomes_a_value_of_its_type(type_, text, value):
    assert typed(Variable("x", type_), text) == value


def test_a_choice_is_found_by_how_it_reads():
    assert typed(Variable("n", "choice", choices=(1, 2)), "2") == 2


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("integer", "drei"),
        ("integer", "1.5"),
        ("number", "NaN"),
        ("boolean", "vielleicht"),
        ("list", "{}"),
        ("object", "[" * 9999),
    ],
)
def test_what_does_not_fit_is_refused_by_name(type_, text):
    with pytest.raises(UnfitValueError, match="`x`"):
        typed(Variable("x", type_), text)


def test_a_rows_fields_go_before_our_own_and_strange_ones_are_left_out():
    sketch = Sketch(Prompt(messages=(SYSTEM, USER)), {"tone": "kedves", "input": "a"})
    sent = sketch.render({"input": "Hol?", "city": "Győr", "tone": None})
    assert [one["content"] for one in sent] == ["Légy kedves.", "Hol?"]
    assert sketch.words({"input": "Wo?"}) == "Wo?"
    with pytest.raises(MissingValueError, match="tone"):
        Sketch(sketch.prompt, {"input": "a"}).render()
