"""Versions of datasets: written as trees, compared, labelled, branched, checked, let go."""

import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volano.core.errors import NotFoundError
from volano.data import compare, errors
from volano.data.step import Rejected
from volano.store.errors import (
    CorruptBlobError,
    DroppedError,
    HeldError,
    NeededError,
    UnreachedError,
)


def rows(n: int, start: int = 0, words: int = 20) -> list[dict]:
    return [
        {"id": f"doc-{i}", "text": f"{i} " + f"szöveg {i * 7919 % 1000} 数据 " * words, "n": i}
        for i in range(start, n)
    ]


def write(datasets, name, records, anna, **more):
    pairs = [(record.get("split", "train"), record) for record in records]
    return datasets.write(name, pairs, meta=more.pop("meta", {}), by=anna, **more)


def blob_bytes(catalog):
    return sum(path.stat().st_size for path in catalog.blobs.folder.glob("*.pack"))


def test_rows_of_any_columns_come_back_as_they_were(datasets, anna):
    records = [
        {"frage": "¿Qué?", "tags": ["a", {"b": 1.5}], "origin": {"file": "x", "line": 1}},
        {"frage": "什么", "score": None, "split": "dev"},
        {"frage": "Что?", "split": "dev"},
    ]
    bad = Rejected({"frage": "\ud800", "x": float("inf")}, "quality", "too strange", of={"a": 1})
    made = write(datasets, "faq", records, anna, rejected=iter([bad]), meta={"recipe": "r1"})
    assert made.manifest.meta["counts"] == {"train": 1, "dev": 2}
    assert made.manifest.meta["columns"][0] == {"name": "frage", "types": ["text"]}
    assert made.manifest.meta["recipe"] == "r1"
    assert "schema" not in made.manifest.meta
    assert set(made.manifest.files) == {"train.rows", "dev.rows", "rejected.rows"}
    found = list(datasets.stream("faq"))
    assert [row["split"] for row in found] == ["train", "dev", "dev"]
    assert {key: found[0][key] for key in records[0]} == records[0]
    assert found[1]["score"] is None
    [rejected] = datasets.rejected("faq")
    assert rejected["reason"] == "too strange"
    assert "ud800" in json.dumps(rejected["row"])


def test_start_and_limit_count_through_splits(datasets, anna):
    records = rows(500) + [{**row, "split": "test"} for row in rows(100)]
    write(datasets, "a", records, anna)
    every = [row["n"] for row in datasets.stream("a")]
    assert every == [*range(500), *range(100)]
    for start, limit in ((0, 3), (497, 9), (500, 5), (560, None), (10, 0), (900, 5)):
        stop = None if limit is None else start + limit
        found = [row["n"] for row in datasets.stream("a", start=start, limit=limit)]
        assert found == every[start:stop], (start, limit)
    assert [row["n"] for row in datasets.stream("a", "test", start=98)] == [98, 99]
    assert [row["n"] for row in datasets.page("a", split="test", start=5, limit=2)] == [5, 6]
    with pytest.raises(errors.UnknownSplitError, match="dev"):
        list(datasets.stream("a", "dev"))


def test_a_text_with_a_label_has_a_schema_and_can_be_curated(datasets, anna):
    records = [{"text": f"t{n}", "label": {"q": "x", "n": n}} for n in range(3)]
    made = write(datasets, "a", records, anna)
    assert made.manifest.meta["schema"]["fields"][0] == {"name": "q", "types": ["text"]}
    assert [row.label["n"] for row in datasets.rows("a")] == [0, 1, 2]
    write(datasets, "b", [{"text": "x", "n": 1}], anna)
    with pytest.raises(errors.NotTextAndLabelError, match=r"b@1"):
        datasets.rows("b")


def test_curating_keeps_columns_and_splits_that_it_does_not_know(datasets, anna):
    records = [{"text": f"t{n}", "label": "x", "lang": "de"} for n in range(3)]
    records += [{"text": "dev", "label": "x", "split": "dev"}]
    write(datasets, "a", records, anna)
    said = {"trace_id": "t", "text": "neu", "label": "y", "feedback_id": "f"}
    made = datasets.curate("a", "a@1", [said], by=anna)
    assert made.manifest.meta["counts"] == {"read": 4, "train": 4, "test": 0, "dev": 1}
    found = list(datasets.stream("a@2"))
    assert [row.get("lang") for row in found] == ["de"] * 3 + [None] * 2
    assert found[-1]["text"] == "dev"
    write(datasets, "b", [{"text": "x", "label": "a"}, {"text": "y", "label": {"q": 1}}], anna)
    with pytest.raises(errors.NotTextAndLabelError):
        datasets.curate("b", "b@1", [said], by=anna)


@pytest.mark.parametrize(
    "pairs",
    [[], [("rejected", {"x": 1})], [("../up", {"x": 1})], [("", {"x": 1})], [("a", {})],
     [(f"s{n}", {"x": 1}) for n in range(99)]],
)  # fmt: skip
def test_bad_rows_and_splits_make_no_version(datasets, catalog, anna, pairs):
    with pytest.raises((errors.BadSplitError, errors.BadRecordError, errors.NoRowsError)):
        datasets.write("a", pairs, meta={}, by=anna)
    assert catalog.counts() == {}


def test_an_edit_costs_little_and_the_rest_is_shared(datasets, catalog, anna):
    records = rows(6000)
    write(datasets, "a", records, anna)
    first = blob_bytes(catalog)
    records[3000] = {**records[3000], "text": "edited"}
    write(datasets, "a", records, anna)
    assert blob_bytes(catalog) - first < first * 0.05
    assert write(datasets, "a", records, anna).ref == "a@2"


def test_old_versions_in_lines_are_read_and_compared(datasets, catalog, anna):
    old = [{"text": f"t{n}", "label": "x"} for n in range(5)]
    write(datasets, "new", old[1:], anna)
    ids = {row["text"]: row["id"] for row in datasets.stream("new")}
    lines = [{"id": ids.get(row["text"], "0" * 16), **row, "origin": None} for row in old]
    dropped = {"id": "1" * 16, "text": "", "label": "x", "origin": None,
               "reason": "empty text", "of": None, "detail": None}  # fmt: skip
    files = {
        "train.jsonl": "".join(json.dumps(line) + "\n" for line in lines).encode(),
        "test.jsonl": b"",
        "dropped.jsonl": json.dumps(dropped).encode() + b"\n",
    }
    catalog.record("dataset", "old", files=files, meta={"counts": {"train": 5}}, by=anna)
    assert [row.text for row in datasets.rows("old")] == [f"t{n}" for n in range(5)]
    assert [row["text"] for row in datasets.stream("old", start=3)] == ["t3", "t4"]
    assert datasets.rejected("old")[0]["reason"] == "empty text"
    found = datasets.diff("old", "new", rows=9)
    assert found["train"] == {"added": 0, "removed": 1, "kept": 4}
    assert found["rows"][0]["row"]["text"] == "t0"


def test_changed_rows_are_known_by_their_key(datasets, anna):
    old = rows(1000)
    write(datasets, "a", old, anna)
    new = [dict(row) for row in old if row["n"] != 10]
    new[500]["text"] = "másik"
    new[600] |= {"text": "ещё", "n": True}
    del new[700]["n"]
    new.append({"id": "doc-new", "text": "neu", "n": 1})
    random.Random(0).shuffle(new)
    write(datasets, "a", new, anna)
    found = datasets.diff("a@1", "a@2", rows=2, skip=1)
    assert found["train"] == {
        "added": 1, "removed": 1, "kept": 996, "changed": 3, "columns": {"n": 2, "text": 2},
    }  # fmt: skip
    assert len(found["rows"]) == 2
    every = datasets.diff("a@1", "a@2", rows=100)["rows"]
    assert every[1:3] == found["rows"]
    kinds = [one["change"] for one in every]
    assert sorted(kinds) == ["added", "changed", "changed", "changed", "removed"]
    [added] = [one for one in every if one["change"] == "added"]
    assert added["row"]["source_id"] == "doc-new"
    by_n = datasets.diff("a@1", "a@2", key="n")["train"]
    assert by_n["added"] + by_n["changed"] >= 3
    with pytest.raises(errors.NoSuchColumnError) as caught:
        datasets.diff("a@1", "a@2", key="nn")
    assert "text" in caught.value.advice


def test_another_origin_is_the_same_row(datasets, anna):
    write(datasets, "a", [{"x": 1, "origin": {"file": "a"}}], anna)
    write(datasets, "a", [{"x": 1, "origin": {"file": "b"}}], anna)
    assert datasets.diff("a@1", "a@2")["train"] == {"added": 0, "removed": 0, "kept": 1}


PAIRS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), max_size=30)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(PAIRS, PAIRS, st.booleans())
def test_counts_of_a_diff_add_up(datasets, anna, monkeypatch, old, new, spilled):
    monkeypatch.setattr(compare, "BUDGET_BYTES", 40 if spilled else 2**27)
    sides = [
        write(datasets, "p", [{"k": "", "v": 9}] + [{"k": k, "v": v} for k, v in side], anna)
        for side in (old, new)
    ]
    for key in (None, "k"):
        found = datasets.diff(sides[0].ref, sides[1].ref, key=key, rows=1000)
        counts = found["train"]
        changed = counts.get("changed", 0)
        assert counts["removed"] + counts["kept"] + changed == len(old) + 1
        assert counts["added"] + counts["kept"] + changed == len(new) + 1
        assert len(found["rows"]) == counts["added"] + counts["removed"] + changed
        if key is None:
            common = sum(min(old.count(pair), new.count(pair)) for pair in set(old))
            assert counts["kept"] == common + 1


def test_a_label_goes_back_to_where_it_was(datasets, versions, anna):
    for n in (1, 2, 3):
        write(datasets, "a", rows(n), anna)
    versions.label("a@1", "stable", by=anna)
    with pytest.raises(errors.NoEarlierLabelError):
        versions.rollback("a:stable", by=anna)
    versions.label("a@3", "stable", by=anna)
    assert versions.rollback("a", by=anna).ref == "a@1"
    assert versions.rollback("a:stable", to="2", by=anna).ref == "a@2"
    assert versions.rollback("a:stable", to="a@3", by=anna).labels == ("stable",)
    assert len(list(datasets.stream("a:stable"))) == 3
    assert versions.unlabel("a:stable", by=anna).labels == ()
    with pytest.raises(NotFoundError):
        versions.rollback("a:stable", by=anna)


def test_a_branch_copies_nothing_and_goes_its_own_way(datasets, versions, catalog, anna):
    base = write(datasets, "a", rows(2000), anna)
    before = blob_bytes(catalog)
    made = versions.branch("a", "what-if", by=anna)
    assert (made.ref, blob_bytes(catalog)) == ("what-if@1", before)
    assert [parent.digest for parent in made.manifest.parents] == [base.digest]
    assert datasets.diff("a", "what-if")["train"] == {
        "added": 0, "removed": 0, "kept": 2000, "changed": 0, "columns": {},
    }  # fmt: skip
    write(datasets, "what-if", rows(2001), anna)
    assert datasets.diff("a", "what-if")["train"]["added"] == 1
    assert versions.verify("what-if")["problems"] == []


def test_verify_names_the_rows_that_are_bad(datasets, versions, catalog, anna):
    write(datasets, "a", rows(800), anna)
    assert versions.verify() == {"versions": 1, "rows": 800, "problems": []}
    entry = list(datasets.version("a").tree("train").entries())[2]
    place = catalog.blobs._place(entry[1].digest)
    path = catalog.blobs.folder / place.pack
    raw = bytearray(path.read_bytes())
    raw[place.offset + 90] ^= 1
    path.write_bytes(raw)
    [bad] = versions.verify("a")["problems"]
    assert (bad["ref"], bad["split"]) == ("a@1", "train")
    assert (bad["start"], bad["end"]) == (entry[0], entry[0] + entry[1].rows)
    with pytest.raises(CorruptBlobError):
        list(datasets.stream("a"))
    assert catalog.verify(datasets.get("a"))
    assert catalog.verify_blobs(all=True)["problems"]


def test_a_lost_page_is_told_and_stops_the_collector(datasets, versions, catalog, garbage, anna):
    made = write(datasets, "a", rows(3000), anna)
    write(datasets, "b", [{"x": 1}], anna)
    root = made.manifest.files["train.rows"].digest
    path = catalog.blobs.folder / catalog.blobs._place(root).pack
    raw = path.read_bytes()
    path.unlink()
    [bad] = versions.verify("a")["problems"]
    assert "is gone" in bad["why"]
    with pytest.raises(UnreachedError) as caught:
        garbage.collect(grace_minutes=0, by=anna)
    assert "Nothing was deleted" in caught.value.advice
    path.write_bytes(raw)
    assert versions.verify()["problems"] == []


def test_dropped_rows_go_with_the_next_collection(
    datasets, versions, garbage, catalog, clock, anna
):
    write(datasets, "a", rows(2000), anna)
    write(datasets, "a", [*rows(2000), {"x": 1}], anna)
    write(datasets, "b", rows(9000, 4000), anna)
    clock.advance(1)
    assert garbage.collect(grace_minutes=0, by=anna)["blobs"] == 0
    versions.drop("b@1", why="licence", by=anna)
    versions.drop("a@1", by=anna)
    with pytest.raises(DroppedError):
        list(datasets.stream("b"))
    with pytest.raises(DroppedError):
        versions.branch("b@1", "c", by=anna)
    with pytest.raises(DroppedError):
        garbage.hold("a@1", reason="x", by=anna)
    before = blob_bytes(catalog)
    dry = garbage.collect(grace_minutes=0, dry_run=True, by=anna)
    done = garbage.collect(grace_minutes=0, by=anna)
    assert dry["blobs"] == done["blobs"] > 50
    assert before - blob_bytes(catalog) == done["freed_bytes"] > 0
    assert versions.verify() == {"versions": 1, "rows": 2001, "problems": []}
    assert catalog.verify_blobs(all=True)["problems"] == []
    again = write(datasets, "b", rows(9000, 4000), anna)
    assert (again.ref, again.state) == ("b@1", "ready")
    assert len(list(datasets.stream("b"))) == 5000


def test_what_is_held_labelled_or_needed_is_not_dropped(datasets, versions, garbage, catalog, anna):
    made = write(datasets, "a", rows(3), anna)
    hold = garbage.hold("a@1", reason="under audit", by=anna)
    assert [one.ref for one in garbage.holds()] == ["dataset/a@1"]
    with pytest.raises(HeldError, match="under audit"):
        versions.drop("a@1", by=anna)
    garbage.unhold(hold.id, by=anna)
    assert garbage.holds() == []
    versions.label("a@1", "stable", by=anna)
    with pytest.raises(NeededError, match="a:stable"):
        versions.drop("a@1", by=anna)
    versions.unlabel("a:stable", by=anna)
    catalog.record("model", "m", files={"w": b"w"}, parents=[parent(made)], by=anna)
    with pytest.raises(NeededError, match="model"):
        versions.drop("a@1", by=anna)


def parent(artifact):
    from volano.core.manifest import Parent

    return Parent("data", artifact.digest)
