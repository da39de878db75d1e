"""A prompt holds the user's words once, and only settings that it knows."""

import pytest

from volano.prompts import Prompt
from volano.prompts.errors import BadPromptError

EVERYTHING = Prompt(
    "Jegy: {{input}}\nVálasz:",
    ({"role": "system", "content": "Sei höflich."}, {"role": "user", "content": "票"}),
    {"max_tokens": 64, "temperature": 0, "top_p": 0.5, "stop": ["\n"], "seed": 7},
)


def test_the_users_words_are_wrapped():
    assert EVERYTHING.render("hol van?") == [
        {"role": "system", "content": "Sei höflich."},
        {"role": "user", "content": "票"},
        {"role": "user", "content": "Jegy: hol van?\nVálasz:"},
    ]
    assert (EVERYTHING.prefix, EVERYTHING.suffix) == ("Jegy: ", "\nVálasz:")


@pytest.mark.parametrize("text", ["", "{{input}}", "{braces} {{x}} %s {0}", "a\0b", "😀"])
def test_what_a_user_says_is_not_read_as_a_template(text):
    assert Prompt("<{{input}}>").render(text)[-1]["content"] == f"<{text}>"


def test_it_comes_back_from_its_bytes():
    assert Prompt.from_bytes(EVERYTHING.to_bytes()) == EVERYTHING
    assert Prompt.from_bytes(b"{}") == Prompt()


@pytest.mark.parametrize("template", ["", "no slot", "{{input}} {{input}}", "{{ input }}"])
def test_the_slot_stands_once(template):
    with pytest.raises(BadPromptError, match="exactly once"):
        Prompt(template)


@pytest.mark.parametrize(
    "before",
    [
        {"role": "system"},
        {"role": "wizard", "content": "x"},
        {"role": "system", "content": "x", "name": "y"},
        {"role": "system", "content": "{{input}}"},
        {"role": "system", "content": None},
        {"role": ["system"], "content": "x"},
        {"role": "system", "content": 3},
    ],
)
def test_messages_before_it_have_a_role_and_a_text(before):
    with pytest.raises(BadPromptError):
        Prompt(before=(before,))


@pytest.mark.parametrize(
    "settings",
    [
        {"max_tokens": "64"},
        {"max_tokens": 6.4},
        {"max_tokens": True},
        {"max_tokens": 0},
        {"max_tokens": -5},
        {"temperature": "hot"},
        {"temperature": float("nan")},
        {"temperature": float("inf")},
        {"temperature": -0.1},
        {"top_p": None},
        {"top_p": 1.5},
        {"stop": "\n"},
        {"stop": [1]},
        {"seed": 1.0},
        {"model": "another"},
        {"stream": True},
        {"": 1},
        [1],
        "x",
        None,
    ],
    ids=str,
)
def test_settings_are_known_and_sane(settings):
    with pytest.raises(BadPromptError):
        Prompt(settings=settings)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"[]", b"3", b"null", b"\xff", b"{", b'{"template": 3}', b'{"before": 3}',
        b'{"before": [3]}', b'{"settings": 3}', b'{"settings": [1]}', b"[" * 100_000,
        b'{"template": null}', b'{"before": [{"role": "system", "content": null}]}',
    ],
    ids=range(14),
)  # fmt: skip
def test_a_file_that_is_no_prompt(data):
    with pytest.raises(BadPromptError):
        Prompt.from_bytes(data)
