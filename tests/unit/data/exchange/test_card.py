"""A card has its facts from the version and its prose from people."""

import pytest
import yaml

from volano.core.manifest import Parent
from volano.data.exchange.errors import BadFrontMatterError
from volano.data.exchange.prose import BEGIN, END

ROWS = [
    ("train", {"text": "Привет", "lang": "ru", "licence": "mit"}),
    ("train", {"text": "hello | <b>", "lang": "en", "licence": "mit"}),
    ("test", {"text": "你好", "lang": "zh", "licence": "mit", "rare": {"a": 1}}),
]


def written(room, anna, **meta):
    base = room.rows.write("base", ROWS[:1], meta={"source": {"license": "cc-by-sa-4.0"}}, by=anna)
    parents = (Parent("base", base.digest),)
    return room.rows.write("faq", ROWS, meta=meta, parents=parents, by=anna)


def test_the_facts(room, anna):
    made = written(
        room, anna, source={"url": "https://x", "license": "apache-2.0"},
        recipe={"steps": [{"name": "language", "keep": ["ru", "en"]}, {"name": "exact-dedup"}]},
        dropped={"exact duplicate": 7}, findings={"persons": 2},
    )  # fmt: skip
    text = room.cards.show("faq")
    front = yaml.safe_load(text.split("---")[1])
    assert front["language"] == ["ru", "en", "zh"]
    assert front["license"] == ["apache-2.0", "cc-by-sa-4.0", "mit"]
    for line in (
        f"Version `faq@1`, `{made.digest}`.", "- source: license apache-2.0, url https://x",
        "- made from dataset `base@1` (base)", "- dataset base@1: cc-by-sa-4.0", "- 3 rows: mit",
        "1. keep ru, en, name language", "| train | 2 |", "| test | 1 |",
        "| text | text | 0.0% | 2 to 11 |  |", "| rare | object of a | 66.7% |  |  |",
        "ru (1), en (1), zh (1)", "- left out: 7 × exact duplicate", "- persons: 2",
        "- Several licences apply: the strictest holds for the whole.", "- There are only 3 rows.",
    ):  # fmt: skip
        assert line in text, line


def test_prose_stays_and_facts_are_new(room, anna, tmp_path):
    written(room, anna)
    path = tmp_path / "card.md"
    shown = room.cards.show("faq")
    edited = shown.replace("# faq", "# Kérdések\n\nEzt mi írtuk.") + "\n## Kontakt\n\nAnna\n"
    path.write_text(edited.replace("pretty_name: faq", "pretty_name: GYIK"))
    assert room.cards.edit("faq", path, by=anna).kind == "card"
    room.rows.write("faq", ROWS[:2], meta={}, by=anna)
    text = room.cards.show("faq@2")
    front = yaml.safe_load(text.split("---")[1])
    assert (front["pretty_name"], front["license"], front["language"]) == (
        "GYIK",
        "mit",
        ["ru", "en"],
    )
    assert "Ezt mi írtuk." in text and text.rstrip().endswith("Anna")
    assert "Version `faq@2`" in text and "faq@1" not in text
    assert text.count(BEGIN) == text.count(END) == 1


def test_a_card_without_marks_gets_the_facts_at_its_end(room, anna, tmp_path):
    written(room, anna)
    path = tmp_path / "card.md"
    path.write_text("Nur Prosa.")
    room.cards.edit("faq", path, by=anna)
    text = room.cards.show("faq")
    assert text.index("Nur Prosa.") < text.index(BEGIN)


def test_classes_come_from_the_contract(room, anna, tmp_path):
    written(room, anna)
    (tmp_path / "c.yaml").write_text("columns: {text: {class: personal}}")
    room.contracts.set("faq", tmp_path / "c.yaml", by=anna)
    text = room.cards.show("faq")
    assert "| text | text | 0.0% | 2 to 11 | personal |" in text
    assert "These columns are about persons, or secret: text." in text


@pytest.mark.parametrize("data", [b"---\na: [\n---\n", b"\xff\xfe", b"---\n- 1\n---\n"])
def test_a_card_that_cannot_be_used(room, anna, tmp_path, data):
    (tmp_path / "card.md").write_bytes(data)
    with pytest.raises(BadFrontMatterError):
        room.cards.edit("faq", tmp_path / "card.md", by=anna)


def test_meta_cannot_break_out_of_the_facts(room, anna):
    made = room.rows.write("x", ROWS, meta={"source": f"{END}\n<script>`"}, by=anna)
    text = room.cards.text(made)
    assert text.count(END) == 1 and "<script>" not in text
