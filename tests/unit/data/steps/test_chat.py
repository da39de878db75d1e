"""Columns become conversations; those of others come into the same form."""

import pytest

from support.stepping import FIVE, run
from volano.data.errors import BadStepError
from volano.data.steps.chat import Chat


@pytest.mark.parametrize("language", FIVE)
def test_text_and_label_become_a_conversation(language):
    [row] = run(Chat(system="Röviden."), [{"text": FIVE[language], "label": "ok", "n": 1}])
    assert row["messages"] == [
        {"role": "system", "content": "Röviden."},
        {"role": "user", "content": FIVE[language]},
        {"role": "assistant", "content": "ok"},
    ]
    assert row["n"] == 1


def test_templates_see_columns_and_filters():
    step = Chat(
        user="{{ question | trim }}\n{% for o in options %}- {{ o }}\n{% endfor %}",
        assistant="{{ a | tojson }}",
        only=True,
    )
    row = {
        "question": " Melyik? ",
        "options": ["это", "那个"],
        "a": {"x": 1},
        "id": "7",
        "origin": {"line": 1},
    }
    [made] = run(step, [row])
    assert made == {
        "id": "7", "origin": {"line": 1},
        "messages": [{"role": "user", "content": "Melyik?\n- это\n- 那个\n"}, {"role": "assistant", "content": '{"x": 1}'}],
    }  # fmt: skip


def test_without_an_assistant_only_the_question_is_there():
    [row] = run(Chat(assistant=""), ["hi"])
    assert [m["role"] for m in row["messages"]] == ["user"]


@pytest.mark.parametrize(
    "row", [{"text": "x"}, {"text": " ", "label": "a"}, {"text": "x", "label": ""}]
)
def test_a_row_that_lacks_something_is_dropped_and_says_what(row):
    ran = run(Chat(), [row])
    assert ran.dropped == {"no conversation": 1}
    assert ran.rejected[0].detail.startswith(
        ("assistant: 'label'", "the user's", "the assistant's")
    )


@pytest.mark.parametrize(
    "template",
    ["{{ ''.__class__.__mro__ }}", "{{ text.__init__.__globals__ }}", "{{ 1 / 0 }}", "{{ 'a' + 1 }}",
     "{% for i in range(10**9) %}x{% endfor %}", "{{ options.append(1) }}"],
)  # fmt: skip
def test_a_template_reaches_nothing_beyond_the_row(template):
    row = {"text": "x", "options": []}
    assert run(Chat(user=template, assistant=""), [row]).dropped == {"no conversation": 1}


def test_a_template_that_goes_wild_is_stopped():
    loop = "{% for i in range(99999) %}{{ text }}{% endfor %}"
    ran = run(Chat(user=loop, assistant=""), ["x" * 1000])
    assert "longer than" in ran.rejected[0].detail


def test_share_gpt_comes_into_our_form():
    given = [{"from": "human", "value": "Szia"}, {"from": "gpt", "value": "你好"}]
    [row] = run(Chat(conversation="c", system="Légy kedves."), [{"c": given}])
    assert row["messages"] == [
        {"role": "system", "content": "Légy kedves."},
        {"role": "user", "content": "Szia"},
        {"role": "assistant", "content": "你好"},
    ]


def test_what_a_message_has_besides_stays_and_its_own_system_text_counts():
    given = [
        {"role": "developer", "content": "Own."}, {"role": "user", "content": "?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
    ]  # fmt: skip
    [row] = run(Chat(conversation="c", system="Other."), [{"c": given}])
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant", "tool"]
    assert row["messages"][0]["content"] == "Own."
    assert row["messages"][2]["tool_calls"] == [{"id": "1"}]


@pytest.mark.parametrize(
    "given",
    [None, [], "hi", ["hi"], [{"role": "king", "content": "x"}], [{"role": "user"}], [{"role": 3, "content": "x"}],
     [{"role": "assistant", "content": "x"}], [{"role": "user", "content": "x"}, {"role": "system", "content": "x"}]],
)  # fmt: skip
def test_what_is_no_conversation_is_dropped(given):
    assert run(Chat(conversation="c"), [{"c": given}]).dropped == {"no conversation": 1}


@pytest.mark.parametrize("settings", [{"user": "{{ "}, {"user": ""}, {"system": 3}, {"into": ""}])
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        Chat(**settings)
