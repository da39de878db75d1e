"""Every call is counted before it is made, written down, and never paid twice."""

import threading

import pytest

from volano.core.canon import canonical
from volano.core.errors import InvalidError, UnavailableError
from volano.core.ports.chat import Answer
from volano.costs.price import Price, Rates, cost, worst_case
from volano.evals.journal import Journal
from volano.evals.wording.asking import Asked, Asker
from volano.evals.wording.errors import BudgetSpentError
from volano.evals.wording.purse import Purse
from volano.wire.exchange import Usage

PRICE = Price(Rates(2_000_000_000, 8_000_000_000), context=8192)  # 2 and 8 USD a million


def said(text):
    return [{"role": "user", "content": text}]


class Mind:
    def __init__(self, fail=()):
        self.calls, self.most, self.now = [], 0, 0
        self.fail = list(fail)
        self.lock = threading.Lock()

    def __call__(self, messages, **_settings):
        with self.lock:
            self.calls.append(messages[-1]["content"])
            self.now += 1
            self.most = max(self.most, self.now)
            error = self.fail.pop(0) if self.fail else None
        with self.lock:
            self.now -= 1
        if error:
            raise error
        return Answer(messages[-1]["content"].upper(), "stop", 10, 5)


def asker_of(pages, calls=100, **given):
    return Asker(pages, Purse(calls, **given), at_once=16, sleep=lambda _s: None)


@pytest.fixture
def pages(tmp_path):
    with Journal(tmp_path / "calls.jsonl", {"search": "1"}) as book:
        yield book


def test_the_same_question_is_asked_once_and_another_draw_settings_or_model_again(pages):
    mind, asker = Mind(), asker_of(pages)
    a, b = Asked("a", mind), Asked("b", mind)
    for who, settings, draw in [(a, {}, 0), (a, {}, 0), (b, {}, 0), (a, {"top_p": 1}, 0), (a, {}, 1)]:  # fmt: skip
        assert asker.ask(who, said("jó"), settings, draw=draw).answer == "JÓ"
    assert len(mind.calls) == asker.purse.made == 4


def test_the_same_question_wanted_many_times_at_once_is_asked_once(pages):
    mind, asker = Mind(), asker_of(pages)
    who = Asked("a", mind)
    got = asker.each([lambda: asker.ask(who, said("退款"), {})] * 40)
    assert {one.answer for one in got} == {"退款"}
    assert len(mind.calls) == 1


def test_however_many_threads_ask_the_budget_is_never_exceeded(pages):
    mind, asker = Mind(), asker_of(pages, calls=37)
    who = Asked("a", mind)
    with pytest.raises(BudgetSpentError):
        asker.each([lambda n=n: asker.ask(who, said(f"{n}"), {}) for n in range(200)])
    assert len(mind.calls) == asker.purse.made == 37


def test_a_batch_that_does_not_fit_is_not_begun(pages):
    mind, asker = Mind(), asker_of(pages, calls=10)
    who = Asked("a", mind)
    with pytest.raises(BudgetSpentError):
        asker.batch([(who, said(f"{n}"), {}) for n in range(11)])
    assert not mind.calls
    asker.ask(who, said("0"), {})
    asker.batch([(who, said(f"{n}"), {}) for n in range(10)])


def test_money_is_held_before_a_call_and_settled_after_it(pages):
    mind = Mind()
    limit = 20_000_000  # 0.02 USD
    asker = Asker(pages, Purse(1000, limit), at_once=16, sleep=lambda _s: None)
    who = Asked("a", mind, PRICE)
    with pytest.raises(BudgetSpentError, match="may cost"):
        asker.each(
            [lambda n=n: asker.ask(who, said(f"{n}"), {"max_tokens": 100}) for n in range(999)]
        )
    one = cost(PRICE, Usage(input=10, output=5))
    assert asker.purse.spent_nano == len(mind.calls) * one
    assert len(mind.calls) > 10
    assert asker.purse.spent_nano <= limit


def test_a_call_waits_for_those_whose_holds_are_in_its_way(pages):
    mind = Mind()
    hold = worst_case(PRICE, len(canonical(said("00"))), 100, context_tokens=8192)
    asker = Asker(pages, Purse(1000, 2 * hold), at_once=16, sleep=lambda _s: None)
    who = Asked("a", mind, PRICE)
    work = [lambda n=n: asker.ask(who, said(f"{n}"), {"max_tokens": 100}) for n in range(10, 30)]
    assert len(asker.each(work)) == 20
    assert mind.most <= 2


def test_what_was_answered_before_a_crash_is_not_asked_again_and_what_was_in_flight_counts(
    tmp_path,
):
    path, about = tmp_path / "calls.jsonl", {"search": "1"}
    with Journal(path, about) as book:
        asker = asker_of(book)
        for text in "abc":
            asker.ask(Asked("m", Mind(), PRICE), said(text), {"max_tokens": 9})
        spent = asker.purse.spent_nano
    data = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(data[:-1]))  # killed before the answer to c was written
    mind = Mind()
    with Journal(path, about) as book:
        again = asker_of(book)
        assert again.purse.made == 3
        assert again.purse.spent_nano > spent
        for text in "abc":
            got = again.ask(Asked("m", mind, PRICE), said(text), {"max_tokens": 9})
            assert got.answer == text.upper()
    assert mind.calls == ["c"]
    assert again.purse.made == 4


def test_who_does_not_answer_is_asked_three_times_and_each_of_them_counts(pages):
    gone = [UnavailableError("gone")] * 2
    mind, asker = Mind(gone), asker_of(pages)
    assert asker.ask(Asked("a", mind), said("x"), {}).answer == "X"
    assert asker.purse.made == 3
    mind = Mind([UnavailableError("gone")] * 3)
    with pytest.raises(UnavailableError):
        asker.ask(Asked("a", mind), said("y"), {})
    assert asker.purse.made == 6
    assert asker.ask(Asked("a", mind), said("y"), {}).answer == "Y"


def test_a_refusal_is_an_answer_with_its_error_and_is_kept(pages):
    mind, asker = Mind([InvalidError("too long")]), asker_of(pages)
    for _ in range(2):
        got = asker.ask(Asked("a", mind), said("x"), {})
        assert got.error == "invalid: too long"
    assert len(mind.calls) == 1


def test_after_the_first_failure_no_more_work_begins(pages):
    mind, asker = Mind(), asker_of(pages)
    begun = []

    def work(n):
        begun.append(n)
        if n == 0:
            raise InvalidError("no")
        threading.Event().wait(0.01)

    with pytest.raises(InvalidError):
        asker.each([lambda n=n: work(n) for n in range(500)])
    assert len(begun) < 500
    assert not mind.calls


def test_what_is_kept_back_for_the_judgement_cannot_be_spent_before():
    purse = Purse(10, 1000)
    purse.keep(4, 600)
    with pytest.raises(BudgetSpentError, match="4 of them kept for the judgement"):
        purse.covers(7)
    with pytest.raises(BudgetSpentError):
        purse.take(401)
    purse.take(400)
    purse.keep(0)
    purse.take(600)
