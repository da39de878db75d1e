"""A training recipe: what it says, and what does not go together."""

from dataclasses import replace

import pytest

from volano.data.recipe.errors import UnreadableRecipeError
from volano.models.training.devices import NoSuchDeviceError, Place, choose
from volano.models.training.incompatible import RULES, Facts, check
from volano.models.training.memory import Shape, estimate
from volano.models.training.plan import Plan
from volano.models.training.recipe import BadRecipeError
from volano.models.training.settings import Federated, Private

RECIPE = """
method: lora
base: assistant@1
data: tickets@3
where: {language: [hu, no]}
lr: 1e-3
hardware: 2
dev: {every: 50, patience: 3}
lora: {rank: 4, targets: [q_proj]}
"""
OURS = Facts(base_format="gguf", base_ours=True, base_weights=True, shape="text", gpus=0)
FOREIGN = Facts(
    base_format="safetensors", base_ours=False, base_weights=True, base_context=128,
    base_chat=False, shape="text", gpus=0, base_data=False, base_parameters=10**10,
)  # fmt: skip
LORA = Plan(method="lora", base="b@1", data="d@1")


def test_a_recipe_is_read_with_all_its_defaults():
    plan = Plan.from_yaml(RECIPE)
    assert (plan.method, plan.lr, plan.hardware) == ("lora", 1e-3, "2")
    assert plan.where == {"language": ("hu", "no")}
    assert (plan.lora.rank, plan.lora.targets, plan.dev.patience) == (4, ("q_proj",), 3)
    assert Plan.from_dict(plan.to_dict()) == plan


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metod: lora", "did you mean `method`"),
        ("lora: {rnk: 3}", r"lora\.rnk"),
        ("steps: many", "a whole number"),
        ("steps: true", "a whole number"),
        ("packing: 1", "true or false"),
        ("dev: 3", "fields of its own"),
        ("- a", "no list"),
    ],
)
def test_a_word_or_a_type_that_is_wrong_is_named(text, said):
    with pytest.raises(BadRecipeError, match=said):
        Plan.from_yaml(text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadRecipeError, match="No such file"):
        Plan.from_yaml(tmp_path / "none.yaml")
    with pytest.raises(UnreadableRecipeError, match="line 2") as raised:
        Plan.from_yaml("method: [scratch\n")
    assert "`field: value`" in raised.value.advice, "not what a recipe of data looks like"


def names(plan, facts):
    return {one.name for one in check(plan, facts)}


def test_what_goes_together_is_not_complained_of():
    assert names(Plan(data="d@1"), Facts(shape="text", gpus=0)) == set()
    assert names(LORA, OURS) == set()
    assert names(LORA, FOREIGN) == set()
    assert names(replace(LORA, hardware="2"), replace(FOREIGN, gpus=2)) == set()
    assert names(replace(LORA, hardware="2", on="ray"), replace(FOREIGN, gpus=None)) == set()
    assert names(replace(LORA, hardware="cpu", processes=3, batch=6), FOREIGN) == set()


@pytest.mark.parametrize(
    ("change", "facts", "name"),
    [
        ({"method": "magic"}, OURS, "unknown-method"),
        ({"base": None}, OURS, "no-base"),
        ({"data": None}, OURS, "no-data"),
        ({"tokenizer": "own"}, OURS, "tokenizer-on-tuning"),
        ({}, replace(OURS, base_weights=False), "gguf-only-base"),
        ({}, Facts(base_format="adapter"), "adapter-base"),
        ({"context": 500}, FOREIGN, "context-too-long"),
        ({"template": "chat"}, FOREIGN, "chat-without-template"),
        ({"method": "private"}, FOREIGN, "own-only"),
        ({"method": "dpo", "packing": True}, FOREIGN, "dpo-packing"),
        ({"method": "federated"}, FOREIGN, "own-only"),
        ({"packing": True}, OURS, "packing-own"),
        ({"loss": "all"}, OURS, "loss-all-own"),
        ({"precision": "bf16"}, OURS, "bf16-own"),
        ({"precision": "bf16"}, FOREIGN, "bf16-cpu"),
        ({"hardware": "gpu"}, FOREIGN, "no-gpu"),
        ({"hardware": "1"}, FOREIGN, "no-gpu"),
        ({"hardware": "2"}, FOREIGN, "no-gpu"),
        ({"hardware": "2"}, replace(OURS, gpus=2), "several-own"),
        ({"hardware": "cpu", "processes": 2, "method": "private"}, OURS, "several-own"),
        ({"hardware": "cpu", "processes": 2, "method": "distill"}, FOREIGN, "several-own"),
        ({"processes": 2}, FOREIGN, "processes-on-gpu"),
        ({"hardware": "cpu", "processes": 3}, FOREIGN, "batch-not-shared"),
        ({"hardware": "2", "batch": 5}, replace(FOREIGN, gpus=2), "batch-not-shared"),
        ({"hardware": "cpu", "processes": 0}, FOREIGN, "counts"),
        ({"on": "moon"}, OURS, "unknown-place"),
        ({"on": "ray", "method": "federated"}, OURS, "federated-on-ray"),
        ({"ray_address": "a:1"}, OURS, "ray-address-unused"),
        ({"incremental": True}, FOREIGN, "incremental-unknown"),
        ({"steps": 3, "epochs": 1.0}, FOREIGN, "steps-and-epochs"),
        ({"steps": 0}, FOREIGN, "counts"),
        ({"method": "federated", "federated": Federated(round_hours=-1)}, OURS, "round-hours"),
        ({"lr": 0.01}, FOREIGN, "high-rate-large"),
        ({"method": "private", "packing": True}, FOREIGN, "dp-packing"),
        ({"method": "private", "accumulate": 2}, FOREIGN, "dp-accumulate"),
        ({"method": "private", "private": Private(noise=0)}, OURS, "dp-nothing"),
        ({"method": "private", "private": Private(epsilon=0)}, OURS, "dp-nothing"),
        ({"method": "private", "private": Private(epsilon=1, clip=0)}, OURS, "dp-nothing"),
        ({"method": "full"}, FOREIGN, "full-forgets"),
        ({"template": "plain"}, replace(FOREIGN, base_chat=True), "adapter-past-template"),
        (
            {"method": "dpo", "template": "plain"},
            replace(FOREIGN, base_chat=True),
            "adapter-past-template",
        ),
    ],
)
def test_what_does_not_go_together_is_found(change, facts, name):
    assert name in names(replace(LORA, **change), facts)


def test_replay_wants_to_know_where_old_rows_are():
    plan = Plan.from_dict({**LORA.to_dict(), "replay": {"share": 0.2}})
    assert "replay-without-origin" in names(plan, FOREIGN)
    assert "replay-without-origin" not in names(plan, replace(FOREIGN, base_data=True))


def test_errors_come_first_and_each_says_what_to_do():
    levels = [one.level for one in check(replace(LORA, precision="bf16", steps=0), FOREIGN)]
    assert levels == sorted(levels)
    assert "warning" in levels
    assert all(rule.sentence.endswith(".") and rule.remedy.endswith(".") for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_auto_takes_a_gpu_where_there_is_one_and_bf16_with_it():
    assert (choose(LORA, here=1).kind, choose(LORA, here=1).bf16) == ("cuda", True)
    assert (choose(LORA, here=0).kind, choose(LORA, here=0).bf16) == ("cpu", False)
    with pytest.raises(NoSuchDeviceError, match="none"):
        choose(replace(LORA, hardware="gpu"), here=0)
    with pytest.raises(NoSuchDeviceError, match="1 GPU, and here is none"):
        choose(replace(LORA, hardware="1"), here=0)
    with pytest.raises(NoSuchDeviceError, match="2 GPUs, and here there are 1"):
        choose(replace(LORA, hardware="2"), here=1)
    for here in (0, 2):
        with pytest.raises(NoSuchDeviceError, match="1 or more"):
            choose(replace(LORA, hardware="0"), here=here)
    assert choose(replace(LORA, hardware="2"), here=3).count == 2
    assert choose(replace(LORA, hardware="cpu", processes=3), here=2) == Place("cpu", 3, bf16=False)


@pytest.mark.parametrize("said", ["0", "00", "²", "١", "2²", "-1", "9" * 5000, "tpu", ""])
def test_a_number_of_gpus_that_is_none_is_a_finding_and_no_traceback(said):
    found = names(replace(LORA, hardware=said), replace(FOREIGN, gpus=2))
    assert found == {"unknown-hardware"}
    assert replace(LORA, hardware=said).devices == 1


def test_memory_grows_with_what_learns_and_with_the_batch():
    shape = Shape(1_000_000, 2, 64, 4, 600)
    full = estimate(shape, learned=1_000_000, batch=8, tokens=64, bytes_each=4, checkpointing=False)
    lora = estimate(shape, learned=10_000, batch=8, tokens=64, bytes_each=4, checkpointing=False)
    calm = estimate(shape, learned=10_000, batch=8, tokens=64, bytes_each=4, checkpointing=True)
    assert full.optimizer == 2 * full.gradients == 100 * lora.optimizer
    assert calm.activations < lora.activations
    three = estimate(
        shape, learned=1_000_000, batch=8, tokens=64, bytes_each=4, checkpointing=False, copies=3
    )
    assert three.total == 3 * full.total, "as many batches too"
    assert full.total == sum(
        (full.weights, full.gradients, full.optimizer, full.activations, full.logits)
    )


def test_a_look_before_training_counts_rows_and_memory_and_measures_steps(spec):
    from volano.models import findings
    from volano.models.preflighting import look

    report = look({**spec, "plan": {"steps": 5}, "measure": 2})
    assert (report["data"]["rows"], report["data"]["ends"]) == (60, 1.0)
    needs = report["memory"]
    parts = ("weights", "gradients", "optimizer", "activations", "logits")
    assert needs["total"] == sum(needs[name] for name in parts)
    assert report["time"]["steps"] == 5
    assert {one.name for one in findings.of(report)} == {"cut"}, "tiny rows are 128 tokens"
    poor = {**report, "memory": {**needs, "available": 1}, "disk": {"needed": 2, "free": 1}}
    assert [one.name for one in findings.of(poor)] == ["cut", "memory", "disk"]


@pytest.mark.parametrize(
    ("plan", "steps", "rounds"),
    [
        ({"steps": 5}, 5, 3),
        ({}, 1200, 3),
        ({"steps": 5, "distill": {"rounds": 1}}, 5, None),
        ({"steps": 5, "dev": {"rows": 0}}, 5, None),
    ],
)
def test_the_time_of_a_student_is_that_of_one_round_and_how_many_there_may_be(
    spec, made, plan, steps, rounds
):
    from volano.models.preflighting import look

    asked = {"rows": spec["rows"], "plan": {"method": "distill", **plan}, "measure": 2}
    time = look({**asked, "teacher": str(made["model"])})["time"]
    assert (time["steps"], time.get("rounds")) == (steps, rounds)
    assert time["seconds"] == pytest.approx(time["step_s"] * steps, abs=0.1 + steps * 5e-5)


def test_a_network_that_does_not_fit_is_refused_before_it_is_made(spec, monkeypatch):
    from volano.models import findings
    from volano.models.preflighting import look
    from volano.models.training import network

    def never(*_):
        raise AssertionError("it must not be made")

    monkeypatch.setattr(network, "build", never)
    size = {"hidden": 1_000_000_000, "heads": 4, "ffn": 64}
    report = look({**spec, "plan": {"steps": 5}, "recipe": size, "measure": 2})
    assert "time" not in report
    [found] = [one for one in findings.of(report) if one.name == "memory"]
    assert found.level == "error"
    assert "network: {hidden" in found.remedy


@pytest.mark.parametrize("more", [{}, {"layers": 3, "hidden": 48, "ffn": 80}, {"heads": 2}])
def test_parameters_are_reckoned_as_they_are_made(more):
    from volano.models.training import network
    from volano.models.training.recipe import Recipe

    recipe = Recipe(**more)
    made = network.build(recipe, 321)
    assert network.parameters_of(recipe, 321) == sum(one.numel() for one in made.parameters())


def test_a_small_network_is_looked_at_where_it_is_trained_whatever_hardware_says(spec):
    from volano.models.preflighting import look

    report = look({**spec, "plan": {"steps": 5, "hardware": "gpu"}})
    assert report["device"] == "cpu", "as the warning `gpu-own` says"


def test_checkpoints_of_before_a_field_are_found_again():
    before = {name: value for name, value in Plan().to_dict().items() if name != "processes"}
    before["distill"] = {"teacher": None, "on": "logits", "temperature": 2.0, "unlabelled": None}
    assert Plan.from_dict(before).identity() == before
    assert Plan.from_dict({"distill": {"rounds": 1}}).identity()["distill"]["rounds"] == 1
    assert Plan.from_dict({"hardware": "cpu", "processes": 2}).identity()["processes"] == 2
