"""The language of a text, and what happens when it cannot be told."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.stepping import FIVE, run
from volano.data import extra
from volano.data.errors import BadStepError, MissingExtraError
from volano.data.recipe.recipe import Recipe
from volano.data.steps.language import KNOWN, NOT_TEXT, Language, _loaded


@pytest.mark.parametrize("language", FIVE)
def test_five_languages_are_told(language):
    [row] = run(Language(min_confidence=0.9), [FIVE[language]])
    assert row["language"] == language


def test_only_some_languages_stay():
    ran = run(Language(keep=["hu", "zh"]), FIVE.values())
    assert [row["language"] for row in ran] == ["hu", "zh"]
    assert ran.dropped == {"another language": 3}
    assert ran.rejected[0].detail.startswith("de ")


@pytest.mark.parametrize("text", ["ok", "12345 67890", "", "…", "a" * 9])
def test_what_says_too_little_is_unknown(text):
    assert run(Language(), [text])[0]["language"] == "und"


def test_unknown_rows_go_when_asked_and_stay_beside_keep_otherwise():
    assert run(Language(unsure="drop"), ["ok"]).dropped == {"cannot tell the language": 1}
    assert len(run(Language(keep=("hu",)), ["ok"])) == 1


def test_what_is_in_no_language_may_be_named_too():
    assert Language(keep=["hu", "zxx"]).keep == Language(keep=["hu", "zxx"], among=["hu"]).keep


def test_und_may_be_named_among_those_that_stay():
    ran = run(Language(keep=["hu", "und"], among=["hu", "en"]), ["ok", FIVE["hu"]])
    assert [row["language"] for row in ran] == ["und", "hu"]
    with pytest.raises(BadStepError, match="unsure: drop"):
        Language(keep=["hu", "und"], unsure="drop")


@pytest.mark.parametrize("word", ["magyar", "en-GB", "EN", "中文"])
def test_a_word_that_is_no_code_is_refused_before_any_row_is_read(word):
    with pytest.raises(BadStepError, match="no code of a language"):
        Language(keep=["hu", word])


def test_few_characters_of_chinese_say_enough():
    assert run(Language(), ["我的卡在哪里？"])[0]["language"] == "zh"


def test_kinds_of_chinese_are_chinese_unless_they_are_named():
    class Model:
        labels = ("zh", "wuu")

        def classify(self, _):
            return "wuu", 0.9

    assert Language()._told(Model(), "侬好侬好侬好") == ("zh", 0.9)
    assert Language(keep=("wuu",))._told(Model(), "侬好侬好侬好") == ("wuu", 0.9)


def test_a_narrower_choice_helps_with_short_texts_and_no_other_step():
    short = "Где моя карта?"
    assert run(Language(among=("ru", "en", "de")), [short])[0]["language"] == "ru"
    assert run(Language(), [FIVE["hu"]])[0]["language"] == "hu"


def test_many_threads_get_the_same_answers():
    texts = [text for text in FIVE.values() for _ in range(10)]
    step = Language()
    once = [row["language"] for row in run(step, texts)]
    with ThreadPoolExecutor(4) as pool:
        for again in pool.map(lambda _: [r["language"] for r in run(step, texts)], range(4)):
            assert again == once


def test_a_long_text_is_judged_by_all_of_it():
    text = "Home | Menu | Log in\n" + FIVE["ru"] * 50
    assert run(Language(look=300), [text])[0]["language"] == "ru"


@pytest.mark.parametrize(
    "settings",
    [{"unsure": "maybe"}, {"min_confidence": 2}, {"look": 1}, {"keep": [1]}, {"keep": ["de"], "among": ["hu"]}],
)  # fmt: skip
def test_bad_settings_are_refused(settings):
    with pytest.raises(BadStepError):
        Language(**settings)


@pytest.mark.parametrize(
    ("word", "near"),
    [("xx", "xh"), ("hun", "hu"), ("deu", "de"), ("rus", "ru"), ("cmn", "zh"), ("qq", "qu")],
)
def test_a_language_that_nobody_knows_is_refused_at_once_with_the_nearest(word, near):
    for setting in ("keep", "among"):
        with pytest.raises(BadStepError) as refused:
            Recipe.from_dict({"steps": [{"language": {setting: ["hu", word]}}]})
        said, _, nearest = refused.value.message.partition("nearest are ")
        assert f"`{word}`" in said
        assert near in nearest.rstrip(".").split(", ")
        assert "yue" in refused.value.advice


def test_the_languages_that_a_recipe_may_name_are_those_of_the_model():
    assert set(_loaded(()).labels) == KNOWN | {NOT_TEXT}


def test_a_missing_package_is_named_with_what_to_install():
    with pytest.raises(MissingExtraError) as caught:
        extra.needed("no_such_package.inside", by="Telling languages")
    assert (
        caught.value.message
        == "Telling languages needs the package `no_such_package`, which is not installed."
    )
    assert "volano[data]" in caught.value.advice
