"""Both sides are asked in alternation; what is the same is asked once, what is timed always."""

from contextlib import contextmanager
from dataclasses import replace

import pytest

from volano.ci.asked import NEW, OLD, Sheet, ask
from volano.ci.party import Party
from volano.core.ports.chat import Answer
from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.errors import NoPriceError
from volano.evals.pace import NONE, Patience
from volano.evals.suite import Limits, Suite
from volano.prompts.prompt import Prompt
from volano.serving.errors import ChatUnavailableError

CASES = [Case(id=f"r{n}", text=f"{n}. вопрос", label="a") for n in range(4)]


@pytest.fixture
def heard():
    return []


def party(heard, words, **settings):
    def chat(messages, **given):
        heard.append((words, messages[-1]["content"], given["max_tokens"]))
        return Answer(words, "stop", 3, 2)

    @contextmanager
    def opened():
        yield chat

    prompt = Prompt(words + "{{input}}")
    return Party("m", words, prompt, {"max_tokens": 5, **settings}, opened)


def asked(sheet, folder, known=lambda _key: None):
    return ask(sheet, folder, known=known, lost=lambda _key: None, patience=NONE,
               tell=lambda _standing: None)  # fmt: skip


def suite(**given):
    return Suite("d", ("exact_match",), limits=Limits(concurrency=1, **given))


def test_sides_take_turns_and_each_is_asked_with_its_own_words_and_settings(heard, tmp_path):
    parties = {OLD: party(heard, "ó"), NEW: party(heard, "ú", max_tokens=9)}
    found = asked(Sheet.of(suite(), CASES, parties, timed=False), tmp_path)
    assert [one[0] for one in heard] == ["ó", "ú", "ú", "ó"] * 2
    assert {one[0]: one[2] for one in heard} == {"ó": 5, "ú": 9}
    assert [one.answer for one in found.new] == ["ú"] * 4
    assert [one.id for one in found.old] == ["r0", "r1", "r2", "r3"]
    assert found.cases[1].messages[-1]["content"] == "ú1. вопрос"


@pytest.mark.parametrize(("timed", "count"), [(False, 4), (True, 8)])
def test_the_same_on_both_sides_is_asked_once_unless_it_is_timed(heard, tmp_path, timed, count):
    parties = {OLD: party(heard, "ó"), NEW: party(heard, "ó")}
    found = asked(Sheet.of(suite(), CASES, parties, timed=timed), tmp_path)
    assert (len(heard), found.asked, found.known) == (count, count, 8 - count)
    assert [one.answer for one in found.old] == [one.answer for one in found.new] == ["ó"] * 4


def test_what_is_known_is_not_asked(heard, tmp_path):
    sheet = Sheet.of(suite(), CASES, {NEW: party(heard, "ú")}, timed=False)
    keys = {key: at[1] for at, key in sheet.keys().items()}
    found = asked(
        sheet, tmp_path, lambda key: Answered("x", "ismert") if keys[key] != "r2" else None
    )
    assert [one.answer for one in found.new] == ["ismert", "ismert", "ú", "ismert"]
    assert [one.id for one in found.new] == ["r0", "r1", "r2", "r3"]
    assert found.old == []
    assert len(heard) == 1


def test_a_limit_of_money_without_a_price_is_told_before_anything_is_asked(heard, tmp_path):
    sheet = Sheet.of(suite(money="1 USD"), CASES, {NEW: party(heard, "ú")}, timed=False)
    with pytest.raises(NoPriceError):
        asked(sheet, tmp_path)
    assert heard == []


def failing(party, error):
    """A party whose server answers nothing."""

    def chat(_messages, **_given):
        raise error

    @contextmanager
    def opened():
        yield chat

    return replace(party, open=opened)


def away(**facts):
    return ChatUnavailableError(address="http://szerver", reason="nem", **facts)


def test_a_row_that_a_server_always_fails_is_an_error_the_second_time_too(heard, tmp_path):
    sheet = Sheet.of(suite(), CASES, {NEW: failing(party(heard, "ú"), away(status=500))},
                     timed=False)  # fmt: skip
    keys = {key: at[1] for at, key in sheet.keys().items()}

    def known(key):
        return Answered("x", "ismert") if keys[key] != "r2" else None

    found = ask(sheet, tmp_path, known=known, lost=lambda _key: None,
                patience=Patience(tries=1, away=3, pause_s=0.001),
                tell=lambda _standing: None)  # fmt: skip
    assert [one.error is None for one in found.new] == [True, True, False, True]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_with_nobody_behind_it_is_away_whatever_is_known_of_it(heard, tmp_path, status):
    sheet = Sheet.of(suite(), CASES, {NEW: failing(party(heard, "ú"), away(status=status))},
                     timed=False)  # fmt: skip
    keys = {key: at[1] for at, key in sheet.keys().items()}
    with pytest.raises(ChatUnavailableError):
        ask(sheet, tmp_path, lost=lambda _key: None, tell=lambda _standing: None,
            known=lambda key: Answered("x", "ismert") if keys[key] != "r2" else None,
            patience=Patience(tries=1, away=3, pause_s=0.001))  # fmt: skip


def test_what_is_known_of_the_base_says_nothing_of_another_server(heard, tmp_path):
    parties = {
        OLD: replace(party(heard, "ó"), who="one"),
        NEW: failing(replace(party(heard, "ú"), who="other"), away(status=500)),
    }
    sheet = Sheet.of(suite(), CASES, parties, timed=False)
    sides = {key: at[0] for at, key in sheet.keys().items()}
    with pytest.raises(ChatUnavailableError):
        ask(sheet, tmp_path, lost=lambda _key: None, tell=lambda _standing: None,
            known=lambda key: Answered("x", "ismert") if sides[key] == OLD else None,
            patience=Patience(tries=1, away=9, pause_s=0.001))  # fmt: skip
