"""Repair makes good what broke, and leaves alone what a language needs."""

import json
import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.stepping import FIVE, run
from volano.data.errors import BadStepError
from volano.data.steps.repair import Repair


def repaired(text, **settings):
    return Repair(**settings).repaired(text)


@pytest.mark.parametrize("language", FIVE)
def test_sound_text_stays_as_it_is(language):
    assert repaired(FIVE[language]) == (FIVE[language], [])


@pytest.mark.parametrize("language", ["hu", "de", "ru"])
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp1251"])
def test_utf8_read_as_something_else_is_put_right(language, encoding):
    try:
        broken = FIVE[language].encode().decode(encoding)
    except UnicodeDecodeError:
        pytest.skip("this text has bytes that the encoding has no characters for")
    if encoding == "cp1251" and language != "ru":
        return
    assert repaired(broken) == (FIVE[language], ["mojibake"])


def test_chinese_read_as_latin_is_put_right():
    assert repaired("你好，世界".encode().decode("latin-1"))[0] == "你好，世界"


@pytest.mark.parametrize(
    ("text", "fixed", "reason"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd", "line ends"),
        ("a\0b\x1bc", "abc", "control characters"),
        ("в\u200bетер\ufeff", "ветер", "invisible characters"),
        ("pay\u00adment", "payment", "invisible characters"),
        ("kérem\u202e küldjék", "kérem küldjék", "invisible characters"),
        ("hi\U000e0068\U000e0069", "hi", "invisible characters"),
        ("a\u200db", "ab", "invisible characters"),
        ("1\u00a0000\u202fFt", "1 000 Ft", "spaces"),
        ("ab  \ncd\t", "ab\ncd", "spaces"),
        ("a\n\n\n\nb", "a\n\nb", "blank lines"),
        ("\n\na\n", "a", "blank lines"),
        ("a\ud800b", "a\ufffdb", "broken characters"),
        ("\ud83d\ude00", "😀", "broken characters"),
        ("e\u0301s", "és", "unicode form"),
    ],
)
def test_what_is_wrong_is_put_right_and_named(text, fixed, reason):
    assert repaired(text) == (fixed, [reason])


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",  # Persian needs its joiner's opposite
        "👩\u200d👩\u200d👧 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "　　第一段。",  # an indent of Chinese
        "ＡＢＣ，１２３",
        "def f():\n    return  1",
    ],
)
def test_what_a_script_needs_stays(text):
    assert repaired(text) == (text, [])


def test_runs_of_spaces_go_only_when_asked():
    assert repaired("a   b\n  c", runs=True) == ("a b\n  c", ["spaces"])


@examples(300)
@given(st.text(max_size=60))
def test_a_second_run_changes_nothing(text):
    once, _ = repaired(text, runs=True)
    assert repaired(once, runs=True) == (once, [])
    assert unicodedata.is_normalized("NFC", once)
    once.encode()


@examples(100)
@given(st.text("Ã¡áéЂРёСвâ€™ \u00a0\u200b\u200d\n\r\xad\x85e\u0301", max_size=30))
def test_a_second_run_changes_nothing_in_what_looks_broken(text):
    once, _ = repaired(text)
    assert repaired(once)[0] == once


def test_rows_are_counted_by_what_was_done():
    ran = run(Repair(), ["a\r\nb", "ok", " \n ", {"text": None}, {"text": 7}])
    assert [row["text"] for row in ran] == ["a\nb", "ok"]
    assert ran.changed == {"line ends": 1}
    assert ran.dropped == {"empty text": 1, "no text": 2}
    assert "int" in ran.rejected[-1].detail


def test_a_column_must_have_a_name():
    with pytest.raises(BadStepError, match="column"):
        Repair(column="")


def test_long_hostile_texts_take_no_longer_than_long():
    for text in (" " * 300_000 + "x", "\n" * 300_000, "Ã" * 100_000, "\u200d" * 100_000):
        repaired(text)


def test_real_texts_in_russian_and_chinese_keep_their_letters():
    """Needs benign_train."""
    folder = Path(os.environ.get("VOLANO_DATA", "../shared/data")) / "benign_train"
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}: set VOLANO_DATA to the folder that has it")
    texts = [
        json.loads(line)["instruction"]
        for line in (folder / "ru_alpaca_seed_tasks.jsonl").read_text().splitlines()
    ] + [json.loads(line)["question"] for line in (folder / "belle_eval_zh.json").open()]
    for text in texts:
        fixed, reasons = repaired(text)
        assert "mojibake" not in reasons
        assert [c for c in fixed if c.isalnum()] == [c for c in text if c.isalnum()]
