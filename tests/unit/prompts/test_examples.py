"""Examples are rows of a dataset, pinned when the prompt is saved."""

import pytest

from support.workspace import ANNA
from volano.core.template.errors import BadTemplateError
from volano.core.words import differing, words
from volano.prompts import Prompt
from volano.prompts.errors import BadPickError, BadPromptError, NoRowsToShowError
from volano.store.errors import UnknownArtifactError

ROWS = [
    {"text": text, "label": label}
    for label, texts in {
        "refund": ["我要退款", "Верните мне деньги", "Ich möchte mein Geld zurück", "Vissza kérem a pénzt"],
        "delivery": ["Hol van a csomagom?", "Wo ist mein Paket?", "我的包裹在哪里"],
    }.items()
    for text in texts
]  # fmt: skip
SAID = {"messages": [{"role": "user", "content": "Q: {{ input }}"}]}


@pytest.fixture
def prompts(workspace):
    workspace.datasets.add("jegyek", ROWS, test_share=0.0, by=ANNA)
    return workspace.prompts


def save(prompts, **examples):
    return prompts.save("p", **SAID, examples={"from": "jegyek", **examples}, by=ANNA)


@pytest.mark.parametrize(
    ("rule", "n", "turns"),
    [("first", 2, 2), ("random", 3, 3), ("balanced", 2, 4), ("similar", 1, 1)],
)
def test_they_are_pinned_and_shown(workspace, prompts, rule, n, turns):
    made = save(prompts, rule=rule, n=n)
    dataset = workspace.datasets.get("jegyek")
    assert [(p.role, p.digest) for p in made.manifest.parents] == [("examples", dataset.digest)]
    prompt = prompts.read(made)
    assert prompt.pick["from"] == "jegyek@1"
    for row in (*ROWS, {"text": "你好"}):
        sent = prompt.render(row["text"])
        shown = [m["content"] for m in sent[:-1] if m["role"] == "user"]
        assert f"Q: {row['text']}" not in shown
        assert len(shown) == turns or rule == "similar"
        assert sent[-1] == {"role": "user", "content": f"Q: {row['text']}"}
    assert prompts.read(made) == prompt
    assert save(prompts, rule=rule, n=n).ref == made.ref


def test_what_is_drawn_is_the_same_again_and_another_with_another_seed(prompts):
    def drawn(**how):
        return prompts.read(save(prompts, **how)).examples.rows

    assert drawn(rule="random", n=3) == drawn(rule="random", n=3)
    assert len({drawn(rule="random", n=3, seed=seed) for seed in range(6)}) > 1
    groups = [row.group for row in drawn(rule="balanced", n=1)]
    assert sorted(groups) == ["delivery", "delivery", "refund", "refund"]


def test_newer_rows_make_a_newer_prompt(workspace, prompts):
    first = save(prompts, rule="first", n=1)
    workspace.datasets.add(
        "jegyek", [*ROWS, {"text": "új", "label": "refund"}], test_share=0.0, by=ANNA
    )
    assert save(prompts, rule="first", n=1).ref != first.ref
    assert prompts.read(first).pick["from"] == "jegyek@1"


@pytest.mark.parametrize(
    ("examples", "error"),
    [
        ({"rule": "best"}, BadPickError), ({"n": 0}, BadPickError), ({"n": 101}, BadPickError),
        ({"rule": "balanced", "by": "no"}, NoRowsToShowError), ({"from": ""}, BadPickError),
        ({"n": "3"}, BadPickError), ({"seed": "a"}, BadPickError), ({"more": 1}, BadPickError),
        ({"columns": ["text"]}, BadPickError), ({"columns": {"input": "no"}}, NoRowsToShowError),
        ({"like": "név"}, BadPromptError), ({"from": "nothing"}, UnknownArtifactError), ({"from": 3}, BadPickError),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_drawn(prompts, examples, error):
    with pytest.raises(error):
        save(prompts, **examples)
    assert prompts.list() == []


@pytest.mark.parametrize(
    "said",
    [
        {"messages": [{"role": "user", "content": "{{ x"}]},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "user", "content": "{{ a }}"}], "variables": {"b": "text"}},
        {"messages": [{"role": "user", "content": "{{ examples }}"}]},
        {"messages": [{"role": "user", "content": "x"}], "system": "y"},
        {"variables": {"a": "text"}},
        {"messages": [{"role": "user", "content": "x"}] * 101},
        {"messages": "x"},
    ],
    ids=range(8),
)
def test_what_is_no_prompt_is_not_kept(prompts, said):
    with pytest.raises((BadPromptError, BadTemplateError)):
        prompts.save("a", **said, by=ANNA)


def test_old_prompts_have_the_bytes_and_words_they_had():
    old = Prompt("é {{input}}", ({"role": "system", "content": "S"},), {"max_tokens": 3})
    assert old.to_bytes() == (
        b'{\n  "before": [\n    {\n      "content": "S",\n      "role": "system"\n    }\n  ],\n'
        b'  "settings": {\n    "max_tokens": 3\n  },\n  "template": "\xc3\xa9 {{input}}"\n}'
    )
    assert old.render({"input": "{{ x }}"}) == old.render("{{ x }}")


def test_who_and_why_stand_in_the_list(prompts):
    prompts.save("p", template="A {{input}}", why="rövidebb", by=ANNA)
    prompts.save("p", template="B {{input}}", by=ANNA)
    assert [(one.ref, one.why, one.created_by) for one in prompts.list(name="p")] == [
        ("p@2", "", "person:anna"), ("p@1", "rövidebb", "person:anna"),
    ]  # fmt: skip
    assert prompts.save("p", template="B {{input}}", why="again", by=ANNA).ref == "p@2"


def test_what_differs_is_told_in_words_and_as_it_is_sent(prompts):
    prompts.save("p", template="你好世界 {{input}}", by=ANNA)
    prompts.save("p", messages=[{"role": "user", "content": "你好宇宙 {{ input|upper }}"}], by=ANNA)
    found = prompts.diff(
        "p@1", "p@2", over="jegyek", split="train", rows=2, values={"input": "ő"}, by=ANNA
    )
    assert found.written[0].part == "message 1 (user)"
    assert found.written[0].pieces[:3] == [("=", "你好"), ("-", "世界"), ("+", "宇宙")]
    assert next(one.of for one in found.rendered) == "the values"
    assert len(found.rendered) == 3
    assert prompts.diff("p@1", "p@1", by=ANNA).written == []


@pytest.mark.parametrize(
    ("text", "count"),
    [("A kis kutya", 5), ("我要退款", 4), ("Где деньги?", 4), ("สวัสดี", 6), ("", 0)],
)
def test_a_word_is_what_a_reader_takes_for_one(text, count):
    assert len(words(text)) == count
    assert "".join(words(text)) == text


def test_long_texts_are_compared_too():
    old = "szó " * 20_000
    assert differing(old, old + "x")[-1] == ("+", old + "x")
    lines = "sor\n" * 3000
    assert differing(lines, lines + "új\n") == [("=", lines), ("+", "új\n")]
