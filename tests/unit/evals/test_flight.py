"""The order of asking, over a line that does what a test says."""

from dataclasses import replace

import pytest

from volano.core.errors import UnavailableError
from volano.costs.price import Price, Rates
from volano.evals.answered import Answered
from volano.evals.asking import ask_all
from volano.evals.errors import MoneySpentError
from volano.evals.flight import Away, Flight, Question, Terms
from volano.evals.journal import Journal
from volano.evals.money import Spending, parse
from volano.evals.pace import Pace, Patience

QUICK = Patience(tries=3, away=4, pause_s=0.001)


class FakeLine:
    """Answers each question by a function, on the next round of the loop."""

    def __init__(self, outcome):
        self.outcome, self.sent, self.flying, self.most = outcome, [], 0, 0

    def open(self, loop, landed):
        self.loop, self.landed = loop, landed

    def send(self, question):
        self.sent.append((self.loop.time(), question.id, question.repetition))
        self.flying += 1
        self.most = max(self.most, self.flying)
        self.loop.call_later(0.001, self._land, question)

    def _land(self, question):
        self.flying -= 1
        self.landed(question, self.outcome(question))

    def close(self):
        pass


def good(question):
    return Answered(question.id, "igen", prompt_tokens=10, completion_tokens=5)


def fly(outcome, n=20, concurrency=4, write=None, **terms):
    line, written, told = FakeLine(outcome), [], []
    questions = [Question(str(at), [{"role": "user", "content": "kérdés"}]) for at in range(n)]
    terms = {"patience": QUICK, **terms}
    flight = Flight(
        questions, line, Terms(concurrency, **terms),
        write=write or written.extend, tell=told.append, of=n,
    )  # fmt: skip
    error = None
    try:
        flight.run()
    except BaseException as caught:
        error = caught
    return line, written, told, error


def test_never_more_are_unwritten_than_may_be_in_flight():
    line, written, told, error = fly(good, 50, concurrency=7)
    assert error is None
    assert [one.id for one in written] and len({one.id for one in written}) == 50
    assert line.most == 7
    assert (told[-1].done, told[-1].of) == (50, 50)


def test_an_answer_is_written_before_another_question_takes_its_place():
    unwritten = []

    def write(answers):
        unwritten.append(len(lines[0].sent) - done[0])
        done[0] += len(answers)

    lines, done = [], [0]

    class Seen(FakeLine):
        def __init__(self, outcome):
            super().__init__(outcome)
            lines.append(self)

    line = Seen(good)
    questions = [Question(str(at), []) for at in range(40)]
    Flight(questions, line, Terms(5), write=write, tell=lambda _: None).run()
    assert max(unwritten) <= 5
    assert done == [40]


def test_some_rows_that_fail_are_errors_and_the_rest_is_answered():
    def outcome(question):
        bad = int(question.id) % 5 == 0
        return Away(UnavailableError("Sem elérhető.")) if bad else good(question)

    line, written, _, error = fly(outcome, 20)
    assert error is None
    failed = {one.id for one in written if one.error}
    assert failed == {"0", "5", "10", "15"}
    assert len(written) == 20
    assert len(line.sent) == 16 + 4 * QUICK.tries


def test_a_row_that_fails_once_is_asked_again():
    tried = set()

    def outcome(question):
        first = question.id not in tried
        tried.add(question.id)
        return Away(UnavailableError()) if first else good(question)

    _, written, _, error = fly(outcome, 10)
    assert error is None
    assert [one.error for one in written] == [None] * 10


def test_when_nobody_answers_any_more_it_stops_and_keeps_what_came():
    answered = []

    def outcome(question):
        if len(answered) < 6:
            answered.append(question.id)
            return good(question)
        return Away(UnavailableError("away"))

    line, written, _, error = fly(outcome, 100)
    assert isinstance(error, UnavailableError)
    assert sorted(one.id for one in written) == sorted(answered)
    assert len({one for _, one, _ in line.sent}) <= 6 + QUICK.away + 4


def test_a_single_row_that_nobody_answers_stops_too():
    _, written, _, error = fly(lambda _: Away(UnavailableError("away")), 1)
    assert isinstance(error, UnavailableError)
    assert written == []


def test_retry_after_holds_all_calls_back():
    asked = []

    def outcome(question):
        asked.append(question.id)
        return Away(UnavailableError("429"), after_s=0.1) if len(asked) == 1 else good(question)

    line, written, _, error = fly(outcome, 6, concurrency=1)
    assert error is None and len(written) == 6
    times = [at for at, _, _ in line.sent]
    assert times[1] - times[0] >= 0.1


def test_calls_keep_the_pace():
    line, _, _, error = fly(good, 6, concurrency=6, pace=Pace(per_minute=1200))
    times = [at for at, _, _ in line.sent]
    assert error is None
    assert times[-1] - times[0] >= 5 * 0.05 - 0.01


def price():
    return Price(Rates(input=1_000_000_000, output=2_000_000_000))


def test_it_stops_before_the_call_that_could_cost_too_much():
    spending = Spending(price(), parse("0.002 USD"))
    line, written, _, error = fly(good, 100, concurrency=8, spending=spending, max_tokens=50)
    assert isinstance(error, MoneySpentError)
    assert "0.002 USD" in error.message
    assert spending.spent_nano <= 2_000_000
    assert 0 < len(written) == len(line.sent) < 100
    assert sum(one.cost_nano for one in written) == spending.spent_nano
    assert {one.currency for one in written} == {"USD"}


def test_a_call_that_does_not_tell_its_tokens_counts_as_the_most_it_could_cost():
    spending = Spending(price(), parse("1 USD"))
    _, written, _, _ = fly(lambda q: Answered(q.id, "ja"), 3, spending=spending, max_tokens=50)
    assert spending.spent_nano > 0
    assert {one.cost_nano for one in written} == {None}


def test_who_is_told_may_end_it():
    class Stop(BaseException):
        pass

    def tell(_):
        raise Stop

    questions = [Question(str(at), []) for at in range(3)]
    with pytest.raises(Stop):
        Flight(questions, FakeLine(good), Terms(2), write=lambda _: None, tell=tell).run()


def test_a_journal_that_cannot_be_written_ends_it():
    def write(_):
        raise OSError("betelt")

    _, _, _, error = fly(good, 10, write=write)
    assert isinstance(error, OSError)


async def _within():
    return fly(good, 5)


def test_it_flies_from_within_a_loop_too():
    import asyncio

    _, written, _, error = asyncio.run(_within())
    assert error is None and len(written) == 5


def refused(_question):
    return Away(UnavailableError("connection refused"))


def status(_question):
    return Away(UnavailableError("status 500"), spoke=True)


def fly_on(outcome, bad, known, tmp_path):
    """Ask the rows of `bad`; those of `known` are answered from before."""
    line = FakeLine(outcome)
    questions = [Question(str(at), []) for at in sorted([*bad, *known])]
    answers = {(str(at), 0): Answered(str(at), "igen") for at in known}
    with Journal(tmp_path / "journal", {"of": "this"}) as journal:
        found = ask_all(
            questions, line, journal, Terms(4, patience=QUICK),
            tell=lambda _: None, known=answers,
        )  # fmt: skip
    return line, found


def test_rows_that_a_server_always_fails_are_errors_the_second_time_too(tmp_path):
    line, found = fly_on(status, [5], range(5), tmp_path)
    assert [one.error for key, one in sorted(found.items())] == [None] * 5 + [
        "unavailable: status 500"
    ]
    assert len(line.sent) == QUICK.tries


def test_more_such_rows_than_its_patience_are_errors_where_known_answers_stand_between(tmp_path):
    bad = range(0, 40, 2)
    _, found = fly_on(status, bad, range(1, 40, 2), tmp_path)
    assert {int(key[0]) for key, one in found.items() if one.error} == {*bad}


def test_what_is_lost_while_all_ends_is_no_error_of_its_row(tmp_path):
    """One landing ends it; the others had one try of five, and are asked again by the next Run."""

    def outcome(question):
        return OSError("disk full") if question.id == "0" else status(question)

    line, journal = FakeLine(outcome), tmp_path / "journal"
    questions = [Question(str(at), []) for at in range(16)]
    known = {(str(at), 0): Answered(str(at), "igen") for at in range(1, 16, 2)}
    with Journal(journal, {"of": "this"}) as book, pytest.raises(OSError, match="disk full"):
        ask_all(
            questions, line, book, Terms(8, patience=replace(QUICK, tries=5)),
            tell=lambda _: None, known=known,
        )  # fmt: skip
    with Journal(journal, {"of": "this"}) as book:
        assert book.done == []


def test_a_server_that_refuses_connections_is_away_whatever_is_known_of_it(tmp_path):
    with pytest.raises(UnavailableError, match="refused"):
        fly_on(refused, [5], range(5), tmp_path)


def test_a_server_that_fails_every_row_after_the_known_ones_is_away(tmp_path):
    with pytest.raises(UnavailableError, match="500"):
        fly_on(status, range(10, 40), range(10), tmp_path)
