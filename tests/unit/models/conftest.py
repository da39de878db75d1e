"""One tiny model, trained once for the tests of this room (a few seconds)."""

import json
from dataclasses import replace

import pytest

TINY = {
    "hidden": 32,
    "ffn": 64,
    "layers": 1,
    "heads": 2,
    "vocab": 300,
    "steps": 60,
    "batch": 8,
    "context": 256,
    "max_row_tokens": 128,
    "tuning": {"steps": 30, "replay": 5},
}


@pytest.fixture(scope="session")
def rows():
    from volano.data import tickets

    return tickets.generate(5, 60)


@pytest.fixture(scope="session")
def spec(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("rows") / "train.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "mode": "scratch",
        "name": "tiny",
        "rows": str(path),
        "recipe": TINY,
        "checkpoint_steps": 25,
    }


@pytest.fixture(scope="session")
def made(tmp_path_factory, spec):
    """The output of a training run, and the folder it left."""
    from volano.models.making import make

    work = tmp_path_factory.mktemp("made")
    seen = []
    outputs = make(
        spec,
        folder=work / "model",
        checkpoint=work / "checkpoint.safetensors",
        progress=lambda step, of, **metrics: seen.append((step, of, metrics)),
    )
    return {**outputs, "progress": seen, "work": work, "model": work / "model"}


@pytest.fixture
def tiny():
    from volano.models.training.recipe import Recipe

    return replace(Recipe.from_dict(TINY))
