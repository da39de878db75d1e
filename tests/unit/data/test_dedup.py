import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from volano.data import dedup
from volano.data.dedup import CONFLICT, EXACT, LEAK, NEAR, NO_LABEL, NO_TEXT, bands_for, sift
from volano.data.errors import BadThresholdError
from volano.data.fold import fold, grams, jaccard, numbers
from volano.data.row import row_of
from volano.data.tickets import generate

LONG = "My parcel has not arrived although the courier promised to deliver it on Monday morning"


def rows(*pairs):
    return [row_of(text, label) for text, label in pairs]


def texts(sifted):
    return [row.text for row in sifted.kept]


def test_of_equal_texts_the_first_stays():
    sifted = sift(rows(("Hol a csomagom?", "s"), ("b", "s"), ("HOL  A CSOMAGOM?", "s")))
    assert texts(sifted) == ["Hol a csomagom?", "b"]
    (gone,) = sifted.dropped
    assert (gone.reason, gone.of) == (EXACT, sifted.kept[0].id)


def test_several_answers_rejected_for_one_all_stay_in_their_order():
    pairs = [
        (LONG, "Nem."),
        ("x", "Nem."),
        (LONG, "Talán."),
        (LONG + "!", "Soha."),
        (LONG, " NEM. "),
    ]
    given = [row_of(text, "Igen.", more={"rejected": wrong}) for text, wrong in pairs]
    sifted = sift(given)
    assert sifted.kept == given[:4]
    [gone] = sifted.dropped
    assert (gone.row, gone.reason, gone.of) == (given[4], EXACT, given[0].id)
    near = row_of(LONG + "!", "Igen.", more={"rejected": "Nem."})
    assert sift([given[0], near]).counts() == {NEAR: 1}
    assert sift(given[:1], test=[given[3]]).counts() == {LEAK: 1}


def test_one_text_with_two_labels_is_kept_out_altogether():
    sifted = sift(rows(("Где заказ?", "a"), ("x", "a"), ("где ЗАКАЗ?", "b"), ("Где заказ?", "a")))
    assert texts(sifted) == ["x"]
    assert sifted.counts() == {CONFLICT: 3}


def test_empty_texts_and_labels_go():
    sifted = sift(rows((" \u00a0", "a"), ("x", ""), ("y", "a")))
    assert sifted.counts() == {NO_TEXT: 1, NO_LABEL: 1}


def test_nearly_the_same_text_goes_when_the_label_agrees():
    assert sift(rows((LONG, "a"), (LONG + "!", "a"))).counts() == {NEAR: 1}
    assert sift(rows((LONG, "a"), (LONG + "!", "b"))).counts() == {}


def test_other_numbers_are_other_facts():
    one, two = f"{LONG}, order 3312, thanks", f"{LONG}, order 3313, thanks"
    assert jaccard(grams(fold(one)), grams(fold(two))) < 1
    assert sift(rows((one, "a"), (two, "a")), threshold=0.5).counts() == {}
    assert sift(rows((LONG + " 三", "a"), (LONG + " 四", "a"))).counts() == {}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("我的订单已经付款但是一直没有发货请尽快处理谢谢你们的帮助希望早日收到", "。"),
        ("Meine Bestellung ist seit über zwei Wochen unterwegs und niemand antwortet mir", "!"),
        ("Мой заказ до сих пор не доставлен, хотя курьер обещал привезти его вчера", "!!"),
        ("A csomagom még mindig nem érkezett meg, pedig a futár tegnapra ígérte nekem", " !"),
    ],
)
def test_near_in_other_languages_and_without_spaces(a, b):
    assert sift(rows((a, "x"), (a + b, "x"))).counts() == {NEAR: 1}
    assert sift(rows((a, "x"), (a[::-1], "x"))).counts() == {}


def test_a_short_chinese_text_with_one_other_character_is_another_text():
    assert sift(rows(("我要退款", "a"), ("我要退货", "a"))).counts() == {}


def test_no_ticket_is_swallowed_by_another():
    fresh = [row_of(r["text"], r["label"]) for r in generate(0, 3000, "all")]
    again = generate(0, 3000, "all", duplicates=0.15)
    sifted = sift(fresh)
    assert len(fresh) - len(sifted.kept) < 3
    raw = sift([row_of(r["text"], r["label"]) for r in again])
    assert raw.counts()[EXACT] > 200
    assert raw.counts()[NEAR] > 60
    assert len(raw.kept) == pytest.approx(0.85 * 3000, rel=0.05)


def test_labels_decide_between_patterns_that_are_alike():
    a = {"product": "Falcon", "reference": "1234"}
    b = {"product": "Heron", "reference": "1234"}
    long = LONG + " for the product that I bought, namely {} 1234"
    pair = rows((long.format("Falcon"), a), (long.format("Falcox"), b))
    assert sift(pair, threshold=0.5).counts() == {}


def test_what_the_test_split_holds_leaves_training():
    test = rows((LONG, "a"), ("Short", "b"))
    sifted = sift(
        rows(("short", "b"), ("SHORT ", "other"), (LONG + ".", "a"), ("fine", "a")), test=test
    )
    assert texts(sifted) == ["fine"]
    assert sifted.counts() == {LEAK: 1, CONFLICT: 2}
    assert [gone.of for gone in sifted.dropped if gone.reason == LEAK] == [test[0].id]
    sifted = sift(rows(("SHORT ", "other")), test=test)
    assert sifted.counts() == {LEAK: 1}


@pytest.mark.parametrize("threshold", [0, -1, 1.1, float("nan")])
def test_thresholds_have_limits(threshold):
    with pytest.raises(BadThresholdError):
        sift(rows(("a", "x")), threshold=threshold)


def test_a_threshold_of_one_drops_only_equal_grams():
    assert sift(rows((LONG, "a"), (LONG + "!", "a")), threshold=1).counts() == {}


@pytest.mark.parametrize("threshold", [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_nearly_every_pair_at_the_threshold(threshold):
    bands = bands_for(threshold)
    assert dedup.PERMUTATIONS % bands == 0
    if threshold >= 0.3:
        assert 1 - (1 - threshold ** (dedup.PERMUTATIONS // bands)) ** bands >= 0.999


def brute_force(all_rows, threshold):
    kept = []
    for row in all_rows:
        own, label = fold(row.text), row.label
        if not any(
            label == other.label
            and numbers(own) == numbers(fold(other.text))
            and jaccard(grams(own), grams(fold(other.text))) >= threshold
            for other in kept
        ):
            kept.append(row)
    return [row.text for row in kept]


PIECES = st.sampled_from(["my order is late ", "где мой заказ ", "我的订单 ", "thanks", "!", "7 "])


@examples(60)
@given(
    st.lists(st.lists(PIECES, min_size=1, max_size=7).map("".join), max_size=12),
    st.sampled_from([0.6, 0.8, 0.9]),
)
def test_the_index_finds_what_comparing_all_pairs_finds(found, threshold):
    unique = list({fold(text): text for text in found}.values())
    given_rows = rows(*((text, "a") for text in unique))
    assert texts(sift(given_rows, threshold=threshold)) == brute_force(given_rows, threshold)


@given(st.lists(st.tuples(st.text(max_size=12), st.sampled_from("ab")), max_size=20))
def test_every_row_is_kept_or_dropped_once_and_sifting_again_drops_nothing(pairs):
    given_rows = rows(*pairs)
    sifted = sift(given_rows)
    assert len(sifted.kept) + len(sifted.dropped) == len(given_rows)
    again = sift(sifted.kept)
    assert again.kept == sifted.kept
    assert not again.dropped


def test_many_rows_after_one_pattern_are_compared_within_a_bound(monkeypatch):
    monkeypatch.setattr(dedup, "MAX_CANDIDATES", 5)
    names = [f"{chr(97 + i)}{chr(97 + j)}" * 3 for i in range(8) for j in range(8)]
    given_rows = rows(*((f"{LONG} says {name}", "a") for name in names))
    assert sift([*given_rows, row_of(given_rows[62].text + "!", "a")], threshold=0.95).counts() == {
        NEAR: 1
    }
