"""Cells: any text stays within its columns and cannot drive the terminal."""

import io
import json
import time
from contextlib import redirect_stdout

import pytest

from volano.cli import cells
from volano.cli.cells import cell, facts, jsoned, lines, table, visible

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\r\x08\x7f\x9b2J\u202egnp\u2066\u200b\ud800"


class Screen(io.StringIO):
    """A terminal as far as a program can see."""

    def isatty(self):
        return True


@pytest.fixture
def drawn(monkeypatch):
    """Draw a table on a terminal of 80 columns which wants no colours; return its lines."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def draw(rows, columns):
        with redirect_stdout(Screen()) as screen:
            table(rows, columns)
        return screen.getvalue().splitlines()

    return draw


def test_no_text_can_drive_the_terminal():
    for shown in (visible(HOSTILE), cell("x", HOSTILE), cell("x", [HOSTILE]),
                  cell("x", {HOSTILE: HOSTILE}), lines(HOSTILE)):  # fmt: skip
        assert not set(shown) & set("\x1b\x07\r\x08\x7f\x9b\u202e\u2066\u200b\ud800")
        assert "\ufffd" in shown
        shown.encode()


def test_one_text_is_one_line():
    assert cell("x", "a\n\nb\tc   d ") == "a b c d"
    assert lines("a\n b\n") == "a\n b\n"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("x", None, "-"), ("x", True, "true"), ("x", 0, "0"), ("x", [], "[]"),
        ("x", ["ű", 1], '["ű", 1]'), ("share", 50_000, "5 %"), ("share", 1, "0.0001 %"),
        ("latency_us", 1500, "1.5 ms"), ("ttft_us", 20_000, "20.0 ms"), ("took_us", None, "-"),
        ("ended_us", 0, "-"), ("latency_us", "odd", "odd"), ("created_us", "odd", "odd"),
    ],
)  # fmt: skip
def test_values_by_name(name, value, shown):
    assert cell(name, value) == shown


def test_times_are_times(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert cell("created_us", 1_750_000_000_000_000) == "2025-06-15 15:06:40"
    assert cell("created_us", 2**63 - 1)
    assert cell("created_us", -(2**63))
    monkeypatch.undo()
    time.tzset()


def test_piped_tables_are_tab_separated(capsys):
    rows = [{"name": "a\tb\nc", "value": None, "x": 1}, {"name": "水", "share": 250_000}]
    table(rows, ("name", "share"))
    assert capsys.readouterr().out == "name\tshare\na b c\t-\n水\t25 %\n"


def test_headings_are_words_and_leave_units_to_json(capsys, drawn):
    row = {"began_us": 1_750_000_000_000_000, "latency_us": 1500, "stable_ref": "a@1"}
    table([row], tuple(row))
    assert capsys.readouterr().out.splitlines()[0] == "began\tlatency\tstable ref"
    assert drawn([row], tuple(row))[0].split() == ["began", "latency", "stable", "ref"]
    facts({**row, "meta": {"max_tokens": 3, "took_us": 2000}})
    said = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert said[:4] == ["began", "latency", "stable ref", "meta"]
    facts({"meta": {"max_tokens": 3, "took_us": 2000}})
    assert [line.split() for line in capsys.readouterr().out.splitlines()[1:]] == [
        ["max_tokens", "3"], ["took", "2.0", "ms"],
    ]  # fmt: skip


def test_an_empty_table_says_so_to_the_person(capsys):
    table([], ("name",))
    out, err = capsys.readouterr()
    assert (out, err) == ("", "nothing yet\n")


def width(text):
    return sum(map(cells._columns, text))


def test_columns_are_aligned_in_any_script(drawn):
    texts = ["plain", "árvíztűrő", "a\u0301e\u0301", "订单在哪里", "हिन्दी", "ﾊﾛｰ", "Ａ", "한글"]
    out = drawn([{"name": text, "end": "|"} for text in texts], ("name", "end"))
    places = {width(line[: line.rindex("|")]) for line in out[1:]}
    assert len(places) == 1


def test_long_texts_are_cut_at_the_column_they_must_end(drawn):
    for char in "x水é":
        _head, line = drawn([{"name": char * 500, "end": "|"}], ("name", "end"))
        assert "…" in line
        assert width(line) <= 80
    assert cells._cut("x" * 12, 12) == "x" * 12
    assert cells._cut("x" * 13, 12) == "x" * 11 + "…"
    assert cells._cut("水" * 7, 12) == "水" * 5 + "…"


def test_a_book_in_a_cell_is_cut_without_reading_it_again_and_again():
    assert cells._cut("水" * 2_000_000, 40) == "水" * 19 + "…"


def test_facts_are_aligned_and_nested(capsys):
    facts({"a": 1, "long name": "x", "水水": {"inner": HOSTILE}, "\x1b[31m": "b"})
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert out.splitlines()[0] == "a          1"
    assert "  inner  a" in out


def test_json_for_programs_is_the_same_value(capsys):
    value = {HOSTILE.replace("\ud800", ""): ["ű水\u202e\x9b\U000e0001", 1.5, None]}
    text = jsoned(value)
    assert json.loads(text) == value
    assert "ű水" in text
    assert not set(text) & set("\x1b\x9b\u202e\U000e0001")


@pytest.mark.parametrize(("colour", "styled"), [("", True), ("1", False)])
def test_colours_only_where_they_are_wanted(capsys, monkeypatch, colour, styled):
    monkeypatch.setenv("NO_COLOR", colour)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert cells.colours() is styled
    monkeypatch.setattr("sys.stderr.isatty", lambda: False)
    assert cells.colours() is False
