import pytest

from support.steps import rows_of, run
from volano.data.column import EMPTY
from volano.data.errors import BadStepError
from volano.data.steps.line_dedup import COMMON, LineDedup

FOOTERS = {
    "en": "Copyright 2026 Example Bank. All rights reserved.",
    "de": "Impressum | Datenschutz | Allgemeine Geschäftsbedingungen",
    "ru": "Все права защищены. Копирование материалов запрещено.",
    "hu": "Minden jog fenntartva. Általános szerződési feltételek",
    "zh": "版权所有,未经许可不得转载本站内容",
}


@pytest.mark.parametrize("language", FOOTERS)
def test_a_line_that_many_rows_have_goes_from_all_of_them(language, tmp_path):
    footer = FOOTERS[language]
    rows = rows_of(*(f"Article {at}\nwith a text of its own\n{footer}" for at in range(4)))
    rows[2]["text"] = f"{footer.upper()}  \n{rows[2]['text']}"
    kept, gone = run(LineDedup(most=3, least=25), rows, tmp_path, cuts=[1, 1, 3])
    assert [row["text"] for row in kept] == [
        f"Article {at}\nwith a text of its own" for at in range(4)
    ]
    assert not gone


def test_a_line_in_as_many_rows_as_allowed_stays(tmp_path):
    rows = rows_of(*(f"{FOOTERS['en']}\n{FOOTERS['en']}" for _ in range(3)))
    assert run(LineDedup(most=3), rows, tmp_path)[0] == rows


def test_short_lines_stay(tmp_path):
    rows = rows_of(*("Yes.\nNo." for _ in range(9)))
    assert run(LineDedup(most=2), rows, tmp_path / "a")[0] == rows
    kept, gone = run(LineDedup(most=2, least=3), rows, tmp_path / "b")
    assert not kept
    assert {(one.reason, one.detail) for one in gone} == {
        (EMPTY, "all its lines stand in many rows")
    }


def test_sentences_end_without_a_space_in_chinese(tmp_path):
    rows = rows_of(
        *(
            f"第{at}条新闻的内容各不相同。请点击关注我们的公众号获取更多信息。正文{at}。"
            for at in range(3)
        )
    )
    kept, _ = run(LineDedup(unit="sentence", most=2), rows, tmp_path)
    assert kept[1]["text"] == "第1条新闻的内容各不相同。正文1。"


def test_paragraphs_go_whole(tmp_path):
    notice = "This is a notice.\nIt has two lines."
    rows = rows_of(*(f"Text {at}\n\n{notice}\n\nMore of {at}" for at in range(3)))
    kept, _ = run(LineDedup(unit="paragraph", most=2), rows, tmp_path)
    assert [row["text"] for row in kept] == [f"Text {at}\n\nMore of {at}" for at in range(3)]


def test_rows_without_text_go_and_changed_ones_are_counted(tmp_path):
    rows = [*rows_of(*([f"{FOOTERS['hu']}\nx"] * 3)), {"text": None}]
    kept, (gone,) = run(LineDedup(most=2), rows, tmp_path)
    assert [row["text"] for row in kept] == ["x"] * 3
    assert gone.row == {"text": None}
    assert COMMON
    assert run(LineDedup(), [], tmp_path / "none") == ([], [])


@pytest.mark.parametrize(
    "settings", [{"unit": "word"}, {"most": 0}, {"least": 0}, {"column": None}]
)
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(BadStepError):
        LineDedup(**settings)
