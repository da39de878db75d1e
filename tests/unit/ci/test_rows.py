"""Rows of files: JSON lines and CSV, told by line where they are none."""

import pytest

from volano.ci.errors import BadRowsError
from volano.ci.rows import rows


def test_jsonl_and_csv_say_the_same_rows():
    jsonl = '{"text": "Hol van?", "label": "szállítás"}\n\n{"text": "退款", "label": "refund"}\n'
    table = '\ufefftext,label\r\n"Hol van?",szállítás\r\n退款,refund\r\n'
    assert rows(jsonl.encode(), "a.jsonl", "test") == rows(table.encode(), "a.CSV", "test")


def test_a_row_of_another_split_is_left_out():
    data = b'{"text": "a", "split": "train"}\n{"text": "b", "split": "test"}\n{"text": "c"}\n'
    assert [row["text"] for row in rows(data, "a.jsonl", "test")] == ["b", "c"]


@pytest.mark.parametrize(
    ("data", "path"),
    [(b'{"a": 1}\nx', "a.jsonl"), (b'{"a": 1}\n[]', "a.jsonl"), (b'{"a": 1}\n\xff', "a.jsonl"),
     (b'{"a": 1}\n' + b"[" * 100_000, "a.jsonl"), (b'{"a": 1}\n{"a": NaN}', "a.jsonl"),
     (b"a,b\n1", "a.csv"), (b'{"a": 1}\n{"id": "x"}', "a.jsonl")],
)  # fmt: skip
def test_what_is_no_row_is_told_with_its_line(data, path):
    if b'{"id"' in data:
        assert rows(data, path, "test")[1]["source_id"] == "x"
        return
    with pytest.raises(BadRowsError, match="line 2"):
        rows(data, path, "test")
