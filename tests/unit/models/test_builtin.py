"""The packaged model, through the real engine."""

import json

from volano.data import tickets
from volano.models.builtin import FOLDER
from volano.models.training.recipe import Recipe
from volano.serving import EngineSpec, engine


def test_the_packaged_router_answers_tickets_it_never_saw(tmp_path):
    recipe = Recipe.from_dict(json.loads((FOLDER / "recipe.json").read_text()))
    rows = tickets.generate(4242, 60)
    spec = EngineSpec(
        "router", str(FOLDER / "model.gguf"), "router", f"unix:{tmp_path}/e.sock", 1, 512
    )
    with engine(spec) as chat:
        said = [ask(chat, recipe, row["text"]) for row in rows]
    right = sum(answer == row["label"] for answer, row in zip(said, rows, strict=True))
    assert right >= 57, f"{right} of 60"


def ask(chat, recipe, text):
    messages = [{"role": "user", "content": recipe.render(text)}]
    try:
        return json.loads(chat(messages, max_tokens=40, temperature=0).text)
    except ValueError:
        return None


def test_it_is_small_and_says_what_it_is():
    assert (FOLDER / "model.gguf").stat().st_size < 150_000
    assert "Knows only" in json.loads((FOLDER / "card.json").read_text())["note"]
