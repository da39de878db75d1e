"""What may be asked of a compression, and what its child is told."""

from types import SimpleNamespace

import pytest

from volano.core.digest import Digest
from volano.models import compressor
from volano.models.compressor import BadCompressionError, Compressor


@pytest.fixture
def keeper(monkeypatch, tmp_path):
    """Keepers that know one model, and remember which Runs were started."""
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


def test_a_run_from_before_parts_had_names_prunes_what_it_was_asked_to(keeper):
    old = {"model": "router@1", "form": "q8_0", "name": "small", "prune": 0.5, "structured": True,
           "recovery_steps": 3, "seed": 0, "data": None}  # fmt: skip
    assert keeper._prepare(SimpleNamespace(inputs=old))["parts"] == "neurons"
