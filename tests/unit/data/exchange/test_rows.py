"""Rows leave as JSONL, Parquet and Hugging Face folders, and come back as they were."""

import datetime as dt
import decimal
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volano.data.errors import BadJsonError
from volano.data.exchange import errors, rowfiles
from volano.data.exchange.columns import columns_of

FORMS = ("jsonl", "parquet", "hf")
MIXED = [
    ("train", {"text": "Árvíztűrő tükörfúrógép", "n": 1, "tags": ["a"], "origin": {"url": "http://x"}}),
    ("train", {"text": "Привет\nмир", "n": 2.5, "tags": [], "meta": {"k": None, "l": [1]}, "origin": None}),
    ("train", {"text": "你好", "n": 3, "opt": None, "any": 1, "meta": {"k": None, "l": []}, "origin": None}),
    ("test", {"text": "", "n": 4, "opt": "x", "any": "text", "flag": True, "origin": {"trace": "t"}}),
    ("dev-2", {"text": "Grüße", "n": -(2**53) + 1, "any": {"b": [1, {"c": 2}]}, "e": {}, "origin": None}),
]  # fmt: skip


def all_rows(room, ref):
    return sorted(room.rows.stream(ref), key=lambda row: json.dumps(row, sort_keys=True))


@pytest.mark.parametrize("form", FORMS)
def test_rows_come_back(room, tmp_path, anna, form):
    room.rows.write("a", MIXED, meta={}, by=anna)
    done = room.exchange.write("a", tmp_path / "out", form=form, by=anna)
    assert (done.rows, done.form, done.files) == (5, form, 3)
    back = room.exchange.read("b", tmp_path / "out", by=anna)
    assert back.notes == ()
    assert all_rows(room, "b") == all_rows(room, "a")


@pytest.mark.parametrize("name", ["all.jsonl", "all.parquet"])
def test_one_file_has_all_splits(room, tmp_path, anna, name):
    room.rows.write("a", MIXED, meta={}, by=anna)
    assert room.exchange.write("a", tmp_path / name, by=anna).files == 1
    room.exchange.read("b", tmp_path / name, by=anna)
    assert all_rows(room, "b") == all_rows(room, "a")


def test_jsonl_is_the_same_to_the_byte(room, tmp_path, anna):
    first = room.rows.write("a", MIXED, meta={}, by=anna)
    room.exchange.write("a", tmp_path / "out", form="jsonl", by=anna)
    second = room.exchange.read("b", tmp_path / "out", by=anna).value
    same = {path: f for path, f in first.manifest.files.items() if path.endswith(".jsonl")}
    assert {path: second.manifest.files[path] for path in same} == same


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.dictionaries(st.sampled_from(["text", "b", "ключ"]), VALUES, min_size=1, max_size=3)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(records=st.lists(RECORDS, min_size=1, max_size=6))
def test_any_rows_come_back_from_parquet(tmp_path_factory, records):
    folder = tmp_path_factory.mktemp("p")
    rowfiles.write_parquet_file(lambda: iter(records), folder / "x.parquet")
    back = list(rowfiles.read_parquet(folder / "x.parquet", rowfiles.Plainly()))
    for row in back:
        row.pop("split", None)
    assert back == records


def test_the_schema_is_that_of_all_rows():
    records = [{"a": 1, "b": "x", "c": {"k": 1}}] * 3 + [{"a": 1.5, "b": 2, "c": {"k": 2}}]
    columns, counts = columns_of(records)
    assert columns.schema.field("a").type == pa.float64()
    assert columns.schema.field("c").type == pa.struct([("k", pa.int64())])
    assert (columns.as_json, counts) == (frozenset({"b"}), {"train": 4})


def test_long_splits_are_shards_that_say_how_many(room, tmp_path, anna, monkeypatch):
    monkeypatch.setattr(rowfiles, "SHARD_CHARS", 100)
    monkeypatch.setattr(rowfiles, "MOST_ROWS", 2)
    room.rows.write(
        "a", [("train", {"text": "x" * 80, "n": n}) for n in range(7)], meta={}, by=anna
    )
    room.exchange.write("a", tmp_path / "out", form="hf", by=anna)
    names = sorted(path.name for path in (tmp_path / "out" / "data").iterdir())
    assert names == [f"train-{n:05}-of-00004.parquet" for n in range(4)]
    back = room.exchange.read("b", tmp_path / "out", by=anna)
    assert back.notes == ()
    assert sorted(row["n"] for row in room.rows.stream("b")) == [*range(7)]


def test_a_hub_folder_says_what_it_holds(room, tmp_path, anna):
    meta = {"source": {"url": "https://x", "license": "cc-by-4.0"}, "languages": {"hu": 3, "ru": 1}}
    room.rows.write("a", MIXED, meta=meta, by=anna)
    room.exchange.write("a", tmp_path / "out", form="hf", by=anna)
    text = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---")[1])
    assert (front["license"], front["language"]) == ("cc-by-4.0", ["hu", "ru"])
    assert {"split": "dev-2", "path": "data/dev-2-*"} in front["configs"][0]["data_files"]
    info = {one["name"]: one for one in front["dataset_info"]["features"]}
    assert info["n"] == {"name": "n", "dtype": "float64"}
    assert info["tags"] == {"name": "tags", "list": "string"}
    assert [one["num_examples"] for one in front["dataset_info"]["splits"]] == [3, 1, 1]
    back = room.exchange.read("b", tmp_path / "out", by=anna).value
    assert back.manifest.meta["source"]["license"] == "cc-by-4.0"


def test_others_parquet_becomes_plain_and_it_is_said(room, tmp_path, anna):
    table = pa.table({
        "id": ["mine"], "split": [7], "origin": ["web"],
        "when": pa.array([1], pa.timestamp("ns", "UTC")), "day": [dt.date(2026, 1, 2)],
        "money": [decimal.Decimal("1.10")], "raw": [b"\x00\xff"], "odd": [float("nan")],
        "big": [2**60], "deep": [[{"x": b"a"}]],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "x.parquet")
    made = room.exchange.read("a", tmp_path / "x.parquet", by=anna)
    (row,) = room.rows.stream("a")
    assert (row["source_id"], row["source_split"], row["source_origin"]) == ("mine", 7, "web")
    assert row["when"].startswith("1970-01-01 00:00:00.000000001")
    assert (row["day"], row["money"], row["raw"]) == ("2026-01-02", "1.10", "AP8=")
    assert (row["odd"], row["big"], row["deep"]) == (None, str(2**60), [{"x": "YQ=="}])
    assert row["origin"] == {"file": "x.parquet", "row": 1} and row["split"] == "train"
    assert "The column `id` is `source_id` now." in made.notes
    assert "Column `raw`: bytes became base64 (1 times)." in made.notes


def folder_of(tmp_path, files, readme=""):
    root = tmp_path / "hub"
    for name, rows in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        else:
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    if readme:
        (root / "README.md").write_text(f"---\n{readme}\n---\n# Title\n")
    return root


@pytest.mark.parametrize(
    ("files", "readme", "splits"),
    [
        (["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"], "", ["train"] * 2),
        (["my_validation.jsonl", "eval/x.jsonl", "rest.jsonl"], "", ["test", "train", "validation"]),
        (["a.jsonl", "b.jsonl"], "configs: [{config_name: x, data_files: [{split: s, path: b*}]}]", ["s"]),
        (["a.jsonl", "b.jsonl"], "configs: [{config_name: default, data_files: '*.jsonl'}]", ["train"] * 2),
        (["a.jsonl"], "configs: [{config_name: d, data_files: [{split: q, path: [a.jsonl]}]}]", ["q"]),
        (["data-00000-of-00001.parquet"], "", ["train"]),
    ],
)  # fmt: skip
def test_splits_are_where_the_hub_says(room, tmp_path, anna, files, readme, splits):
    root = folder_of(tmp_path, {name: [{"text": name}] for name in files}, readme)
    room.exchange.read("a", root, form="hf", by=anna)
    assert sorted(row["split"] for row in room.rows.stream("a")) == splits


@pytest.mark.parametrize(
    ("readme", "error"),
    [
        ("a: [", errors.BadFrontMatterError), ("- 1", errors.BadFrontMatterError),
        ("configs: 1", errors.BadFrontMatterError),
        ("configs: [{data_files: ../x}]", errors.BadFrontMatterError),
        ("configs: [{data_files: /etc/passwd}]", errors.BadFrontMatterError),
        ("configs: [{data_files: [{split: s}]}]", errors.BadFrontMatterError),
        ("configs: [{data_files: 7}]", errors.BadFrontMatterError),
    ],
)  # fmt: skip
def test_front_matter_that_cannot_be_used(room, tmp_path, anna, readme, error):
    root = folder_of(tmp_path, {"a.jsonl": [{"text": "x"}]}, readme)
    with pytest.raises(error):
        room.exchange.read("a", root, form="hf", by=anna)


def test_what_cannot_be_read_is_said_and_nothing_is_kept(room, tmp_path, anna):
    bad, torn, other = (tmp_path / name for name in ("bad.jsonl", "torn.parquet", "x.csv"))
    bad.write_text('{"text": "x"}\n[1]\n')
    torn.write_bytes(b"PAR1 and no more")
    other.write_text("a,b\n")
    (tmp_path / "empty").mkdir()
    for path, error in (
        (bad, BadJsonError), (torn, errors.BadParquetError), (other, errors.UnknownFormError),
        (tmp_path / "empty", errors.UnknownFormError), (tmp_path / "no", errors.NothingHereError),
    ):  # fmt: skip
        with pytest.raises(error):
            room.exchange.read("a", path, by=anna)
    assert room.catalog.counts() == {}


def test_nothing_of_others_is_written_over(room, tmp_path, anna):
    room.rows.write("a", MIXED, meta={}, by=anna)
    mine, folder = tmp_path / "mine.jsonl", tmp_path / "mine"
    mine.write_text("mine")
    folder.mkdir()
    (folder / "thesis").write_text("mine")
    for place in (mine, folder):
        with pytest.raises(errors.InTheWayError):
            room.exchange.write("a", place, form="jsonl", by=anna)
    room.exchange.write("a", folder, form="jsonl", force=True, by=anna)
    assert (folder / "thesis").read_text() == "mine" and (folder / "train.jsonl").exists()
    room.exchange.write("a", mine, force=True, by=anna)
    assert len(mine.read_text(encoding="utf-8").splitlines()) == 5


def test_the_next_export_takes_the_last_ones_files_away(room, tmp_path, anna):
    room.rows.write("a", MIXED, meta={}, by=anna)
    room.rows.write("b", MIXED[:3], meta={}, by=anna)
    for ref in ("a", "b"):
        room.exchange.write(ref, tmp_path / "out", form="jsonl", by=anna)
    assert sorted(p.name for p in (tmp_path / "out").glob("*.jsonl")) == ["train.jsonl"]


def test_a_broken_off_export_leaves_nothing(room, tmp_path, anna, monkeypatch):
    room.rows.write("a", MIXED, meta={}, by=anna)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rowfiles, "_line", full)
    with pytest.raises(errors.UnwritablePlaceError, match="No space left"):
        room.exchange.write("a", tmp_path / "out" / "deep", form="jsonl", by=anna)
    assert list((tmp_path / "out").iterdir()) == []


def test_links_out_of_a_folder_are_not_followed(room, tmp_path, anna):
    secret, hub = tmp_path / "secret.jsonl", tmp_path / "hub"
    secret.write_text('{"text": "titkos"}\n')
    hub.mkdir()
    (hub / "train.jsonl").symlink_to(secret)
    for form in ("jsonl", "hf"):
        with pytest.raises(errors.LinkOutError):
            room.exchange.read("linked", hub, form=form, by=anna)


def test_links_of_the_hubs_own_cache_are(room, tmp_path, anna):
    folder = tmp_path / "datasets--a--b" / "snapshots" / "0af1"
    folder.mkdir(parents=True)
    (tmp_path / "datasets--a--b" / "blobs").mkdir()
    (tmp_path / "datasets--a--b" / "blobs" / "9c").write_text('{"text": "a"}\n')
    (folder / "train.jsonl").symlink_to("../../blobs/9c")
    made = room.exchange.read("cached", folder, by=anna)
    assert made.value.manifest.meta["counts"]["train"] == 1


@pytest.mark.parametrize("pattern", ["**x", "a/**b", ""])
def test_a_pattern_that_is_none_is_a_named_error(room, tmp_path, anna, pattern):
    told = json.dumps({"configs": [{"data_files": [{"split": "train", "path": pattern}]}]})
    (tmp_path / "README.md").write_text(f"---\n{told}\n---\n")
    with pytest.raises(errors.BadFrontMatterError):
        room.exchange.read("bad", tmp_path, form="hf", by=anna)


@pytest.mark.parametrize("name", ["rows.csv", "rows.JSONL.gz", "rows.tsv", "rows.xlsx"])
def test_a_file_that_no_export_writes_is_no_folder(room, anna, tmp_path, name):
    room.rows.write("faq", [("train", {"text": "Jó napot!"})], meta={}, by=anna)
    with pytest.raises(errors.NotWrittenSoError, match="ends in") as error:
        room.exchange.write("faq", tmp_path / name, by=anna)
    assert ".jsonl or .parquet" in error.value.advice
    assert not (tmp_path / name).exists()
    room.exchange.write("faq", tmp_path / "v1.2", by=anna)
    assert (tmp_path / "v1.2" / "README.md").exists()


def test_a_file_of_another_format_leads_to_what_reads_it(room, anna, tmp_path):
    (tmp_path / "a.csv").write_text("text\nJó napot!\n")
    with pytest.raises(errors.UnknownFormError) as error:
        room.exchange.read("faq", tmp_path / "a.csv", by=anna)
    assert "volano data add" in error.value.advice and "recipe" in error.value.advice
