import json
from dataclasses import replace

import pytest

from support.steps import rows_of, run
from volano.data.errors import BadStepError
from volano.data.step import Needs
from volano.data.steps.decontaminate import CONTAMINATED, Decontaminate

QUESTIONS = {
    "en": "A farmer has seventeen sheep and all but nine of them run away how many are left on the farm now",
    "de": "Ein Bauer hat siebzehn Schafe und alle bis auf neun laufen davon wie viele hat er danach noch auf dem Hof",
    "ru": "У фермера было семнадцать овец и все кроме девяти убежали сколько овец осталось теперь у него на ферме",
    "hu": "Egy gazdának tizenhét juha van és kilenc kivételével mind elszökött hány juha maradt neki most a tanyán",
    "zh": "一个农夫有十七只羊除了九只以外其余的都跑掉了请问现在农场里还剩下多少只羊",
}


def evaluation(folder, *texts, name="eval.jsonl", **columns):
    path = folder / name
    lines = [
        json.dumps({"text": text, "origin": {"eval": at}, **columns})
        for at, text in enumerate(texts)
    ]
    path.write_text("\n".join(lines), "utf-8")
    return str(path)


@pytest.mark.parametrize("language", QUESTIONS)
def test_a_row_that_holds_an_evaluation_text_goes_and_says_which(language, tmp_path):
    path = evaluation(tmp_path, *QUESTIONS.values())
    asked = QUESTIONS[language]
    rows = rows_of(
        "nothing of it",
        f"Before, 前面. {asked.upper()}! And behind it: 后面。",
        asked[: len(asked) // 4],
    )
    kept, (gone,) = run(Decontaminate(against=path), rows, tmp_path)
    assert [row["origin"]["line"] for row in kept] == [0, 2]
    assert gone.reason == CONTAMINATED
    assert gone.of == {"eval": list(QUESTIONS).index(language)}
    assert gone.detail == "100% of an evaluation text"


def test_share_says_how_much_of_it_is_too_much(tmp_path):
    words = [f"word{at}" for at in range(52)]
    path = evaluation(tmp_path, " ".join(words))
    rows = rows_of(*(" ".join(words[:many]) for many in (12, 13, 30, 40)))
    for share, stay in ((0, [0]), (0.4, [0, 1]), (0.5, [0, 1, 2]), (1, [0, 1, 2, 3])):
        kept, _ = run(Decontaminate(against=[path], share=share), rows, tmp_path)
        assert [row["origin"]["line"] for row in kept] == stay


def test_short_evaluation_texts_are_found_anywhere_and_very_short_ones_as_whole_rows(tmp_path):
    path = evaluation(tmp_path, "what is the capital of Hungary", "Yes, please", "", " ")
    rows = rows_of(
        "Q: What is the capital of Hungary? A: Budapest", "yes please!", "yes please do", ""
    )
    kept, gone = run(Decontaminate(against=path), rows, tmp_path)
    assert [row["text"] for row in kept] == ["yes please do", ""]
    assert [one.of for one in gone] == [{"eval": 0}, {"eval": 1}]


def test_what_all_questions_begin_with_tells_nothing(tmp_path):
    before = "Read the following passage with care and then choose the one right answer of these four given below"
    path = evaluation(tmp_path, *(f"{before} {at} {at * 7}" for at in range(80)))
    kept, gone = run(
        Decontaminate(against=path, share=0.6), rows_of(before, f"{before} 3 21"), tmp_path
    )
    assert [row["text"] for row in kept] == [before]
    assert gone[0].of == {"eval": 3}


def test_sources_are_read_once_and_named_by_their_content(tmp_path):
    asked = QUESTIONS["hu"]

    def rows_of_source(spec):
        assert spec == {"dataset": "exam@1"}
        return [{"question": asked, "answer": "9", "origin": {"dataset": "exam@1", "row": 4}}]

    settings = {"against": [{"dataset": "exam@1", "text_column": "question"}], "share": 0.3}
    needs = Needs(rows_of_source, lambda *_: tmp_path, tmp_path)
    resolved = Decontaminate.resolve(settings, needs)
    assert resolved == Decontaminate.resolve(settings, needs)
    assert Decontaminate.resolve(resolved, needs) == resolved
    step = Decontaminate(**json.loads(json.dumps(resolved)))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = Decontaminate(**Decontaminate.resolve(settings, replace(needs, folder=elsewhere)))
    assert (moved.known_by(), moved == step) == (step.known_by(), False)
    assert step.against[0]["digest"] in step.against[0]["path"]
    assert run(step, rows_of(f"so: {asked}"), tmp_path)[1][0].of == {"dataset": "exam@1", "row": 4}


def test_a_file_that_changes_is_read_again(tmp_path):
    step = Decontaminate(against=evaluation(tmp_path, QUESTIONS["de"]))
    rows = rows_of(QUESTIONS["de"], QUESTIONS["zh"])
    assert len(run(step, rows, tmp_path)[0]) == 1
    evaluation(tmp_path, *QUESTIONS.values())
    assert run(step, rows, tmp_path)[0] == []


def test_sources_that_nobody_read_are_no_empty_evaluation(tmp_path):
    with pytest.raises(BadStepError, match="were not read"):
        run(Decontaminate(against=[{"dataset": "exam@1"}]), rows_of("x"), tmp_path)


@pytest.mark.parametrize(
    "content", [None, "", '{"text": ""}', "[1]", "no json", '{"other": "x"}', b"\xff"]
)
def test_evaluations_that_cannot_be_used_are_refused(content, tmp_path):
    path = tmp_path / "eval.jsonl"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadStepError) as refused:
        run(Decontaminate(against=str(path)), rows_of("x"), tmp_path)
    assert str(path) in refused.value.message


@pytest.mark.parametrize(
    "settings",
    [
        {"against": []},
        {"against": [3]},
        {"against": [{}]},
        {"against": [{"path": 3}]},
        {"share": 2},
        {"size": 4},
    ],
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(BadStepError):
        Decontaminate(**{"against": "x.jsonl", **settings})
