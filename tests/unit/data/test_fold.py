import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.data.fold import fold, grams, jaccard, numbers

TEXTS = st.text(max_size=60)
WORDS = st.sampled_from(["Straße", "İstanbul", "ΣΊΣΥΦΟΣ", "Árvíztűrő", "Жёлтый", "订单", "ﬁ", "ǰ"])


@given(TEXTS | st.lists(WORDS).map(" ".join))
def test_folding_again_changes_nothing(text):
    assert fold(fold(text)) == fold(text)


@given(TEXTS)
def test_the_spelling_of_accents_does_not_count(text):
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_plain_ascii_takes_a_short_cut_to_the_same_place(text):
    assert fold("é " + text) == f"é {fold(text)}".strip()


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Hol van a csomagom?", "HOL  VAN\tA CSOMAGOM?"),
        ("Árvíztűrő", "A\u0301RVÍZTU\u030bRO\u030b"),
        ("Где мой заказ?", "где МОЙ\u00a0заказ?"),
        ("Straße", "STRASSE"),
        ("订单１２３４", "订单1234"),
        ("\ufb01ne", "FINE"),
    ],
)
def test_equal_in_many_languages(a, b):
    assert fold(a) == fold(b)


@pytest.mark.parametrize(("a", "b"), [("ő", "ö"), ("й", "и"), ("已", "己"), ("не", "ни")])
def test_letters_that_differ_stay_different(a, b):
    assert fold(a) != fold(b)


@given(TEXTS, TEXTS)
def test_jaccard_is_what_it_says(a, b):
    left, right = grams(fold(a)), grams(fold(b))
    assert jaccard(left, right) == len(left & right) / len(left | right)
    assert jaccard(left, left) == 1


def test_texts_without_spaces_have_grams():
    assert grams("请问订单在哪里") == {"请问订单在", "问订单在哪", "订单在哪里"}
    assert grams("你好") == {"你好"}


def test_numbers_of_any_script():
    assert numbers(fold("Order #3312, 2 days")) == ("3312", "2")
    assert numbers(fold("三百元 ٤٢")) == ("三百", "٤٢")
    assert numbers("no digits") == ()
