"""Recorded answers: stable files, found by their question, sealed."""

import json

import pytest

from support.repository import Repo
from volano.adapters.git import GitRepository
from volano.ci.errors import BadRecordingError
from volano.ci.recordings import Recorded, Recordings, key_of
from volano.evals.answered import Answered

SAID = [
    ("r2", 0, "возврат"), ("r1", 1, "退款 \ud800"), ("r1", 0, "Rückgabe\n\x00\u2028"), ("r3", 0, ""),
]  # fmt: skip


@pytest.fixture
def repo(tmp_path):
    return Repo(tmp_path / "repo", rows=1)


def recorded():
    return [
        Recorded(key_of("m", {"temperature": 0}, [{"role": "user", "content": row}], n),
                 Answered(row, said, repetition=n, latency_us=7, tools=({"name": "t", "arguments": {}},)))
        for row, n, said in SAID
    ]  # fmt: skip


def opened(repo):
    return Recordings(GitRepository(repo.root), "recordings")


def test_answers_come_back_and_the_file_is_the_same_whatever_their_order(repo):
    assert opened(repo).write("csekk/а", recorded()) == 4
    data = (repo.root / "recordings/csekk-а.jsonl").read_bytes()
    assert opened(repo).write("csekk/а", recorded()[::-1]) == 0
    assert (repo.root / "recordings/csekk-а.jsonl").read_bytes() == data
    assert [json.loads(line)["row"] for line in data.splitlines()] == ["r1", "r1", "r2", "r3"]
    for one in recorded():
        found = opened(repo).find(one.key)
        assert found.answer == one.answered.answer.replace("\ud800", "?")
        assert (found.latency_us, found.repetition) == (7, one.answered.repetition)


def test_one_changed_answer_changes_one_line(repo):
    opened(repo).write("a", recorded())
    before = (repo.root / "recordings/a.jsonl").read_text("utf-8").split("\n")
    changed = [
        Recorded(o.key, Answered("r2", "x")) if o.answered.id == "r2" else o for o in recorded()
    ]
    opened(repo).write("a", changed)
    after = (repo.root / "recordings/a.jsonl").read_text("utf-8").split("\n")
    assert sum(a != b for a, b in zip(before, after, strict=True)) == 1


def test_errors_are_not_recorded(repo):
    opened(repo).write("a", [Recorded("00", Answered("r", "", "error", error="sk-secret"))])
    assert not (repo.root / "recordings").exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace("возврат", "Возврат"),
        lambda line: line.replace('"key": "', '"key": "0'),
        lambda line: line[:-5],
        lambda line: "[]", lambda line: "7", lambda line: '{"seal": null}', lambda line: "<<<<<<< HEAD",
        lambda line: "[" * 100_000,
    ],
)  # fmt: skip
def test_a_line_that_is_not_as_it_was_written_is_found_with_its_place(repo, spoil):
    opened(repo).write("a", recorded())
    path = repo.root / "recordings/a.jsonl"
    lines = path.read_text("utf-8").split("\n")
    lines[2] = spoil(lines[2])
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(BadRecordingError, match="line 3"):
        opened(repo).find("00")


def test_a_question_is_another_with_another_model_setting_word_or_repetition():
    one = ("m", {"a": 1}, [{"role": "user", "content": "x"}], 0)
    others = [("n", *one[1:]), ("m", {"a": 2}, *one[2:]),
              ("m", {"a": 1}, [{"role": "user", "content": "y"}], 0), (*one[:3], 1)]  # fmt: skip
    assert len({key_of(*each) for each in (one, *others)}) == 5


def test_a_key_that_an_answer_repeats_is_struck_out_and_all_else_stays(repo):
    key = "sk-of-a-target-0123456789"
    said = Answered(
        "r", f"Bearer {key}\x00 退款 {key[:12]}", tools=({"name": key, "arguments": {}},)
    )
    Recordings(GitRepository(repo.root), "recordings", [key]).write("a", [Recorded("00", said)])
    text = (repo.root / "recordings/a.jsonl").read_text("utf-8")
    assert key[:8] not in text
    found = opened(repo).find("00")
    assert found.answer == "Bearer ***\x00 退款 ***"
    assert found.tools[0]["name"] == "***"


def test_keys_are_struck_from_what_fields_hold_and_never_from_their_names(repo):
    call = {"name": "a model", "arguments": {"answer": "the key"}}
    one = Recorded("00", Answered("r", "a model, key", model="model", tools=(call,)))
    secrets = ["arguments", "model", "answer", "name", "key"]
    Recordings(GitRepository(repo.root), "recordings", secrets).write("a", [one])
    found = opened(repo).find("00")
    assert (found.answer, found.model) == ("a ***, ***", "***")
    assert found.tools == ({"name": "a ***", "arguments": {"***": "the ***"}},)
