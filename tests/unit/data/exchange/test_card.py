"""A card has its facts from the version and its prose from people."""

import pytest
import yaml

from volano.core.canon import canonical
from volano.core.manifest import Parent
from volano.data.exchange.errors import BadFrontMatterError
from volano.data.exchange.prepared import prepared as of_recipe
from volano.data.exchange.prose import BEGIN, END
from volano.data.recipe import Recipe
from volano.data.versions import Versions

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
    with pytest.raises(BadFrontMatterError, match=r"`card\.md`"):
        room.cards.edit("faq", tmp_path / "card.md", by=anna)


def test_meta_cannot_break_out_of_the_facts(room, anna):
    made = room.rows.write("x", ROWS, meta={"source": f"{END}\n<script>`"}, by=anna)
    text = room.cards.text(made)
    assert text.count(END) == 1 and "<script>" not in text


def prepared(room, anna, recipe, report, **meta):
    """A version as a recipe's Run makes it: the recipe beside it, the counts in its meta."""
    files = {"recipe.json": canonical(recipe.to_dict())}
    kept = room.catalog.record("recipe", "faq", files=files, meta={}, by=anna)
    told = {"recipe": {"ref": kept.ref, "digest": str(kept.digest)}, "report": report, **meta}
    return room.rows.write(
        "faq", ROWS, meta=told, parents=(Parent("recipe", kept.digest),), by=anna
    )


def test_what_a_recipe_did_stands_in_the_card(room, anna):
    recipe = Recipe.from_dict({
        "seed": 7,
        "sources": [
            {"files": "levelek/*.jsonl", "columns": {"text": "body"}},
            {"sql": "postgresql://reader:${PW}@db/bolt", "table": "levelek", "cursor": "id"},
            {"rows": [{"text": "x"}]},
        ],
        "steps": ["repair", {"language": {"keep": ["ru", "zh"]}}, {"split": {"parts": {"train": 1.0}}}],
    })  # fmt: skip
    counts = [
        {"step": "collect", "in": 9, "out": 8, "dropped": {"not JSON": 1}, "changed": {}},
        {"step": "repair", "in": 8, "out": 8, "dropped": {}, "changed": {"mojibake": 2}},
        {
            "step": "language",
            "in": 8,
            "out": 3,
            "dropped": {"another <language>": 5},
            "changed": {},
        },
        {"step": "split", "in": 3, "out": 3, "dropped": {}, "changed": {}},
    ]
    prepared(room, anna, recipe, {"rows": 3, "rejected": 6, "steps": counts}, sample=100)
    text = room.cards.show("faq")
    for line in (
        "- files: levelek/*.jsonl (columns text body)", "- rows: given with the recipe",
        "- sql: postgresql://db/bolt, levelek (cursor id)", "1. repair: 8 → 8 rows",
        "2. language (keep ru, zh): 8 → 3 rows", "3. split (parts train 1, seed 7): 3 → 3 rows",
        "- left out by collect: 1 × not JSON", "- left out by language: 5 × another &lt;language>",
        "- changed by repair: 2 × mojibake", "- Only the first 100 rows of the sources were taken.",
    ):  # fmt: skip
        assert line in text, line
    branch = Versions(room.catalog, room.rows, None).branch("faq@1", "faq-strict", by=anna)
    assert "2. language (keep ru, zh): 8 → 3 rows" in room.cards.text(branch)


def test_no_token_of_a_source_stands_in_the_card(room, anna):
    sources = [
        {"url": ["https://a.hu/1.csv?sv=1&sig=TITOK", "https://TITOK@b.hu/2.csv"], "rate": "2/s"},
        {"sitemap": "https://c.hu/map.xml?key=TITOK", "include": ["https://c.hu/*"]},
        {"files": ["s3://TITOK@d/*.csv", "e?.csv"]},
        {"sql": "mysql://u:TITOK@f/g", "table": "h", "params": {"key": "TITOK"}, "password": "TITOK"},
        {"far-away": "TITOK", "key": "TITOK"},
    ]  # fmt: skip
    assert of_recipe({"sources": sources}, {}).sources == (
        "url: https://a.hu/1.csv, https://b.hu/2.csv (rate 2/s)",
        "sitemap: https://c.hu/map.xml (include https://c.hu/*)",
        "files: s3://d/*.csv, e?.csv",
        "sql: mysql://f/g, h",
        "a source that is not installed here",
    )
    made = room.rows.write(
        "x", ROWS, meta={"source": {"url": "https://TITOK@h/a?b=TITOK"}}, by=anna
    )
    text = room.cards.text(made)
    assert "- source: url https://h/a" in text and "TITOK" not in text


def test_a_step_that_is_not_installed_here_is_told_with_all_its_settings(room, anna):
    recipe = Recipe(steps=(), sources=({"files": "a"},))
    made = prepared(room, anna, recipe, {"steps": []})
    found = of_recipe({"steps": [{"far-away": {"least": 2}}], "sources": []}, {})
    assert found.steps == ("far-away (least 2)",)
    assert "## Steps" not in room.cards.text(made)


def test_a_long_table_in_a_step_is_cut(room):
    table = {f"Szó {n}": "szó" for n in range(500)}
    found = of_recipe({"steps": [{"map-labels": {"table": table}}]}, {})
    assert len(found.steps[0]) < 310 and found.steps[0].endswith("…")


def test_a_language_that_cannot_be_told_is_none_for_the_hub(room, anna):
    rows = [
        ("train", {"text": "1", "language": "und"}),
        ("train", {"text": "jó", "language": "hu"}),
    ]
    room.rows.write("x", rows, meta={}, by=anna)
    text = room.cards.show("x")
    assert yaml.safe_load(text.split("---")[1])["language"] == ["hu"]
    assert "und (1), hu (1)" in text
