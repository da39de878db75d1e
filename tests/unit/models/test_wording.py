"""A model is asked in the words that it was trained with."""

from support.workspace import ANNA
from volano.models.wording import prompt_of
from volano.prompts import Prompt


def test_a_trained_model_has_its_recipes_words(desk):
    model = desk.models.builtin(by=ANNA)
    said = prompt_of(model)
    assert said["template"] == "Ticket: {{input}}\nJSON:"
    assert said["settings"]["temperature"] == 0
    assert said["settings"]["max_tokens"] > 16
    made = desk.prompts.save("router", **said, by=ANNA)
    assert desk.prompts.read(made) == Prompt(**said)


def test_a_pointer_is_asked_as_one_likes(desk):
    model = desk.models.add_pointer("p", url="https://x", model="m", by=ANNA)
    assert prompt_of(model) == {"template": "{{input}}", "settings": {}}
