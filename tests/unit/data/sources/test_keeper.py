import json

import pytest

from volano.core.principal import Principal
from volano.data.errors import BadSourceError, SourceNotFoundError
from volano.data.kept import Kept
from volano.data.sources import Around, Sources
from volano.data.sources.keeper import kind_of

ANNA = Principal("person", "anna")


@pytest.fixture
def sources(datasets):
    datasets.add(
        "faq",
        [{"text": "Wo ist meine Karte?", "label": "karte"}, {"text": "Хочу вернуть деньги", "label": "geld"},
         {"text": "我的卡在哪里", "label": "karte", "origin": {"trace": "t1"}}],
        test_share=0.0, by=ANNA,
    )  # fmt: skip
    return Sources(Around(versions=Kept(datasets)))


def test_a_dataset_is_a_source(sources):
    source = sources.open({"dataset": "faq", "split": "train", "columns": {"text": "text"}})
    rows = list(source.rows(print))
    assert len(rows) == 3
    assert rows[0]["origin"]["source"] == "faq@1"
    assert rows[0]["split"] == "train"
    assert "label" not in rows[0]
    assert rows[2]["origin"]["from"] == {"trace": "t1"}
    assert (
        source.fingerprint() == sources.open({"dataset": "faq@1", "split": "train"}).fingerprint()
    )


def test_peek_takes_a_path_a_pattern_a_url_or_a_spec(sources, tmp_path):
    (tmp_path / "a[1].csv").write_text("text,label\nx,1\ny,2\nonly\n")
    (tmp_path / "spec.yaml").write_text("files: '*.csv'\ncolumns: {text: label}\n")

    def peek(said, **how):
        return sources.peek({"said": said, "folder": str(tmp_path)}, **how)

    by_path = peek("a[1].csv")
    assert [row["text"] for row in by_path["rows"]] == ["x", "y"]
    assert by_path["aside"][0]["reason"] == "wrong number of columns"
    assert by_path["reasons"] == {"wrong number of columns": 1}
    assert [row["text"] for row in peek("*.csv", limit=1)["rows"]] == ["x"]
    assert [row["text"] for row in peek("spec.yaml")["rows"]] == ["1", "2"]
    assert [row["text"] for row in peek('{"folder": "."}')["rows"]][:1] == ["x"]
    assert len(peek(".")["rows"]) == 2
    assert len(peek("{dataset: faq}")["rows"]) == 3
    assert peek("http://127.0.0.1:1/")["reasons"] == {"private address": 1}
    json.dumps(by_path)


@pytest.mark.parametrize("said", ["{", "{a: 1}", "{files: [}", "[1]*", "{x: &a 1, y: *a}"])
def test_peek_says_what_it_cannot_read(said, sources, tmp_path):
    with pytest.raises(BadSourceError if said.startswith("{") else Exception):
        sources.peek({"said": said, "folder": str(tmp_path)})


def test_peek_at_nothing(sources, tmp_path):
    with pytest.raises(SourceNotFoundError):
        sources.peek({"said": "none.csv", "folder": str(tmp_path)})


@pytest.mark.parametrize(
    ("said", "meant"),
    [("path", "files"), ("file", "files"), ("dir", "folder"), ("database", "sql")],
)
def test_words_of_other_tools_are_understood_as_what_was_meant(said, meant):
    with pytest.raises(BadSourceError, match=f"did you mean `{meant}` where it says `{said}`"):
        kind_of({said: "rows.jsonl"})
