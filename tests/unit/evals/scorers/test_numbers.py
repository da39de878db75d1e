import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.scored import one, scored
from volano.evals.scorers.number_words import chinese
from volano.evals.scorers.numbers import numbers
from volano.evals.scoring import BadScorerError, make


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("1.234,56", (1234.56,)), ("1,234.56", (1234.56,)), ("1 234 567,89", (1234567.89,)),
        ("1\u202f234,5", (1234.5,)), ("1'234.56", (1234.56,)), ("1.234", (1.234, 1234)), ("1,234", (1234, 1.234)),
        ("-5", (-5,)), ("−5", (-5,)), ("６５％", (0.65, 65)), ("12 %", (0.12, 12)), ("5 процентов", (0.05, 5)),
        ("öt = 5 százalék", (0.05, 5)), ("3 млн", (3e6,)), ("1,5 Mio.", (1.5e6,)), ("2 milliárd", (2e9,)),
        ("10 тысяч рублей", (1e4,)), ("2.5万", (25000,)), ("三百二十一", (321,)), ("百分之五", (0.05, 5)),
        ("百分之20", (0.2, 20)), ("负十五", (-15,)), ("6.02e23", (6.02e23,)), ("5×10⁶", (5e6,)), ("2½", (2.5,)),
        ("٣٤٥", (345,)), ("$1,000,000.", (1e6,)), ("The answer is 42.", (42,)), ("0.125", (0.125,)), ("12,5", (12.5,)),
    ],
)  # fmt: skip
def test_a_number_is_read_as_its_writer_meant_it(text, readings):
    assert [*numbers(text)] == [pytest.approx(readings)]


@pytest.mark.parametrize(
    "text", ["12.05.2020", "v1.2.3.4", "1,23,456", "9" * 5000, "", "keine", "点"]
)
def test_what_is_no_number_is_not_read_as_one(text):
    assert [*numbers(text)] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十", 10), ("十五", 15), ("二十", 20), ("一百零五", 105), ("一千零五十", 1050), ("两万", 20_000), ("一万五千", 15_000),
        ("一亿二千万", 120_000_000), ("一万亿", 1e12), ("二〇二四", 2024), ("零", 0), ("三点一四", 3.14), ("壹佰贰拾", 120),
    ],
)  # fmt: skip
def test_chinese_numerals_have_their_values(text, value):
    assert chinese(text) == pytest.approx(value)


@given(st.integers(0, 10**12))
def test_any_number_is_read_back_however_it_is_grouped(number):
    for text in (
        f"{number}",
        f"{number:,}",
        f"{number:,}".replace(",", " "),
        f"{number:_}".replace("_", "'"),
    ):
        assert float(number) in [reading for found in numbers(text) for reading in found]
        assert one("numeric", f"= {text}", str(number)) == 1


def test_the_tolerance_is_absolute_or_relative():
    assert one("numeric", "3.15", "3.14") == 0
    assert one({"numeric": {"tolerance": 0.01}}, "3.15", "3.14") == 1
    assert one({"numeric": {"relative": 0.1}}, "109", "100") == 1
    assert one({"numeric": {"relative": 0.1}}, "111", "100") == 0


def test_which_number_of_an_answer_counts():
    said = "Először 3, aztán 4, összesen 7."
    assert one("numeric", said, "7") == 1
    assert one({"numeric": {"which": "first"}}, said, "3") == 1
    assert one({"numeric": {"which": "only"}}, said, "7") == 0
    assert one("numeric", "总共是四十二个", "42") == 1


def test_a_decimal_sign_settles_what_may_be_two_numbers():
    assert one("numeric", "1.234", "1234") == one("numeric", "1.234", "1,234") == 1
    assert one({"numeric": {"decimal": "."}}, "1.234", "1234") == 0
    assert one({"numeric": {"decimal": ","}}, "1.234", "1234") == 1


def test_labels_without_numbers_are_told():
    assert "no number" in one("numeric", "7", "sieben?").why
    assert scored("numeric", "7", {"n": 7}) == {}
    assert one("numeric", "I do not know", "7") == 0
    for wrong in ({"which": "all"}, {"tolerance": -1}, {"relative": True}, {"decimal": "'"}):
        with pytest.raises(BadScorerError):
            make({"numeric": wrong})


@pytest.mark.parametrize(
    "said",
    [
        "B", "b.", " (B) ", "**B**", "Ｂ", "В", "The answer is (B).", "Answer: B", "Die richtige Antwort ist B.",
        "Lösung: B", "A helyes válasz: B", "Правильный ответ: B", "Ответ — В", "答案是B", "正确答案为B，因为", "因此选B。",
        "A is wrong. The answer is B", r"So \boxed{B}", "B) because of tax", "I think **B** fits", "it is (B), surely",
        "Answer: A? No. The answer is B.", "Es ist die Rückzahlung",
    ],
)  # fmt: skip
def test_the_letter_is_found_in_whatever_stands_around_it(said):
    choices = {"A": "Passwort", "B": "Rückzahlung", "C": "Rechnung"}
    assert one("choice", said, "B", expected={"choices": choices}) == 1


@pytest.mark.parametrize(
    "said", ["", "A", "either (A) or (B)", "A dog", "no idea", "nem tudom", "不知道", "Bx"]
)
def test_no_letter_or_two_are_wrong(said):
    assert one("choice", said, "B") == 0


def test_letters_may_be_others():
    assert one({"choice": {"letters": "АБВГ"}}, "Правильный ответ: В", "В") == 1
    assert one("choice", "选二：苹果", "B", expected={"choices": ["香蕉", "苹果"]}) == 1
    assert "none of the letters" in one({"choice": {"letters": "AB"}}, "A", "C").why
    for wrong in ("AA", "", "A B", 3):
        with pytest.raises(BadScorerError):
            make({"choice": {"letters": wrong}})
