"""What may be asked of a compression, and what its child is told."""

import json
from types import SimpleNamespace

import pytest

from support import model_files as files
from volano.core.digest import Digest
from volano.core.manifest import Parent
from volano.jobs.errors import StepFailedError
from volano.models import ModelNotUsableError, compressor
from volano.models.compression.parts import NotPrunableError
from volano.models.compressor import BadCompressionError, Compressor


@pytest.fixture
def keeper(monkeypatch, tmp_path):
    """Keepers that know one model, and remember which Runs were started."""
    network(tmp_path, "llama")
    monkeypatch.setattr(compressor, "require", lambda packages: None)
    monkeypatch.setattr(compressor.adapter, "base_of", lambda model: None)
    model = SimpleNamespace(
        ref="router@1", digest=Digest.of(b"router"), manifest=SimpleNamespace(parents=())
    )
    models = SimpleNamespace(
        get=lambda ref: model, tunable=lambda found: found, folder=lambda ref: tmp_path
    )
    runs = SimpleNamespace(
        register=lambda kind, work: None,
        start=lambda kind, *, inputs, **_: SimpleNamespace(inputs=inputs),
    )
    datasets = SimpleNamespace(get=lambda ref: SimpleNamespace(ref="tickets@1"))
    return Compressor(runs, models, datasets, SimpleNamespace(), tmp_path)


def network(folder, kind):
    """Write the configuration and one layer's names of a network built as Llama is."""
    names = [*(f"self_attn.{one}_proj" for one in "qkvo"), "mlp.gate_proj", "mlp.up_proj",
             "mlp.down_proj"]  # fmt: skip
    spot = {"dtype": "F32", "shape": [1]}
    header = {
        f"model.layers.0.{name}.weight": {**spot, "data_offsets": [4 * n, 4 * n + 4]}
        for n, name in enumerate(names)
    }
    (folder / "model.safetensors").write_bytes(files.safetensors(header, b"\0" * 28))
    (folder / "config.json").write_text(json.dumps({"model_type": kind, "num_hidden_layers": 1}))


def asked(keeper, **more):
    by = SimpleNamespace(group="")
    settings = {"to": "q8_0", "name": "small", "data": "tickets", "by": by, **more}
    return keeper.compress("router", **settings).inputs["parts"]


def test_what_goes_is_weights_unless_said(keeper):
    assert asked(keeper) == asked(keeper, prune=0.5) == "weights"
    assert asked(keeper, prune=0.5, structured=True) == "neurons"
    assert asked(keeper, prune=0.5, parts="layers") == "layers"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"parts": "layers"}, "--prune"),
        ({"structured": True}, "--prune"),
        ({"prune": 0.5, "parts": "arms"}, "weights, neurons, heads, layers"),
        ({"prune": 0.5, "parts": "heads", "structured": True}, "not heads"),
        ({"prune": 1.0}, "below 1"),
        ({"prune": float("nan")}, "below 1"),
        ({"prune": 0.5, "recovery_steps": -1}, "not below 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_a_run_starts(keeper, said, reason):
    with pytest.raises(BadCompressionError, match=reason):
        asked(keeper, **said)


@pytest.mark.parametrize(
    ("kind", "parts", "reason"),
    [("gemma3", "heads", "heads go from llama"), ("gpt2", "neurons", "not built as Llama")],
)
def test_parts_that_the_network_cannot_lose_are_refused_before_a_run_starts(
    keeper, tmp_path, kind, parts, reason
):
    assert asked(keeper, prune=0.5, parts=parts) == parts
    network(tmp_path, kind)
    if kind == "gpt2":
        (tmp_path / "model.safetensors").write_bytes(files.safetensors())
    with pytest.raises(NotPrunableError, match=reason):
        asked(keeper, prune=0.5, parts=parts)
    assert asked(keeper, prune=0.5) == "weights"


def test_a_run_from_before_parts_had_names_prunes_what_it_was_asked_to(keeper):
    old = {"model": "router@1", "form": "q8_0", "name": "small", "prune": 0.5, "structured": True,
           "recovery_steps": 3, "seed": 0, "data": None}  # fmt: skip
    assert keeper._prepare(SimpleNamespace(), old)["parts"] == "neurons"


class Steps:
    """A Run's work in small: steps are called, children answer or fail as said."""

    def __init__(self, children):
        self.children, self.taken = children, []

    def step(self, name, fn, *args):
        self.taken.append(name)
        return fn(*args)

    def child(self, _module, spec, *, step):
        self.taken.append(step)
        found = self.children[spec["form"]]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def within(keeper, monkeypatch):
    monkeypatch.setattr(keeper, "_prepare", lambda work, inputs: dict(inputs))
    monkeypatch.setattr(
        keeper, "_record", lambda work, made, inputs: {"ref": f"{inputs['name']}@1"}
    )
    keeper._catalog.children = lambda digest: []
    return keeper


NO_WORDS = StepFailedError("It is gpt2.", code="not_exportable")


@pytest.mark.parametrize(
    ("children", "ref"),
    [({"f32": {}}, "own-f32@1"), ({"f32": NO_WORDS, "onnx": {}}, "own-onnx@1")],
)
def test_a_form_within_another_run_is_the_first_that_the_model_can_have(within, children, ref):
    assert within.made_within(Steps(children), "router@1", name="own", step="form-0") == ref


def test_why_no_form_can_be_made_is_what_the_first_said(within):
    steps = Steps({"f32": NO_WORDS, "onnx": StepFailedError("Nor that.", code="not_exportable")})
    with pytest.raises(StepFailedError, match="gpt2"):
        within.made_within(steps, "router@1", name="own", step="form-0")
    with pytest.raises(StepFailedError, match="full"):
        full = {"f32": StepFailedError("The disk is full.", code="os")}
        within.made_within(Steps(full), "router@1", name="own", step="form-0")


def test_a_form_that_is_there_and_proven_is_not_made_again(within):
    parent = within._models.get("router@1")
    known = SimpleNamespace(
        kind="model", ref="known@2",
        manifest=SimpleNamespace(meta={"form": "f32"}, parents=[Parent("parent", parent.digest)]),
    )  # fmt: skip
    within._catalog.children = lambda digest: [known]
    within._models.usable = lambda found: found
    steps = Steps({})
    assert within.made_within(steps, "router@1", name="own", step="form-0") == "known@2"
    assert steps.taken == ["form-0-f32-find"]

    def refuse(found):
        raise ModelNotUsableError(model=found.ref, reason="it is revoked")

    within._models.usable = refuse
    made = within.made_within(Steps({"f32": {}}), "router@1", name="own", step="form-0")
    assert made == "own-f32@1"
