import threading
from pathlib import Path

import pytest

from volano.core.errors import InvalidError, UnavailableError
from volano.core.ports.chat import Answer
from volano.data.row import row_of
from volano.evals.asking import ask, template
from volano.evals.errors import BadConcurrencyError, BadTemplateError
from volano.evals.journal import Journal

ROWS = [row_of(f"szöveg {n}", "x") for n in range(30)]
ABOUT = {"dataset": "d"}


class Echo:
    """Answers with the question; may refuse some, and may be away after a while."""

    def __init__(self, *, refuses=(), away_after=None):
        self.asked, self.refuses, self.away_after = [], refuses, away_after
        self.at_once, self.most = 0, 0
        self.lock = threading.Lock()

    def __call__(self, messages, **settings):
        text = messages[-1]["content"]
        with self.lock:
            self.asked.append((text, settings))
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            count = len(self.asked)
        try:
            if self.away_after is not None and count > self.away_after:
                raise UnavailableError("The engine is away.")
            if text in self.refuses:
                raise InvalidError("Too long.")
            return Answer(text.upper(), "stop", 3, 4)
        finally:
            with self.lock:
                self.at_once -= 1


def run(chat, path: Path, *, concurrency=4, rows=ROWS, progress=lambda done, of: None):
    with Journal(path, ABOUT) as journal:
        return ask(
            rows, chat, template("{text}"), journal,
            settings={"temperature": 0}, concurrency=concurrency, progress=progress,
        )  # fmt: skip


def test_every_row_is_asked_once_and_answers_keep_the_order(tmp_path):
    chat, seen = Echo(), []
    answers = run(chat, tmp_path / "j", progress=lambda done, of: seen.append((done, of)))
    assert [one.answer for one in answers] == [row.text.upper() for row in ROWS]
    assert sorted(text for text, _ in chat.asked) == sorted(row.text for row in ROWS)
    assert chat.asked[0][1] == {"temperature": 0}
    assert chat.most <= 4
    assert seen[-1] == (30, 30)
    assert seen == sorted(seen)


@pytest.mark.parametrize("concurrency", [1, 5, 64])
def test_an_engine_that_goes_away_stops_the_suite_and_it_resumes(tmp_path, concurrency):
    away = Echo(away_after=10)
    with pytest.raises(UnavailableError):
        run(away, tmp_path / "j", concurrency=concurrency)
    with Journal(tmp_path / "j", ABOUT) as journal:
        assert len(journal.done) == 10
    assert len(away.asked) <= 10 + concurrency
    back = Echo()
    answers = run(back, tmp_path / "j", concurrency=concurrency)
    assert len(back.asked) == 20
    assert [one.id for one in answers] == [row.id for row in ROWS]


def test_a_finished_suite_asks_nothing_again(tmp_path):
    first = run(Echo(), tmp_path / "j")
    chat = Echo()
    assert run(chat, tmp_path / "j") == first
    assert not chat.asked


def test_a_refused_row_is_an_answer_with_an_error(tmp_path):
    answers = run(Echo(refuses={"szöveg 3"}), tmp_path / "j")
    assert answers[3].error == "invalid: Too long."
    assert answers[3].answer == ""
    assert [one.error for one in answers].count(None) == 29


def test_a_fault_of_our_own_is_not_swallowed(tmp_path):
    def broken(messages, **settings):
        raise KeyError("bug")

    with pytest.raises(KeyError):
        run(broken, tmp_path / "j")


@pytest.mark.parametrize("concurrency", [0, 257])
def test_concurrency_has_limits(tmp_path, concurrency):
    with pytest.raises(BadConcurrencyError):
        run(Echo(), tmp_path / "j", concurrency=concurrency)


def test_braces_in_a_text_stay_as_they_are():
    assert template("Ticket: {text}\nJSON:")("{0} {text} %s") == [
        {"role": "user", "content": "Ticket: {0} {text} %s\nJSON:"}
    ]
    for bad in ("no place", "{text} {text}"):
        with pytest.raises(BadTemplateError):
            template(bad)
