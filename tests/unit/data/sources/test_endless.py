"""Texts, names and headers that somebody made to be looked at for ever: each in linear time.

Sizes are such that the square of them would take minutes.
"""

import json
import time

import pytest

from volano.data.errors import BadSourceError, DuplicateColumnError
from volano.data.sources import open_source, strict
from volano.data.sources.walk import compiled
from volano.data.steps.line_dedup import LineDedup

LONG = 300_000
SECONDS = 20


@pytest.fixture(autouse=True)
def soon():
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("# " + "#" * LONG + "x", "#" * LONG + "x"),
        ("# " + "# " * LONG + "x", "# " * LONG + "x"),
        ("#" + "\t" * LONG + "x", "x"),
        ("# Grüße ##", "Grüße"),
        ("# #", "#"),
    ],
)
def test_a_heading(line, title, folder, hear):
    folder("a.md", line + "\n\ntext\n")
    assert hear({"files": "a.md"}).rows[0]["title"] == title


@pytest.mark.parametrize(("unit", "run"), [("sentence", "."), ("paragraph", " "), ("line", "\r")])
def test_a_run_that_ends_no_piece(unit, run, tmp_path):
    text = "Beginn" + run * LONG + "x"
    step = LineDedup(unit=unit, most=1, least=1)
    step.survey([{"text": text}], tmp_path)
    assert (tmp_path / "lines").stat().st_size > 0


@pytest.mark.parametrize("end", ["csv", "tsv"])
def test_a_header_of_very_many_columns(end, folder, hear):
    comma = "," if end == "csv" else "\t"
    names = [f"c{n}" for n in range(100_000)]
    body = comma.join(names) + "\n" + comma.join("1" for _ in names) + "\n"
    path = folder(f"wide.{end}", body)
    heard = hear({"files": path.name})
    assert [len(row) for row in heard.rows] == [100_001]
    assert heard.aside == []
    [kept] = strict.read(path, text="c0", label="c99999", max_line=2**21)
    assert (kept["text"], kept["label"], len(kept)) == ("1", "1", len(names))
    path.write_text(body.replace("c99999", "c7"))
    heard = hear({"files": path.name})
    assert (heard.rows, heard.reasons) == ([], ["broken header"])
    with pytest.raises(DuplicateColumnError):
        strict.read(path, max_line=2**21)


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*a" * 30 + "b", "a" * 250, False),
        ("**a" * 30 + "b", "a/" * 2000, False),
        ("**/*a*/" * 10 + "b", "aa/" * 1000 + "c", False),
        ("*a" * 30, "a" * 250, True),
        ("a/**/b/*/c*d/**", "a/x/y/b/z/c1d/e/f", True),
        ("a/**/b/*/c*d/**", "a/x/y/b/z/z/c1d/e", False),
        ("**/[!x]?*.js*", "a/b/yz.json", True),
        ("**/[!x]?*.js*", "a/b/xz.json", False),
    ],
)
def test_a_pattern_of_many_stars(pattern, path, fits):
    assert bool(compiled(pattern).fullmatch(path)) is fits


def test_a_pattern_with_a_range_that_is_none_is_refused(folder):
    folder("a.jsonl", json.dumps({"a": 1}))
    with pytest.raises(BadSourceError, match="cannot be read"):
        list(open_source({"files": "[z-a].jsonl"}, root=folder.root).rows(print))
