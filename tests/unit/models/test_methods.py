"""Methods of training on one tiny model: what they give, and what they refuse."""

import json

import pytest

from volano.models.training.plan import Plan
from volano.models.training.recipe import BadRecipeError, Recipe

pytest.importorskip("torch")
pytestmark = pytest.mark.slow
"""They import torch, TRL and Opacus, and take some steps."""


@pytest.fixture
def job(made, rows, tmp_path):
    from volano.models.training.job import Job

    def build(
        method, *, rows=rows, held=rows[:8], base=made["model"], teacher=None, spec=(), **plan
    ):
        return Job(
            spec=dict(spec), plan=Plan.from_dict({"method": method, **plan}), rows=rows, dev=held,
            base=base, teacher=teacher, checkpoint=tmp_path / "checkpoint.safetensors",
            progress=lambda step, of, **metrics: None,
        )  # fmt: skip

    return build


def train(job):
    from volano.models.training.methods import method

    return method(job.plan.method)(job)


def test_pairs_hold_what_the_base_says_wrong(made, rows):
    from volano.models.training import network, tokenizer
    from volano.models.training.methods.dpo import pairs_of

    recipe = Recipe.from_dict(json.loads((made["model"] / "recipe.json").read_text()))
    words = tokenizer.load(made["model"] / "tokenizer.json")
    given = [{**rows[0], "rejected": "nonsense"}, {**rows[1], "rejected": rows[1]["label"]}]
    pairs = pairs_of(given, network.load(made["model"]), words, recipe)
    assert [pair["rejected"] for pair in pairs] == [" nonsense"]
    assert json.loads(pairs[0]["chosen"]) == rows[0]["label"]


def test_dpo_keeps_the_best_weights_and_looks_at_dev(job, rows):
    pairs = [{**row, "rejected": "nonsense"} for row in rows[:12]]
    made = train(job("dpo", rows=pairs, steps=4, batch=4, dev={"every": 2}))
    assert made.facts["rows"] == 12
    assert [look["step"] for look in made.facts["guards"]["collapse"]["looks"]] == [2, 4]


def test_dpo_that_destroys_the_model_is_stopped(job, rows, monkeypatch):
    from volano.models.training import marks
    from volano.models.training.guards.errors import CollapsedError

    scores = iter([0.9, 0.5, 0.4, 0.3, 0.2])
    monkeypatch.setattr(marks, "exact", lambda *_: next(scores))
    pairs = [{**row, "rejected": "nonsense"} for row in rows[:12]]
    with pytest.raises(CollapsedError, match="step 2"):
        train(job("dpo", rows=pairs, steps=4, batch=4, dev={"every": 1}))


@pytest.mark.parametrize("on", ["logits", "answers"])
def test_a_student_has_half_the_size_and_learns_unlabelled_texts(job, made, rows, tmp_path, on):
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows[:5]))
    told = train(
        job("distill", rows=rows[:20], base=None, teacher=made["model"], steps=3,
            distill={"on": on}, spec={"unlabelled": str(texts)})
    ).facts["distillation"]  # fmt: skip
    assert told["unlabelled_rows"] == 5
    assert told["parameters"]["student"] <= 0.55 * told["parameters"]["teacher"]
    assert "warning" in told  # the tiny teacher knows nothing


def test_private_training_says_its_epsilon(job):
    settings = {"noise": 1.0, "delta": 1e-3}
    few, more = (
        train(job("private", steps=steps, batch=8, private=settings)).facts["privacy"]
        for steps in (2, 6)
    )
    assert 0 < few["epsilon"] < more["epsilon"]


@pytest.mark.parametrize(
    ("method", "plan", "word"),
    [
        ("private", {}, "epsilon"),
        ("private", {"private": {"noise": 1.0, "delta": 0.5}}, "delta"),
        ("private", {"private": {"noise": -1.0, "delta": 1e-3}}, "above 0"),
        ("distill", {}, "teacher"),
        ("distill", {"distill": {"on": "dreams"}}, "logits or answers"),
        ("federated", {"federated": {"sites": 1}}, "one site"),
    ],
)
def test_recipes_that_cannot_be_are_refused_before_anything_is_spent(job, method, plan, word):
    with pytest.raises(BadRecipeError, match=word):
        train(job(method, **plan))


@pytest.mark.parametrize("method", ["dpo", "private", "federated"])
def test_a_base_of_others_is_refused_with_what_to_do(job, method, tmp_path):
    with pytest.raises(BadRecipeError, match="trained here"):
        train(job(method, base=tmp_path))


def test_rows_are_parted_by_their_site_or_evenly(rows):
    from volano.models.training.methods.federated import parted

    named = [{**row, "site": "ab"[at % 2]} for at, row in enumerate(rows)]
    assert {name: len(part) for name, part in parted(named, "site", 3).items()} == {
        "a": 30,
        "b": 30,
    }
    even = parted(rows, "site", 3)
    assert sum(map(len, even.values())) == len(rows) and len(even) == 3
    with pytest.raises(BadRecipeError, match="no column"):
        parted([*named, rows[0]], "site", 3)
