"""The ways to reword a prompt, plain or of templates."""

import pytest

from volano.core.errors import InvalidError
from volano.data.row import row_of
from volano.evals.wording.change import (
    usable,
    whole,
    with_examples,
    with_nearest,
    with_settings,
    with_words,
    without_examples,
    words_of,
)
from volano.evals.wording.methods.rewrite import between_marks
from volano.prompts.prompt import Prompt

SYSTEM = {"role": "system", "content": "Válaszolj röviden."}
PLAIN = Prompt("Üzenet: {{input}}!", (SYSTEM,))
MADE = Prompt(messages=(SYSTEM, {"role": "user", "content": "Üzenet: {{ input }}!"}))
BOTH = pytest.mark.parametrize("prompt", [PLAIN, MADE], ids=["plain", "templates"])


@BOTH
def test_examples_are_turns_in_the_form_of_the_users_own(prompt):
    made = with_examples(prompt, [("где посылка", "M2"), ("退款", "B4")])
    assert made.render("Passwort") == [
        SYSTEM,
        {"role": "user", "content": "Üzenet: где посылка!"},
        {"role": "assistant", "content": "M2"},
        {"role": "user", "content": "Üzenet: 退款!"},
        {"role": "assistant", "content": "B4"},
        {"role": "user", "content": "Üzenet: Passwort!"},
    ]


@BOTH
def test_new_examples_take_the_place_of_old_ones(prompt):
    made = with_examples(with_examples(prompt, [("a", "1")]), [("b", "2")])
    assert [one["content"] for one in made.render("x")][1:3] == ["Üzenet: b!", "2"]
    assert without_examples(made) == prompt


@BOTH
def test_words_go_where_the_instruction_stands(prompt):
    made = with_words(prompt, "Antworte mit dem Code.\n")
    assert words_of(made) == "Antworte mit dem Code."
    assert made.render("x")[-1] == prompt.render("x")[-1]


@pytest.mark.parametrize(
    "prompt",
    [Prompt(), Prompt(messages=({"role": "user", "content": "{{ input }}"},))],
)
def test_a_prompt_without_any_words_gets_a_system_message(prompt):
    assert words_of(prompt) == ""
    made = with_words(prompt, "Nur der Code.")
    assert made.render("x") == [
        {"role": "system", "content": "Nur der Code."},
        {"role": "user", "content": "x"},
    ]


def test_words_around_the_input_keep_the_input():
    prompt = Prompt("Sort this: {{input}}")
    assert words_of(prompt) == "Sort this: {{input}}"
    assert with_words(prompt, "按代码回答").template == "按代码回答\n\n{{input}}"
    assert with_words(prompt, "Code of {{input}}?").template == "Code of {{input}}?"
    with pytest.raises(InvalidError):
        with_words(prompt, "{{input}} {{input}}")


@pytest.mark.parametrize("words", ["", "  \n", "{{input}} here", "{{ nobody }}"])
def test_words_that_make_no_prompt_are_refused_or_stand_as_they_are(words):
    declared = Prompt(
        messages=(SYSTEM, {"role": "user", "content": "{{ input }}"}),
        declared=MADE.variables,
    )
    if words != "{{input}} here":
        with pytest.raises(InvalidError):
            with_words(declared, words)
    if words != "{{ nobody }}":
        with pytest.raises(InvalidError):
            with_words(PLAIN, words)


@BOTH
def test_the_nearest_examples_are_chosen_for_each_input(prompt):
    rows = [row_of("rechnung fehlt", "T1"), row_of("доставка где", "M2"), row_of("退款 请", "B4")]
    made = Prompt.from_bytes(with_nearest(prompt, rows, 1, "d@1").to_bytes())
    for text, code in [("Rechnung?", "T1"), ("где доставка", "M2"), ("我要退款", "B4")]:
        assert made.render(text)[-2]["content"] == code
        assert made.render(text)[-1]["content"] == f"Üzenet: {text}!"
    assert "rechnung fehlt" in whole(made)
    assert without_examples(made).examples is None


def test_settings_lie_over_those_that_were():
    prompt = Prompt(settings={"max_tokens": 5, "temperature": 0})
    assert with_settings(prompt, {"temperature": 0.5}).settings == {
        "max_tokens": 5,
        "temperature": 0.5,
    }


def test_a_row_with_the_marks_of_a_template_is_no_example():
    assert not usable(row_of("what is {{input}}", "a"))
    assert not usable(row_of("a", {"said": "{% if %}"}))
    assert usable(row_of("{ok}", {"a": 1}))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Hier:\n```\nNur Code.\n```\nGut?", "Nur Code."),
        ("```text\nТолько код\n```", "Только код"),
        ("只写代码", "只写代码"),
        ("```\nкод", "код"),
        ("```csak a kód```", "csak a kód"),
        ("``````", ""),
    ],
)
def test_what_a_model_wrote_is_found_between_its_marks(text, wanted):
    assert between_marks(text) == wanted
