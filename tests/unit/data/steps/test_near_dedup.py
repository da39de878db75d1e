import itertools
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.steps import rows_of, run
from volano.data import clusters, spill
from volano.data.errors import BadStepError
from volano.data.minhash import FOUND, Bands
from volano.data.shingles import Shingler
from volano.data.steps.near_dedup import NEAR, NearDedup

FIVE = {
    "en": "My parcel has not arrived although the courier promised to deliver it on Monday morning at ten",
    "de": "Meine Bestellung ist seit über zwei Wochen unterwegs und niemand antwortet mir auf die vielen Fragen",
    "ru": "Мой заказ до сих пор не доставлен хотя курьер обещал привезти его вчера утром до десяти часов",
    "hu": "A csomagom még mindig nem érkezett meg pedig a futár tegnap délelőttre ígérte nekem a telefonban",
    "zh": "我的订单已经付款但是一直没有发货请尽快处理谢谢你们的帮助希望早日收到我买的东西",
}  # fmt: skip
WORDS = st.sampled_from(["alma", "körte", "szilva", "мир", "дом", "订", "单", "go"])
TEXTS = st.lists(st.lists(WORDS, min_size=1, max_size=9).map(" ".join), max_size=25)


def jaccard(step, one, other):
    batch = Shingler(step.shingle, step.size).batch([one, other])
    a, b = set(batch.flat[: batch.ends[0]].tolist()), set(batch.flat[batch.ends[0] :].tolist())
    return len(a & b) / len(a | b) if a | b else 0.0


@pytest.mark.parametrize("language", FIVE)
def test_of_texts_that_are_alike_the_first_stays(language, tmp_path):
    text = FIVE[language]
    other = text[:-2] + " x"
    rows = rows_of(
        "etwas ganz anderes", text, other, *(FIVE[one] for one in FIVE if one != language)
    )
    kept, (gone,) = run(NearDedup(threshold=0.7), rows, tmp_path, cuts=[2])
    assert [row["text"] for row in kept] == [row["text"] for row in rows if row["text"] != other]
    assert (gone.reason, gone.of, gone.row["text"]) == (NEAR, {"line": 1}, other)
    assert gone.detail.startswith("similarity 0.")


@given(TEXTS, st.lists(st.integers(0, 25), max_size=4), st.sampled_from([0.3, 0.5, 0.8, 1.0]))
@examples(60)
def test_what_goes_is_like_what_stays_and_what_stays_is_unlike_wherever_shards_end(
    texts, cuts, threshold
):
    step = NearDedup(threshold=threshold, size=2)
    with tempfile.TemporaryDirectory() as place:
        kept, gone = run(step, rows_of(*texts), Path(place, "a"))
        again = run(step, rows_of(*texts), Path(place, "b"), cuts=cuts)
    assert again == (kept, gone)
    assert len(kept) + len(gone) == len(texts)
    for one in gone:
        assert any(row["origin"] == one.of for row in kept)
        assert jaccard(step, one.row["text"], texts[one.of["line"]]) >= threshold
    for a, b in itertools.combinations(kept, 2):
        assert jaccard(step, a["text"], b["text"]) < threshold


def test_planted_pairs_are_found_and_nothing_else_goes(tmp_path):
    chance = random.Random(5)
    vocabulary = [f"{a}{b}" for a in FIVE["ru"].split() + FIVE["hu"].split() for b in "abcdefgh"]
    texts = [" ".join(chance.choices(vocabulary, k=120)) for _ in range(1500)]
    for at in range(500):
        words = texts[at].split()
        for _ in range(3):
            words[chance.randrange(120)] = "changed"
        texts.append(" ".join(words))
    step = NearDedup(threshold=0.7)
    _, gone = run(step, rows_of(*texts), tmp_path, cuts=[700, 1600])
    pairs = {(one.row["origin"]["line"], one.of["line"]) for one in gone}
    true = {
        (1500 + at, at) for at in range(500) if jaccard(step, texts[1500 + at], texts[at]) >= 0.7
    }
    assert len(pairs & true) >= 0.98 * len(true) > 400
    assert len(pairs & true) >= 0.99 * len(pairs)


@pytest.mark.parametrize(
    ("keep", "stays"), [("first", 0), ("longest", 1), ("highest", 2), ("lowest", 3)]
)
def test_keep_says_which_stays(keep, stays, tmp_path):
    text = FIVE["hu"]
    rows = rows_of(text, text + " már", text.upper(), text)
    for row, score in zip(rows, (None, "7", 0.9, 0.1), strict=True):
        row["score"] = score
    (kept,), gone = run(NearDedup(keep=keep, by="score"), rows, tmp_path, cuts=[1, 2])
    assert kept == rows[stays]
    assert [one.of for one in gone] == [{"line": stays}] * 3


def test_other_numbers_and_other_labels_are_other_facts_where_asked(tmp_path):
    text = FIVE["de"]
    rows = rows_of(f"{text} 4711", f"{text} 4712", f"{text} 4711")
    for row, label in zip(rows, "aab", strict=True):
        row["label"] = label
    kept = {
        name: len(run(step, rows, tmp_path / name)[0])
        for name, step in {
            "plain": NearDedup(),
            "numbers": NearDedup(numbers=True),
            "label": NearDedup(same="label"),
            "both": NearDedup(numbers=True, same=("label",)),
        }.items()
    }
    assert kept == {"plain": 1, "numbers": 2, "label": 2, "both": 3}


def test_empty_texts_and_rows_without_one_stay(tmp_path):
    rows = [
        {"text": ""},
        {"text": " "},
        {"text": None},
        {"other": 1},
        {"text": "!!!"},
        {"text": "!!!"},
    ]
    assert run(NearDedup(), rows, tmp_path, cuts=[0, 2, 2])[0] == rows
    assert run(NearDedup(), [], tmp_path / "none") == ([], [])


def test_a_row_without_origin_is_named_by_its_number(tmp_path):
    rows = [{"text": "x"}, {"text": FIVE["en"]}, {"text": FIVE["en"] + "!"}]
    assert run(NearDedup(), rows, tmp_path)[1][0].of == {"row": 1}


def test_one_huge_text_beside_small_ones(tmp_path):
    huge = " ".join(str(at) for at in range(200_000))
    rows = rows_of(FIVE["en"], huge, "x", huge + " more", FIVE["en"] + "!")
    kept, _ = run(NearDedup(), rows, tmp_path)
    assert [row["origin"]["line"] for row in kept] == [0, 1, 2]


def test_thousands_of_rows_after_one_pattern_are_compared_with_few(tmp_path, monkeypatch):
    compared = []
    exact = clusters.Corpus.jaccard
    monkeypatch.setattr(
        clusters.Corpus, "jaccard",
        lambda self, one, other: compared.append(one.size) or exact(self, one, other),
    )  # fmt: skip
    rows = rows_of(*(f"{FIVE['en']} number {at}" for at in range(5000)))
    kept, _ = run(NearDedup(threshold=0.7), rows, tmp_path, cuts=[2500])
    assert len(kept) == 1
    assert sum(compared) < 4 * len(rows)


def test_parts_on_disk_give_what_memory_gives(tmp_path, monkeypatch):
    chance = random.Random(3)
    texts = [" ".join(chance.choices("abcdefghij", k=30)) for _ in range(300)]
    rows = rows_of(*texts, *(text + " z" for text in texts))
    before = run(NearDedup(), rows, tmp_path / "a")
    monkeypatch.setattr(spill, "PART", 64)
    monkeypatch.setattr(clusters, "AT_ONCE", 50)
    assert run(NearDedup(), rows, tmp_path / "b", cuts=[100, 350]) == before
    assert len(before[1]) == 300


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0])
def test_bands_find_a_pair_at_the_threshold(threshold):
    bands = Bands.of(threshold)
    assert 1 - (1 - threshold**bands.rows) ** bands.count >= FOUND
    assert bands.rows * bands.count <= 310
    assert bands.rows > 1


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": 0}, {"threshold": 1.1}, {"threshold": "high"}, {"shingle": "letters"},
        {"size": 0}, {"keep": "best"}, {"keep": "highest"}, {"column": ""}, {"same": 3},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(BadStepError):
        NearDedup(**settings)
