"""Words are found in any language, by the index and by looking at the rows, with one answer."""

import sqlite3
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.traces.sealed.records import Records
from volano.traces.search import Indexer, Search, words_of
from volano.traces.search.fold import for_index
from volano.traces.search.indexer import TABLES, catch_up, read_records, rebuild_mark, running

TEXTS = [
    "Hol van az árvíztűrő tükörfúrógépem? Számla #3312",
    "Где мой заказ? Ёлка пришла без СКИДКИ",
    "您好，我的订单三天前就应该到了，请问退款什么时候能到账？",
    "注文はいつ届きますか。ガラスが割れた",
    "환불을 받고 싶어요",
    "ขอคืนเงินได้ไหม",
    "Straße und Größe, refunds are late",
    "مَرْحَبًا، أين طلبي",
    "मेरा ऑर्डर कहाँ है",
]  # fmt: skip


class Rows:
    """Texts as an indexer reads them."""

    def __init__(self, texts):
        self.texts = list(texts)

    def __call__(self, table, after, most):
        if table != "calls":
            return []
        rows = [(n, text, "", None, "") for n, text in enumerate(self.texts, 1)]
        return [row for row in rows if row[0] > after][:most]


@pytest.fixture
def indexed(tmp_path):
    def indexed(texts):
        path = tmp_path / "search.db"
        catch_up(Indexer(path, Rows(texts)), 10)
        return Search(path)

    return indexed


def found(search, asked):
    return sorted(search.seqs("calls", words_of(asked).match(), before=1 << 60, limit=100))


@pytest.mark.parametrize(
    ("asked", "at"),
    [
        ("arvizturo", 1), ("ÁRVÍZTŰRŐ", 1), ("szamla 3312", 1), ("#3312", 1), ("tükör*", 1),
        ("елка", 2), ("скидки", 2), ("мой", 2), ("мои", None), ('"где мой"', 2),
        ("退款", 3), ("退", 3), ("什么时候", 3), ("时", 3), ("款退", None), ("订单 退款", 3),
        ("注文", 4), ("ガラス", 4), ("ｶﾞﾗｽ", 4), ("환불", 5), ("환불을", 5), ("คืนเงิน", 6), ("เงิน", 6),
        ("strasse", 7), ("GRÖSSE", 7), ("refund", None), ("refund*", 7), ('"refunds are"', 7),
        ('"are refunds"', None), ('"refunds a"*', 7), ("مرحبا", 8), ("ऑर्डर", 9), ("xyz", None),
    ],
)  # fmt: skip
def test_what_a_person_types_finds_what_a_person_wrote(indexed, asked, at):
    expected = [] if at is None else [at]
    assert found(indexed(TEXTS), asked) == expected
    assert [n for n, t in enumerate(TEXTS, 1) if words_of(asked).said_in(t)] == expected


chars = st.sampled_from("aáAzß1_ .-退款了ガｶ゛ดี환ёйИ\u0301\u0306\u200b😀") | st.characters(exclude_categories=["Cs"])  # fmt: skip
some_text = st.text(chars, max_size=12) | st.text(st.characters(codec="ascii"), max_size=12)


@given(texts=st.lists(some_text, min_size=1, max_size=4), data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_index_and_a_look_at_the_rows_agree(texts, data):
    source = data.draw(st.sampled_from(texts))
    begin = data.draw(st.integers(0, len(source)))
    asked = source[begin : data.draw(st.integers(begin, len(source)))]
    words = words_of(data.draw(st.sampled_from([asked, f'"{asked}"', f"{asked}*"])))
    if not words.terms:
        return
    conn = sqlite3.connect(":memory:")
    conn.execute(
        "CREATE VIRTUAL TABLE w USING fts5(input, content='', columnsize=0, tokenize='ascii')"
    )
    conn.executemany(
        "INSERT INTO w (rowid, input) VALUES (?, ?)",
        [(n, for_index(t)) for n, t in enumerate(texts)],
    )
    hits = conn.execute("SELECT rowid FROM w WHERE w MATCH ?", [words.match()]).fetchall()
    conn.close()
    assert sorted(n for (n,) in hits) == [n for n, t in enumerate(texts) if words.said_in(t)]


def test_an_index_that_is_missing_damaged_or_asked_for_is_built_anew(tmp_path):
    path = tmp_path / "search.db"
    search, rows = Search(path), Rows(TEXTS)
    assert search.covered("calls") == 0
    assert not path.exists(), "reading makes no file"
    indexer = Indexer(path, rows)
    assert indexer.step() == len(TEXTS)
    assert (search.covered("calls"), indexer.step()) == (len(TEXTS), 0)
    indexer.close()
    path.write_bytes(b"no database" * 1000)
    assert search.covered("calls") == 0
    catch_up(Indexer(path, rows), 10)
    assert found(search, "退款") == [3]
    rows.texts[2] = "changed"
    rebuild_mark(path).touch()
    catch_up(Indexer(path, rows), 10)
    assert found(search, "退款") == []
    assert not rebuild_mark(path).exists()


def test_a_thread_follows_what_is_written(tmp_path):
    path, seen = tmp_path / "search.db", threading.Event()

    class Told(Rows):
        def __call__(self, table, after, most):
            if table == "spans" and after == 0 and Search(path).covered("calls") == len(TEXTS):
                seen.set()
            return super().__call__(table, after, most)

    with running(Indexer(path, Told(TEXTS))):
        assert seen.wait(20)
    assert found(Search(path), "환불") == [5]


def test_every_table_that_is_indexed_has_these_columns(tmp_path):
    assert set(TABLES) == {"calls", "spans"}
    assert read_records(Records(tmp_path / "hot.db"))("calls", 0, 10) == []


def test_words_of_deleted_rows_go_from_the_index(tmp_path):
    path, rows, gone = tmp_path / "search.db", Rows(TEXTS), [0]
    indexer = Indexer(path, rows, lambda: gone[0])
    assert indexer.step() == len(TEXTS)
    rows.texts[0] = ""
    gone[0] = 7
    indexer._built_s -= 7200
    assert indexer.step() == len(TEXTS)
    assert indexer.step() == 0
    assert found(Search(path), "arvizturo") == []
    assert found(Search(path), "елка") == [2]
    indexer.close()
