import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.data.sources import open_source

CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=20)


@given(
    st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_whatever_python_writes_is_read_back(tmp_path_factory, rows, delimiter, quoting):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    root = tmp_path_factory.mktemp("csv")
    (root / "a.csv").write_bytes(out.getvalue().encode())
    aside = []
    source = open_source({"files": "a.csv", "delimiter": delimiter}, root=root)
    found = [(r["a"], r["b"], r["c"]) for r in source.rows(aside.append)]
    blank = [row for row in rows if delimiter.isspace() and not "".join(row).strip()]
    assert aside == []
    assert found == rows or blank


@pytest.mark.parametrize("delimiter", ",;\t|")
def test_the_delimiter_is_found(delimiter, folder, hear):
    lines = ["text,x".replace(",", delimiter), f'"a, b; c"{delimiter}1', f"zwei{delimiter}2"]
    folder("a.csv", "\n".join(lines))
    heard = hear({"files": "a.csv"})
    assert [row["x"] for row in heard.rows] == ["1", "2"]


def test_a_broken_quote_takes_only_its_own_line(folder, hear):
    folder("a.csv", 'text,label\none,x\n"never closed,y\ntwo,z\n"thr""ee\nlines",w\n')
    heard = hear({"files": "a.csv"})
    assert heard.texts == ["one", "two"] or heard.texts == ["one", "two", 'thr"ee\nlines']
    assert heard.reasons[0] == "broken quoting"
    assert heard.aside[0].row["origin"] | {"sha256": ""} == {
        "source": "a.csv", "line": 3, "byte": 17, "sha256": "",
    }  # fmt: skip


def test_an_open_quote_is_given_up_within_the_limit_and_reading_goes_on(folder, hear):
    folder("a.csv", 'text,label\n"open,x\n' + "row,y\n" * 5000)
    heard = hear({"files": "a.csv", "limits": {"line": 1000}})
    assert len(heard.rows) == 5000
    assert heard.reasons == ["broken quoting"]


def test_what_python_would_let_pass_is_set_aside(folder, hear):
    folder("a.csv", 'text,label\n"a"b,x\nc,"d" \n5" disk,y\n')
    heard = hear({"files": "a.csv"})
    assert heard.texts == ['5" disk']
    assert heard.reasons == ["broken quoting"] * 2


def test_ragged_rows_and_a_line_that_is_no_text(folder, hear):
    content = b"text,label\nonly\na,b,c\n" + b'"\xff\nmore",x\n' + b"gut,y\n"
    folder("a.csv", content)
    heard = hear({"files": "a.csv"})
    assert heard.texts == ["gut"]
    assert heard.reasons == [
        "wrong number of columns", "wrong number of columns", "not in a known encoding",
    ]  # fmt: skip


def test_headers(folder, hear):
    folder("a.csv", "x,1\ny,2\n")
    assert hear({"files": "a.csv", "header": False}).rows[0]["column1"] == "x"
    assert hear({"files": "a.csv", "header": ["text", "n"]}).texts == ["x", "y"]
    folder("b.csv", "text,text\n1,2\n")
    assert hear({"files": "b.csv"}).reasons == ["broken header"]
    folder("c.csv", "")
    assert hear({"files": "c.csv"}).rows == []


def test_a_stated_dialect(folder, hear):
    folder("a.csv", "text~label\n'a~b'~x\nc\\~d~y\n")
    spec = {"files": "a.csv", "delimiter": "~", "quote": "'", "escape": "\\"}
    assert hear(spec).texts == ["a~b", "c~d"]


def test_a_field_may_be_longer_than_the_csv_module_allows(folder, hear):
    text = "länger " * 50_000
    folder("a.csv", f'text,label\n"{text}",x\n')
    assert hear({"files": "a.csv"}).texts == [text]
