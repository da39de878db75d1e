import json

import pytest

from volano.models.training.recipe import BadRecipeError, Recipe, label_text


def rows(labels):
    return [{"text": f"text {n}", "label": label} for n, label in enumerate(labels)]


def test_a_recipe_survives_json():
    recipe = Recipe.for_dataset(rows(["a", "b"] * 20), seed=3)
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_objects_are_answered_as_json():
    recipe = Recipe.for_dataset(rows([{"queue": "billing"}]))
    assert recipe.render("my bill") == "Ticket: my bill\nJSON:"
    assert not recipe.whole_labels


def test_few_labels_that_repeat_make_a_classifier():
    assert Recipe.for_dataset(rows(["card", "cash", "atm"] * 10)).whole_labels


def test_labels_that_are_all_different_are_written_out():
    recipe = Recipe.for_dataset(rows([f"answer {n}" for n in range(50)]))
    assert not recipe.whole_labels
    assert recipe.render("x") == "Text: x\nLabel:"


def test_braces_in_a_text_stay_as_they_are():
    assert Recipe().render("{text} {0} %s") == "Ticket: {text} {0} %s\nJSON:"


def test_labels_keep_their_order_and_their_letters():
    assert label_text({"queue": "számla", "n": 1}) == '{"queue":"számla","n":1}'
    assert label_text("退款") == "退款"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "no place for it"},
        {"prompt": "{text}{text}"},
        {"hidden": 30},
        {"steps": 0},
        {"max_row_tokens": 1000},
        {"drop": 1.0},
        {"unknown": 1},
        {"tuning": {"unknown": 1}},
    ],
)
def test_what_cannot_work_is_refused(wrong):
    with pytest.raises(BadRecipeError):
        Recipe.from_dict(wrong)


def test_no_rows_make_no_recipe():
    with pytest.raises(BadRecipeError, match="no rows"):
        Recipe.for_dataset([])
