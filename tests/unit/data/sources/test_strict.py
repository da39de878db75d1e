import csv
import io
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.core.errors import VolanoError
from volano.data import errors
from volano.data.line import line_of
from volano.data.row import rows_of
from volano.data.sources import loads_strict, read

GOOD = {"text": "Hol a csomagom?", "label": "shipping"}


@pytest.fixture
def file(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=30)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_any_csv_that_python_writes_is_read_back(tmp_path_factory, rows):
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerows([("text", "label"), *rows])
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_bytes(out.getvalue().encode())
    assert [(r["text"], r["label"]) for r in read(path)] == rows


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_any_jsonl_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("jsonl") / "rows.jsonl"
    lines = [json.dumps({"text": t, "label": lb}, ensure_ascii=False) for t, lb in rows]
    path.write_bytes("\n".join(lines).encode())
    assert [(r["text"], r["label"]) for r in read(path)] == rows


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_raise_our_own_errors(tmp_path_factory, data):
    for name in ("a.csv", "a.jsonl", "a.tsv"):
        path = tmp_path_factory.mktemp("any") / name
        path.write_bytes(data)
        try:
            rows = read(path)
        except VolanoError as error:
            assert error.message
            assert "{" not in error.advice.replace('{"text": "…", "label": "…"}', "")
        else:
            assert rows


def test_a_byte_order_mark_and_windows_line_ends_are_nothing_special(file):
    path = file(
        "a.csv", b"\xef\xbb\xbftext,label\r\nGr\xc3\xbc\xc3\x9fe,x\r\n\r\n\xe4\xbd\xa0,y\r\n"
    )
    assert read(path) == [{"text": "Grüße", "label": "x"}, {"text": "你", "label": "y"}]
    path = file("a.jsonl", b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n\r\n")
    assert read(path) == [GOOD]


def test_tabs_and_line_ends_in_quotes(file):
    assert read(file("a.tsv", 'text\tlabel\n"a\nb"\tx\n')) == [{"text": "a\nb", "label": "x"}]


def test_usual_names_of_columns_are_known(file):
    assert read(file("a.csv", "text,category\na,b\n")) == [{"text": "a", "label": "b"}]
    assert read(file("b.csv", "Question,Intent\na,b\n")) == [{"text": "a", "label": "b"}]


def test_columns_can_be_named(file):
    path = file("a.csv", "q,a,text\n1,2,3\n")
    assert read(path, text="q", label="a") == [{"text": "1", "label": "2", "source_text": "3"}]


def test_the_label_column_wins_over_other_usual_names(file):
    path = file("a.csv", "text,category,label\na,b,c\n")
    assert read(path) == [{"text": "a", "label": "c", "category": "b"}]


def test_other_columns_stay_but_for_what_has_no_name_or_says_where_a_row_was(file):
    row = {"text": "a", "label": "b", "rejected": "Nem.", "critical": True, "slices": ["hu"]}
    ours = {"origin": {"file": "x"}, "split": "test"}
    assert read(file("a.jsonl", json.dumps(row | ours))) == [row]
    [kept] = read(file("a.csv", ",id,text,label,кластер\n0,7,a,b,группа 1\n"))
    assert kept == {"id": "7", "text": "a", "label": "b", "кластер": "группа 1"}


def test_a_column_that_would_take_the_name_of_another_is_refused(file):
    path = file("a.csv", "q,label,text,source_text\n1,2,3,4\n")
    fails(errors.ColumnClashError, path, "`source_text`", "`text`", text="q")
    assert read(path, text="source_text")[0]["source_text"] == "3"
    assert read(path)[0]["source_text"] == "4"


def test_ids_of_64_bits_stay_digit_by_digit_as_text(file):
    big = {"user": 2**63, "seen": [{"at": -(2**53)}]}
    rows = read(file("a.jsonl", json.dumps(GOOD | big)))
    assert rows == [GOOD | {"user": str(2**63), "seen": [{"at": str(-(2**53))}]}]
    [row], _ = rows_of(rows)
    assert line_of(row.to_dict()).id == row.id


@pytest.mark.parametrize(("value", "why"), [("1e400", "end"), (r'"\ud800"', "half a character")])
def test_what_no_row_can_keep_is_refused_by_line_and_column(file, value, why):
    text = f'{json.dumps(GOOD)}\n\n{{"text": "a", "label": "b", "score": {value}}}\n'
    fails(errors.UnsoundValueError, file("a.jsonl", text), "Line 3", "`score`", why)


def fails(error, path, *parts, **how):
    with pytest.raises(error) as caught:
        read(path, **how)
    said = f"{caught.value.message} {caught.value.advice}"
    for part in parts:
        assert str(part) in said
    return caught.value


def test_two_candidates_for_one_column_are_not_guessed(file):
    path = file("a.csv", "question,prompt,label\na,b,c\n")
    fails(errors.AmbiguousColumnError, path, "question, prompt", "--text")


def test_a_missing_column_is_named_with_what_there_is(file):
    fails(errors.MissingColumnError, file("a.csv", "a,b\n1,2\n"), "`text`", "a, b", "--text")
    path = file("a.csv", "text,label\n1,2\n")
    fails(errors.MissingColumnError, path, "`intent`", "text, label", label="intent")


def test_a_mixed_jsonl_names_line_and_column(file):
    lines = [json.dumps(GOOD), "", json.dumps({"text": "b", "tag": "x"})]
    fails(errors.MissingColumnError, file("a.jsonl", "\n".join(lines)), "Line 3", "`label`", "tag")


def test_ragged_rows_name_the_line_and_what_lacks(file):
    path = file("a.csv", 'text,label\n"a\nb",x\nonly one\n')
    fails(errors.RaggedRowError, path, "line 4", "1 columns", "`label`")
    path = file("b.csv", "text,label\nyes, but no,x\n")
    fails(errors.RaggedRowError, path, "line 2", "3 columns", "quotes")


def test_column_names_must_differ(file):
    fails(
        errors.DuplicateColumnError, file("a.csv", "text,label,text\n1,2,3\n"), "`text`", "line 1"
    )
    path = file("a.jsonl", '{"text":"a","label":"x"}\n{"text":"a","label":"x","label":"y"}\n')
    fails(errors.DuplicateColumnError, path, "`label`", "line 2")


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n", "\ufeff"])
def test_a_file_without_rows(file, content):
    fails(errors.NoRowsError, file("a.csv", content), "a.csv")
    if "text" not in content:
        fails(errors.NoRowsError, file("a.jsonl", content.replace("\ufeff", "")))


def test_another_encoding_names_line_and_byte(file):
    path = file("a.csv", "text,label\nx,y\nárvíz,z\n".encode("iso-8859-2"))
    error = fails(errors.NotUtf8Error, path, "Line 3", "byte 16 ", "0xe1", "UTF-8")
    assert "Save it as UTF-8" in error.advice
    path = file("b.csv", "text,label\na,b\n".encode("utf-16"))
    fails(errors.NulByteError, path, "Line 1", "byte 4 ", "UTF-16")


def test_nul_bytes_are_no_text(file):
    path = file("a.csv", b"\xef\xbb\xbftext,label\na\0b,c\n")
    fails(errors.NulByteError, path, "Line 2", "byte 16 ", "Save it as UTF-8")
    path = file("a.jsonl", "text".encode("utf-16-le"))
    fails(errors.NulByteError, path, "Line 1")


def test_an_endless_line_is_given_up_early(tmp_path):
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "')
        file.truncate(1024**3)  # sparse: a line of one gigabyte that takes no room
    with pytest.raises(errors.LineTooLongError) as caught:
        read(path)
    assert "Line 1" in caught.value.message


def test_a_file_over_the_limit_is_not_even_opened(file):
    fails(errors.SourceTooLargeError, file("a.csv", "text,label\na,b\n"), 15, 10, max_file=10)


def test_an_open_quote_is_found(file):
    path = file("a.csv", 'text,label\nx,y\n"never closed,z\nq,r\n')
    fails(errors.BadCsvError, path, "line 3", "never closed")
    path = file("b.csv", 'text,label\n"never' + " closed\n" * 30_000)
    fails(errors.BadCsvError, path, "line 2", "open quote")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{text: 1}", "Expecting"), ("[1]", "another kind"), ('{"text": NaN}', "NaN"),
        ("[" * 100_000, "deep"), ('{"text": ' + "9" * 5000 + "}", "digits"),
    ],
)  # fmt: skip
def test_lines_that_are_no_json_objects(file, line, why):
    path = file("a.jsonl", json.dumps(GOOD) + "\n" + line + "\n")
    fails(errors.BadJsonError, path, "Line 2", why)


def test_files_that_are_none(file, tmp_path):
    fails(errors.SourceNotFoundError, tmp_path / "no.csv", "no.csv")
    (tmp_path / "dir.csv").mkdir()
    fails(errors.SourceUnreadableError, tmp_path / "dir.csv", "regular")
    os.mkfifo(tmp_path / "pipe.csv")
    fails(errors.SourceUnreadableError, tmp_path / "pipe.csv", "regular")
    fails(errors.UnknownFormatError, file("a.xlsx", "x"), ".jsonl")


def test_keys_twice_are_refused_everywhere():
    assert loads_strict('{"a": {"b": 1}}') == {"a": {"b": 1}}
    with pytest.raises(ValueError, match="b"):
        loads_strict('{"a": {"b": 1, "b": 2}}')
