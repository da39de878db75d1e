"""Parquet, Arrow, and folders of Hugging Face datasets."""

import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volano.data.errors import BadSourceError, NoFilesError, SourceNotFoundError

LABELS = {b"huggingface": json.dumps(
    {"info": {"features": {"label": {"names": ["karte", "geld"], "_type": "ClassLabel"}}}}
).encode()}  # fmt: skip


def table(*texts, labels=None):
    columns = {"text": pa.array(texts)}
    if labels is not None:
        columns["label"] = pa.array(labels)
    return pa.table(columns).replace_schema_metadata(LABELS if labels is not None else None)


@pytest.fixture
def parquet(folder):
    def put(name, content, **how):
        pq.write_table(content, folder(name, b""), **how)

    return put


def test_parquet_rows_with_their_place_and_names_for_labels(parquet, hear):
    parquet("a.parquet", table("eins", "zwei", "drei", labels=[0, 1, 7]), row_group_size=2)
    heard = hear({"files": "a.parquet"})
    assert heard.texts == ["eins", "zwei", "drei"]
    assert [row["label"] for row in heard.rows] == ["karte", "geld", 7]
    assert [row["origin"]["row"] for row in heard.rows] == [1, 2, 3]
    plain = hear({"files": "a.parquet", "label_names": False})
    assert [row["label"] for row in plain.rows] == [0, 1, 7]


def test_values_that_json_does_not_know(parquet, hear):
    at = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    content = pa.table({
        "at": [at, None], "b": [b"\xff", b""], "f": [float("nan"), float("inf")], "n": [2**60, 1],
        "l": [["x"], []], "s": [{"a": 1}, {"a": 2}],
    })  # fmt: skip
    parquet("a.parquet", content)
    heard = hear({"files": "a.parquet"})
    row = heard.rows[0]
    assert row["at"].startswith("2026-01-02T03:04:05")
    assert (row["b"], row["f"], row["n"]) == ({"base64": "/w=="}, None, str(2**60))
    assert (row["l"], row["s"]) == (["x"], {"a": 1})
    assert heard.reasons == ["value that JSON cannot hold"]
    assert heard.aside[0].row["origin"]["row"] == 2


def test_a_damaged_row_group_is_set_aside_alone(folder, parquet, hear):
    texts = [f"row {n} {n * 7919 % 10_007:x}" for n in range(3000)]
    parquet("a.parquet", table(*texts), row_group_size=1000, compression="zstd")
    path = folder.root / "a.parquet"
    about = pq.ParquetFile(path).metadata.row_group(1).column(0)
    raw = bytearray(path.read_bytes())
    start = about.dictionary_page_offset or about.data_page_offset
    raw[start + 20 : start + 2000] = b"\xff" * 1980
    path.write_bytes(raw)
    heard = hear({"files": "a.parquet"})
    assert heard.texts == texts[:1000] + texts[2000:]
    assert heard.reasons == ["broken file"]
    assert heard.aside[0].row["origin"]["row_group"] == 1
    assert heard.rows[1000]["origin"]["row"] == 2001


@pytest.mark.parametrize("streamed", [True, False])
def test_arrow_files(streamed, folder, hear):
    content = table("eins", "zwei", labels=[1, 0])
    path = folder("a.arrow", b"")
    opened = pa.ipc.new_stream if streamed else pa.ipc.new_file
    with pa.OSFile(str(path), "wb") as file, opened(file, content.schema) as writer:
        writer.write_table(content)
    assert [row["label"] for row in hear({"files": "a.arrow"}).rows] == ["geld", "karte"]
    path.write_bytes(path.read_bytes()[:-200])
    assert "broken file" in hear({"files": "a.arrow"}).reasons


def test_a_folder_of_the_hub_with_its_readme(folder, parquet, hear):
    parquet("hub/data/train-00000-of-00001.parquet", table("a"))
    parquet("hub/data/test-00000-of-00001.parquet", table("b"))
    parquet("hub/other/x.parquet", table("c"))
    folder(
        "hub/README.md",
        """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: [data/test-*]
- config_name: other
  data_files: other/*.parquet
---
# A dataset
""",
    )
    heard = hear({"hf": "hub"})
    assert [(row["text"], row["split"]) for row in heard.rows] == [("a", "train"), ("b", "test")]
    assert heard.rows[0]["origin"]["source"] == "hub/data/train-00000-of-00001.parquet"
    assert hear({"hf": "hub", "split": "test"}).texts == ["b"]
    assert hear({"hf": "hub", "config": "other"}).texts == ["c"]
    with pytest.raises(BadSourceError, match="no split `dev`; it has test, train"):
        hear({"hf": "hub", "split": "dev"})
    with pytest.raises(BadSourceError, match="default, other"):
        hear({"hf": "hub", "config": "none"})


def test_splits_by_the_names_of_files_and_folders(folder, hear):
    folder("hub/my_dev.jsonl", '{"text": "a"}\n')
    folder("hub/testing/x.csv", "text\nb\n")
    folder("hub/rest.jsonl", '{"text": "c"}\n')
    heard = hear({"hf": "hub"})
    assert {row["text"]: row["split"] for row in heard.rows} == {
        "a": "validation", "b": "test", "c": "train",
    }  # fmt: skip


def test_what_save_to_disk_writes(folder, hear):
    folder("saved/dataset_dict.json", '{"splits": ["train", "held"]}')
    for split, text in (("train", "a"), ("held", "b")):
        content = table(text, labels=[1])
        path = folder(f"saved/{split}/data-00000-of-00001.arrow", b"")
        with pa.OSFile(str(path), "wb") as f, pa.ipc.new_stream(f, content.schema) as writer:
            writer.write_table(content)
        folder(f"saved/{split}/dataset_info.json", "{}")
        folder(f"saved/{split}/state.json", '{"_data_files": []}')
    heard = hear({"hf": "saved", "columns": {"text": "text", "intent": "label"}})
    assert [(r["text"], r["intent"], r["split"]) for r in heard.rows] == [
        ("b", "geld", "held"), ("a", "geld", "train"),
    ]  # fmt: skip
    assert heard.source.fingerprint() == hear({"hf": "saved"}).source.fingerprint()


def test_no_such_folder_or_no_data_in_it(folder, hear):
    folder("empty/README.md", "nothing")
    with pytest.raises(SourceNotFoundError):
        hear({"hf": "none"})
    with pytest.raises(NoFilesError):
        hear({"hf": "empty"})
