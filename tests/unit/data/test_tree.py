"""Rows, chunks and trees: what comes out is what went in, and equal rows lie in equal chunks."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volano.core.digest import Digest
from volano.data import errors
from volano.data.chunks import MAX_BYTES, MIN_BYTES, Cutter, Entry
from volano.data.line import id_of, line_of, problem_of, record_of
from volano.data.row import row_of
from volano.data.tree import Growing, Page, Tree, named

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def cut(records):
    cutter = Cutter()
    found = [chunk for record in records if (chunk := cutter.add(line_of(record)))]
    last = cutter.end()
    return found + ([last] if last else [])


def texts(n: int, seed: int = 0) -> list[dict]:
    rng = random.Random(seed)
    words = ["árvíztűrő", "fúrógép", "Straße", "привет", "мир", "数据", "集", "one", "two", "three"]
    return [{"text": f"{i} " + " ".join(rng.choices(words, k=30))} for i in range(n)]


def test_the_id_is_that_of_the_content_alone():
    row = row_of("Grüße", "x")
    line = line_of({"text": "Grüße", "label": "x", "origin": {"file": "a"}, "split": "test"})
    assert line.id == row.id == id_of(line.data)
    assert line_of({"label": "x", "text": "Gru\u0308ße", "id": line.id}).id == line.id
    assert line.data.endswith(b'"origin":{"file":"a"}}\n')


def test_an_id_of_the_source_becomes_a_column():
    row = record_of(line_of({"id": 7, "text": "x"}).data, "train")
    assert (row["source_id"], row["split"], row["origin"]) == (7, "train", None)
    assert record_of(line_of({"id": 7, "source_id": 8, "x": 1}).data, "")["source_id"] == 8


@given(st.dictionaries(st.text(min_size=1, max_size=5), JSON, min_size=1, max_size=4))
def test_a_line_holds_its_row(columns):
    try:
        line = line_of(columns)
    except errors.BadRecordError:
        return
    assert line.data.count(b"\n") == 1
    assert problem_of(line.data) is None
    assert line_of(record_of(line.data, "train")).id == line.id


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"9007199254740991", 2**53 - 1), (b"9007199254740992", 2.0**53), (b"1e+22", 1e22),
     (b"123456789012345678901", 123456789012345678901.0), (b'"\\ud800"', "\ud800"),
     (b"[1,2.5,true,null]", [1, 2.5, True, None])],
)  # fmt: skip
def test_numbers_and_texts_of_a_line_are_read_as_they_were(text, value):
    row = record_of(b'{"id":"0123456789abcdef","x":%b,"origin":null}\n' % text, "train")
    assert (row["x"], type(row["x"])) == (value, type(value))


@pytest.mark.parametrize(
    "record",
    [{}, {"id": "0" * 16}, {"x": float("nan")}, {"x": 2**60}, {"x": "\ud800"}, {"x": object()},
     {"x": 1, "origin": {"a": {1: 2}}}],
)  # fmt: skip
def test_what_json_cannot_say_is_no_row(record):
    with pytest.raises(errors.BadRecordError):
        line_of(record, 3)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]\n", b'{"id":"x","origin":null}\n', b"\xff"])
def test_what_is_no_line_is_told(data):
    assert problem_of(data)


def test_a_changed_line_is_told():
    line = line_of({"text": "one"}).data
    assert problem_of(line.replace(b"one", b"two")) == "its id is not that of its content"


def test_chunks_have_their_sizes_and_all_rows():
    chunks = cut(texts(3000))
    sizes = [entry.bytes for entry, _ in chunks]
    assert all(MIN_BYTES <= size < MAX_BYTES + 1000 for size in sizes[:-1])
    assert 8_000 < sum(sizes) / len(sizes) < 24_000
    lines = b"".join(data for _, data in chunks).splitlines()
    assert [json.loads(line)["text"] for line in lines] == [row["text"] for row in texts(3000)]
    assert sum(entry.rows for entry, _ in chunks) == 3000


def test_an_edit_changes_a_chunk_or_two():
    rows = texts(4000)
    before = {entry.digest for entry, _ in cut(rows)}
    edited = [*rows[:1000], {"text": "new"}, *rows[1000:2500], *rows[2501:]]
    after = {entry.digest for entry, _ in cut(edited)}
    assert len(after - before) <= 6
    assert len(before) > 50


def test_rows_that_are_all_the_same_or_huge_are_cut_too():
    assert max(entry.bytes for entry, _ in cut([{"x": "same"}] * 9000)) < MAX_BYTES + 100
    assert [entry.rows for entry, _ in cut([{"x": "a" * 200_000, "n": n} for n in range(3)])] == [
        1
    ] * 3


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.integers(0, 3000), st.integers(0, 200))
def test_a_tree_gives_back_its_entries_from_any_row_on(catalog, count, start):
    entries = [Entry(Digest.of(b"%d" % n), n % 5 + 1, 10, f"{n:016x}") for n in range(count)]
    growing = Growing(catalog.blobs.put) if count < 40 else Growing(Kept(catalog.blobs))
    for entry in entries:
        growing.add(entry)
    root, page = growing.end()
    if isinstance(growing._put, Kept):
        growing._put.flush()
    tree = Tree(catalog.blobs, root)
    found = list(tree.entries())
    assert [entry for _, entry in found] == entries
    assert (tree.rows, page.size) == (sum(e.rows for e in entries), 10 * count)
    later = list(tree.entries(start))
    assert later == [one for one in found if one[0] + one[1].rows > start]


class Kept:
    """Puts pages together at the end, as the writer does."""

    def __init__(self, blobs):
        self.blobs, self.pages = blobs, []

    def __call__(self, data):
        self.pages.append(data)
        return Digest.of(data)

    def flush(self):
        self.blobs.put_many(self.pages)


def test_pages_name_chunks_or_pages():
    entry = Entry(Digest.of(b"x"), 1, 2, "a")
    assert named(Page(0, (entry,)).to_bytes()).ends == [entry.digest]
    assert named(Page(1, (entry,)).to_bytes()).pages == [entry.digest]
    for data in (
        b"",
        b"[]",
        b'{"format":"volano.rows/2"}',
        b'{"format":"volano.rows/1","items":[1]}',
    ):
        with pytest.raises(errors.BadPageError):
            named(data)
