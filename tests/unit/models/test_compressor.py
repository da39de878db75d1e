"""What may be asked of a compression, and what its child is told."""

import json
from types import SimpleNamespace

import pytest

from support import model_files as files
from volano.core.digest import Digest
from volano.models import compressor
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
    assert keeper._prepare(SimpleNamespace(inputs=old))["parts"] == "neurons"
