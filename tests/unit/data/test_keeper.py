import json
import os
from pathlib import Path

import pytest

from volano.core.errors import NotFoundError, VolanoError
from volano.core.manifest import Parent
from volano.core.ref import BadRefError
from volano.data import errors

ROWS = [{"text": f"szöveg {word}", "label": word[0]} for word in ("alma", "barack", "citrom")]
ROWS.append({"text": "dió", "label": "d"})


def test_rows_become_a_version_with_counts_and_reasons(datasets, catalog, anna):
    raw = [*ROWS, {"text": "SZÖVEG  alma", "label": "a"}, {"text": "  ", "label": "a"}]
    made = datasets.add("gyümölcs", raw, seed=1, by=anna)
    meta = made.manifest.meta
    assert (made.kind, made.ref, made.created_by) == ("dataset", "gyümölcs@1", "person:anna")
    assert meta["dropped"] == {"empty text": 1, "exact duplicate": 1}
    train, test = datasets.rows("gyümölcs", "train"), datasets.rows("gyümölcs", "test")
    assert meta["counts"] == {"read": 6, "train": len(train), "test": len(test)}
    assert len(train) + len(test) == 4
    assert sorted(row["reason"] for row in datasets.rejected(made.ref)) == sorted(meta["dropped"])
    assert meta["schema"] == {"text": "text", "label": "text", "fields": []}


def test_the_same_rows_again_are_the_same_version(datasets, anna):
    assert datasets.add("a", ROWS, by=anna) == datasets.add("a", ROWS, by=anna)
    assert datasets.add("a", ROWS[1:], by=anna).ref == "a@2"
    assert [one.ref for one in datasets.list("a")] == ["a@2", "a@1"]


def test_files_and_given_test_rows(datasets, tmp_path, anna):
    train, test = tmp_path / "t.csv", tmp_path / "e.jsonl"
    train.write_text("q,a\nGrüße,x\nhallo,y\nwelt,y\n", encoding="utf-8")
    test.write_text('{"q": "GRÜSSE", "a": "x"}\n', encoding="utf-8")
    made = datasets.add("de", train, test=test, text="q", label="a", by=anna)
    assert made.manifest.meta["dropped"] == {"leaks into test": 1}
    assert made.manifest.meta["source"] == {"file": "t.csv"}
    assert [row.text for row in datasets.rows("de@1", "test")] == ["GRÜSSE"]


def test_all_columns_of_a_file_are_kept(datasets, tmp_path, anna):
    row = {"text": "Elveszett a kártyám.", "label": "Letiltom.", "rejected": "Sajnálom.",
           "cluster": "kártya", "slices": ["hu"], "critical": True}  # fmt: skip
    other = {**row, "text": "Где мой счёт?", "id": "q-2", "critical": False}
    worse, again = {**row, "rejected": "Nem tudom."}, {**row, "cluster": "számla"}
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, (row, other, worse, again))))
    made = datasets.add("faq", path, test_share=0, by=anna)
    first, second, third = datasets.page(made.ref)
    assert {name: first[name] for name in row} == row
    assert third["rejected"] == "Nem tudom."
    assert (second["source_id"], second["critical"]) == ("q-2", False)
    assert [one["name"] for one in made.manifest.meta["columns"]].count("rejected") == 1
    [gone] = datasets.rejected(made.ref)
    assert (gone["row"]["cluster"], gone["of"]) == ("számla", first["id"])


def test_a_column_that_json_cannot_say_is_refused_with_its_row(datasets, anna):
    rows = [{"text": "a", "label": "b"}, {"text": "c", "label": "d", "score": float("nan")}]
    with pytest.raises(errors.BadRecordError, match="Row 2"):
        datasets.add("faq", rows, by=anna)


def test_nothing_is_half_imported(datasets, catalog, tmp_path, anna):
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join([json.dumps(row) for row in ROWS] + ['{"text": "x"}']))
    for source in (path, [*ROWS, {"text": "x"}], [*ROWS, {"text": "x", "label": {"a": 1}}], []):
        with pytest.raises(VolanoError):
            datasets.add("bad", source, by=anna)
    assert catalog.counts() == {}


def test_test_rows_must_have_the_same_fields(datasets, anna):
    with pytest.raises(errors.BadLabelError) as caught:
        datasets.add("a", ROWS, test=[{"text": "x", "label": {"q": "1"}}], by=anna)
    assert "Row 1 of `the test rows`" in caught.value.message


def test_no_rows_left_says_why(datasets, anna):
    raw = [{"text": "a", "label": "x"}, {"text": "A", "label": "y"}]
    with pytest.raises(errors.NothingLeftError) as caught:
        datasets.add("a", raw, by=anna)
    assert "2 × conflicting label" in caught.value.message


def test_bad_names_and_splits(datasets, anna):
    with pytest.raises(BadRefError):
        datasets.add("a b", ROWS, by=anna)
    datasets.add("a", ROWS, by=anna)
    with pytest.raises(errors.UnknownSplitError):
        datasets.rows("a", "dev")
    with pytest.raises(NotFoundError):
        datasets.rows("b", "test")


def test_odd_line_separators_inside_a_text_stay_inside(datasets, anna):
    text = "one\u2028two\u0085three\nfour\x0bfive"
    datasets.add("a", [{"text": text, "label": "x"}, *ROWS], test_share=0, by=anna)
    assert datasets.rows("a", "train")[0].text == text
    assert datasets.rows("a", "test") == []


def test_tickets_are_made_by_rule(datasets, catalog, anna):
    made = datasets.generate("tickets", n=400, test_n=50, seed=3, by=anna)
    meta = made.manifest.meta
    assert meta["counts"]["test"] == 50
    assert meta["counts"]["train"] + sum(meta["dropped"].values()) == 400
    assert meta["dropped"]["exact duplicate"] > 10
    assert [f["name"] for f in meta["schema"]["fields"]] == [
        "queue", "priority", "product", "reference",
    ]  # fmt: skip
    assert list(datasets.rows("tickets")[0].label) == ["queue", "priority", "product", "reference"]
    assert datasets.generate("tickets", n=400, test_n=50, seed=3, by=anna) == made


def corrections(*texts):
    return [
        {"trace_id": f"t{n}", "text": text, "label": "z", "feedback_id": f"f{n}"}
        for n, text in enumerate(texts)
    ]


def test_corrections_become_the_next_version_with_lineage(datasets, catalog, anna):
    base = datasets.add("a", ROWS, by=anna)
    other = catalog.record("model", "m", files={"x": b"x"}, by=anna)
    made = datasets.curate(
        "a", "a@1", corrections("új", "ÚJ", " "), by=anna,
        parents=[Parent("answered", other.digest)],
    )  # fmt: skip
    assert made.ref == "a@2"
    assert made.manifest.meta["curation"] == {
        "base": "a@1", "corrections": 3, "added": 1, "replaced": 0,
        "dropped": {"empty text": 1, "exact duplicate": 1},
    }  # fmt: skip
    assert {(p.role, p.digest) for p in made.manifest.parents} == {
        ("base", base.digest), ("answered", other.digest),
    }  # fmt: skip
    assert datasets.rows("a@2")[-1].origin == {"trace": "t0", "feedback": "f0"}
    kept = len(datasets.rows("a@1"))
    assert datasets.diff("a@1", "a@2") == {
        "train": {"added": 1, "removed": 0, "kept": kept},
        "test": {"added": 0, "removed": 0, "kept": 4 - kept},
    }
    assert len(datasets.rejected(made.ref)) == 2


def test_a_new_version_can_be_corrected_again(datasets, anna):
    datasets.add("a", ROWS, by=anna)
    datasets.curate("a", "a", corrections("új"), by=anna)
    again = datasets.curate("a", "a", corrections("másik"), by=anna)
    assert again.ref == "a@3"
    assert [row.origin is not None for row in datasets.rows("a@3")][-2:] == [True, True]


def test_corrections_that_change_nothing_make_no_version(datasets, catalog, anna):
    datasets.add("a", ROWS, by=anna)
    with pytest.raises(errors.NoCorrectionsError) as caught:
        datasets.curate("a", "a", corrections(" "), by=anna)
    assert "1 × empty text" in caught.value.message
    assert catalog.counts() == {"dataset": 1}


def test_a_file_that_holds_no_rows_is_named(datasets, catalog, anna):
    catalog.record("dataset", "odd", files={"train.jsonl": b'{"id": 1}\n'}, by=anna)
    with pytest.raises(errors.BadRowsFileError, match=r"Line 1 of train\.jsonl in `odd@1`"):
        datasets.rows("odd", "train")


def test_real_customer_questions(datasets, anna):
    """Needs the banking77 data set: CSV files of 10,003 and 3,080 questions."""
    folder = Path(os.environ.get("VOLANO_DATA", "../shared/data")) / "banking77"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set VOLANO_DATA to the folder that has banking77/")
    made = datasets.add("banking", folder / "train.csv", test=folder / "test.csv", by=anna)
    counts, gone = made.manifest.meta["counts"], made.manifest.meta["dropped"]
    assert counts["read"] == 13_083
    assert counts["train"] + counts["test"] + sum(gone.values()) == 13_083
    assert counts["train"] > 9_900
    assert gone["leaks into test"] > 0
    assert len({row.label for row in datasets.rows("banking", "test")}) == 77
