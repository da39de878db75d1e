from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from volano.data import shingles
from volano.data.shingles import CHARACTERS, MOST_SHINGLES, Shingler, thin


def sets(texts, **settings):
    batch = Shingler(**settings).batch(texts)
    starts = batch.starts.tolist()
    return [set(batch.flat[a:b].tolist()) for a, b in pairwise(starts)]


def plain(text, size):
    words = text.lower().split()
    return (
        {" ".join(words[at : at + size]) for at in range(max(1, len(words) - size + 1))}
        if words
        else set()
    )


@given(st.lists(st.text("ab c", max_size=40), max_size=8), st.integers(1, 4))
@examples(100)
def test_shingles_differ_exactly_as_runs_of_words_do(texts, size):
    found, wanted = sets(texts, size=size), [plain(text, size) for text in texts]
    for mine, theirs in zip(found, wanted, strict=True):
        assert len(mine) == len(theirs)
        for other, meant in zip(found, wanted, strict=True):
            assert len(mine & other) == len(theirs & meant)


@given(st.lists(st.text(max_size=30), max_size=6))
@examples(100)
def test_a_text_is_cut_alike_alone_and_among_others(texts):
    for kind in ("words", CHARACTERS):
        assert sets(texts, kind=kind) == [sets([text], kind=kind)[0] for text in texts]


def test_case_punctuation_and_space_do_not_count():
    one, other = sets(["Where is my ORDER, please?", "where  is\nmy order please"])
    assert one == other


def test_writing_without_spaces_is_cut_by_characters():
    for text in ("我的订单一直没有发货", "注文した商品がまだ届きません", "ฉันยังไม่ได้รับสินค้า"):
        (found,) = sets([text])
        assert len(found) > 3
    one, other = sets(["我的订单一直没有发货", "我的訂單一直没有发货"])
    assert one & other
    assert len(sets(["Посылка всё ещё не пришла, курьер молчит"])[0]) == 3


def test_mixed_writing_needs_no_guess():
    assert len(sets(["OpenAI 发布 GPT 模型 today"], size=2)[0]) == 6


def test_a_text_without_words_has_no_shingle():
    assert sets(["", " \n", "!!! —", "a"]) == [set(), set(), set(), sets(["a"])[0]]


def test_halves_of_characters_do_no_harm():
    assert len(sets(["\ud800 a b c d e f", "😀 a b c d e f"])) == 2


def test_a_long_text_is_cut_in_pieces_to_the_same_shingles(monkeypatch):
    text = " ".join(f"word{at % 977} {at}" for at in range(3000)) + " 我的订单" * 50
    whole = sets([text])[0]
    monkeypatch.setattr(shingles, "BATCH_CHARS", 5000)
    assert sets(["x", text, "y"])[1] == whole


def test_of_a_very_long_text_a_sample_stays(monkeypatch):
    assert MOST_SHINGLES >= 1 << 20
    monkeypatch.setattr(shingles, "MOST_SHINGLES", 500)
    monkeypatch.setattr(shingles, "BATCH_CHARS", 5000)
    text = " ".join(str(at * at) for at in range(4000))
    batch = Shingler().batch([text, "a b c"])
    assert 100 < batch.ends[0] <= 500
    level, other = batch.levels.tolist()
    assert (level in (3, 4), other) == (True, 0)
    assert thin(batch.flat[: batch.ends[0]], level).size == batch.ends[0]
