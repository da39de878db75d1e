import gzip
import json
import os

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from volano.core.canon import canonical
from volano.core.errors import VolanoError
from volano.data.errors import BadSourceError, NoFilesError, SourceNotFoundError
from volano.data.sources import open_source
from volano.data.sources.walk import compiled


def jsonl(*rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_files_of_all_kinds_below_a_folder_in_order_those_of_a_folder_first(folder, hear):
    folder("raw/b.csv", "text;label\nGrüße;x\n")
    folder("raw/a.jsonl", jsonl({"text": "你好"}))
    folder("raw/c/d.jsonl.gz", gzip.compress(jsonl({"text": "Привет"}).encode()))
    folder("raw/c/e.tsv.zst", zstandard.compress(b"text\tlabel\nHol?\ty\n"))
    folder("raw/f.json", json.dumps([{"text": "one"}, {"text": "two"}]))
    heard = hear({"folder": "raw"})
    assert heard.texts == ["你好", "Grüße", "one", "two", "Привет", "Hol?"]
    assert heard.aside == []


def test_each_row_says_where_it_came_from_and_no_folder_of_this_machine(folder, hear):
    folder("raw/a.jsonl", jsonl({"text": "a"}, {"text": "b", "origin": {"url": "x"}}))
    first, second = hear({"files": "raw/*.jsonl"}).rows
    assert first["origin"]["source"] == "raw/a.jsonl"
    assert first["origin"]["line"] == 1
    assert len(first["origin"]["sha256"]) == 64
    assert second["origin"]["from"] == {"url": "x"}
    outside = hear({"files": str(folder.root / "raw" / "*.jsonl")})
    assert [row["origin"]["source"] for row in outside.rows] == ["a.jsonl", "a.jsonl"]


def test_columns_are_named_and_a_row_without_one_is_set_aside(folder, hear):
    folder("a.jsonl", jsonl({"body": "x", "intent": "y", "more": 1}, {"body": "z"}))
    heard = hear({"files": "a.jsonl", "columns": {"text": "body", "label": "intent"}})
    assert [(row["text"], row["label"]) for row in heard.rows] == [("x", "y")]
    assert "more" not in heard.rows[0]
    assert "intent" in heard.about("missing column").detail
    assert heard.aside[0].row["origin"]["line"] == 2
    assert "'z'" in heard.aside[0].row["excerpt"]


BAD = {
    "not JSON": "{text: 1}",
    "not an object": "[1]",
    "key twice": '{"a": 1, "a": 2}',
    "nested too deeply": '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "value that JSON cannot hold": '{"a": "\\ud800"}',
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_line_is_set_aside_with_its_place_and_the_next_one_is_read(reason, folder, hear):
    folder("a.jsonl", '{"text": "α"}\n' + BAD[reason] + '\n\n{"text": "b"}\n')
    heard = hear({"files": "a.jsonl"})
    assert heard.texts == ["α", "b"]
    assert heard.reasons == [reason]
    assert heard.aside[0].row["origin"]["line"] == 2
    if reason not in ("nested too deeply", "value that JSON cannot hold"):
        assert heard.aside[0].row["origin"]["byte"] == len('{"text": "α"}\n'.encode())


def test_numbers_that_json_cannot_hold_become_text_or_are_set_aside(folder, hear):
    folder("a.jsonl", '{"id": 12345678901234567890}\n{"id": 1e999}\n{"id": NaN}\n')
    heard = hear({"files": "a.jsonl"})
    assert [row["id"] for row in heard.rows] == ["12345678901234567890"]
    assert heard.reasons == ["value that JSON cannot hold", "not JSON"]


def test_mixed_encodings_are_read_line_by_line(folder, hear):
    lines = ["árvíz".encode(), "tűrő".encode("windows-1250"), "Привет".encode()]
    folder("a.txt", b"\n".join(lines))
    heard = hear({"files": "a.txt", "rows": "line"})
    assert heard.texts == ["árvíz", "Привет"]
    assert heard.reasons == ["not in a known encoding"]
    assert heard.aside[0].row["origin"]["line"] == 2
    stated = hear({"files": "a.txt", "rows": "line", "encoding": "windows-1250"})
    assert stated.texts == ["árvíz", "tűrő", "Привет"]
    assert [row["origin"].get("encoding") for row in stated.rows] == [None, "windows-1250", None]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_tells_the_encoding(encoding, folder, hear):
    folder("a.csv", "text,label\n你好,x\nGrüße,y\n".encode(encoding))
    folder("b.jsonl", jsonl({"text": "你好"}, {"text": "Grüße"}).encode(encoding))
    folder("c.txt", "你好".encode(encoding))
    heard = hear({"folder": "."})
    assert heard.texts == ["你好", "Grüße", "你好", "Grüße", "你好"]


def test_utf_16_without_a_mark_is_read_when_stated(folder, hear):
    folder("a.txt", "eins\nzwei\n".encode("utf-16-le"))
    spec = {"files": "a.txt", "rows": "line"}
    assert hear({**spec, "encoding": "utf-16-le"}).texts == ["eins", "zwei"]
    assert set(hear(spec).reasons) == {"NUL byte"}


def test_text_by_paragraphs_and_markdown_with_front_matter(folder, hear):
    folder("a.txt", "Erster Absatz\ngeht weiter\n\n\nZweiter\n")
    folder("b.md", "---\ntitle: Hallo\ntags: [x]\nwhen: 2026-01-02\n---\n# Kopf\n\nText\n")
    heard = hear({"folder": ".", "rows": "paragraph"})
    assert heard.texts == ["Erster Absatz\ngeht weiter", "Zweiter", "# Kopf", "Text"]
    assert [row["origin"]["line"] for row in heard.rows] == [1, 5, 6, 8]
    whole = hear({"files": "b.md"}).rows[0]
    assert (whole["title"], whole["tags"], whole["when"]) == ("Hallo", ["x"], "2026-01-02")


def test_front_matter_that_is_a_bomb_or_broken_is_text(folder, hear):
    bomb = "---\na: &a [x, x]\nb: &b [*a, *a]\n---\nbody\n"
    folder("a.md", bomb)
    folder("b.md", "---\nnothing ends it\n\nbody")
    folder("c.md", "---\n" + "[" * 5000 + "\n---\nbody\n")
    heard = hear({"folder": "."})
    assert heard.texts[0] == bomb
    assert heard.reasons == ["broken front matter", "broken front matter"]


def test_symlink_loops_end_and_links_out_of_the_folder_are_not_followed(folder, hear, tmp_path):
    folder("raw/a.txt", "one")
    folder("raw/deep/b.txt", "two")
    os.symlink("..", folder.root / "raw/deep/loop")
    os.symlink("deep", folder.root / "raw/again")
    os.symlink("self", folder.root / "raw/self")
    (tmp_path / "secret.txt").write_text("secret")
    os.symlink(tmp_path / "secret.txt", folder.root / "raw/out.txt")
    os.symlink(tmp_path, folder.root / "raw/up")
    os.mkfifo(folder.root / "raw/pipe.txt")
    heard = hear({"files": "raw/**"})
    assert sorted(heard.texts) == ["one", "two"]
    assert sorted(set(heard.reasons)) == [
        "leads out of the folder", "symlink without end", "unreadable",
    ]  # fmt: skip
    assert "secret" in hear({"files": "raw/**", "outside": True}).texts


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.csv", "a.csv", True), ("*.csv", "x/a.csv", False), ("**/*.csv", "a.csv", True),
        ("**/*.csv", "x/y/a.csv", True), ("x/**", "x/y/z", True), ("a?c", "a/c", False),
        ("[!a]b", "ab", False), ("[!a]b", "cb", True), ("[[]1].csv", "[1].csv", True),
        ("a.csv", "axcsv", False),
    ],
)  # fmt: skip
def test_patterns(pattern, path, fits):
    assert bool(compiled(pattern).fullmatch(path)) is fits


def test_exclude_and_hidden(folder, hear):
    for name in ("a.txt", "old/b.txt", ".git/c.txt"):
        folder(f"raw/{name}", name)
    assert hear({"folder": "raw", "exclude": ["raw/old/**"]}).texts == ["a.txt"]
    assert hear({"folder": "raw", "hidden": True}).texts == ["a.txt", ".git/c.txt", "old/b.txt"]


def test_a_broken_file_is_one_rejection_and_what_it_gave_before_stays(folder, hear):
    rows = jsonl(*({"text": f"{n} {os.urandom(40).hex()}"} for n in range(5000)))
    packed = gzip.compress(rows.encode())
    folder("a.jsonl.gz", packed[: len(packed) // 2])
    folder("b.jsonl.zst", b"\x28\xb5\x2f\xfdnonsense")
    folder("b2.jsonl.zst", zstandard.compress(rows.encode())[:-2000])
    folder("c.parquet", b"PAR1 nonsense PAR1")
    folder("d.what", b"?")
    folder("e.jsonl", jsonl({"text": "last"}))
    heard = hear({"folder": "."})
    assert heard.texts[-1] == "last"
    assert len(heard.texts) > 3000
    assert heard.reasons == ["broken file"] * 4 + ["unknown format"]
    assert heard.aside[0].row["origin"]["source"] == "a.jsonl.gz"


def test_with_a_state_only_new_and_changed_files_are_read(folder, hear):
    folder("a.txt", "a")
    folder("b.txt", "b")
    first = hear({"folder": "."})
    state = json.loads(json.dumps(first.source.state()))
    before = first.source.fingerprint()
    assert hear({"folder": "."}, state).texts == []
    folder("b.txt", "c")
    folder("d.txt", "d")
    second = hear({"folder": "."}, state)
    assert second.texts == ["c", "d"]
    assert second.source.fingerprint() != before
    assert hear({"folder": "."}, second.source.state()).texts == []
    assert hear({"folder": "."}).texts == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({}, "no place"), ({"file": "a"}, "files"), ({"files": "a", "url": "b"}, "several"),
        ({"files": "a", "colums": {}}, "columns"), ({"files": 3}, "`files`"),
        ({"files": "a", "encoding": "klingon"}, "klingon"), ({"files": "a", "rows": "word"}, "rows"),
        ({"files": "a", "format": "xlsx"}, "xlsx"), ({"files": "a", "limits": {"lines": 1}}, "lines"),
        ({"files": "a", "limits": {"line": 0}}, "line"), ({"files": "a", "delimiter": ";;"}, "one"),
        ({"files": "a", "columns": {"origin": "x"}}, "origin"), ({"dataset": "faq"}, "workspace"),
    ],
)  # fmt: skip
def test_a_spec_that_cannot_be_says_what_is_meant(spec, word):
    with pytest.raises(BadSourceError) as caught:
        open_source(spec)
    assert word in caught.value.message
    assert "{" not in caught.value.advice


def test_no_files_and_no_folder(folder, hear):
    with pytest.raises(NoFilesError):
        hear({"files": "*.csv"})
    with pytest.raises(SourceNotFoundError):
        hear({"folder": "none"})


@given(st.binary(max_size=400), st.sampled_from(["csv", "jsonl", "json", "tsv", "txt", "md"]))
def test_whatever_bytes_there_are_rows_are_sound(tmp_path_factory, data, suffix):
    root = tmp_path_factory.mktemp("any")
    (root / f"a.{suffix}").write_bytes(data)
    for rows in ("auto", "line", "paragraph"):
        aside = []
        try:
            found = list(open_source({"folder": ".", "rows": rows}, root=root).rows(aside.append))
        except VolanoError as error:
            pytest.fail(error.message)
        for row in found:
            canonical(row)
        for one in aside:
            json.dumps(one.to_dict()).encode()
            assert one.row["origin"]["source"] == f"a.{suffix}"
            assert one.reason
