"""Training on a node of a Ray cluster: what it asks of it, and the same bits also when it dies."""

import json
import os
import pickle
import subprocess
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "toys"))
import toy_node

from volano.data.recipe.executor import Resources
from volano.jobs import progress
from volano.models import on_node
from volano.models.away import resources


@pytest.mark.parametrize(
    ("plan", "gpus", "cpus"),
    [
        ({"method": "scratch", "hardware": "gpu"}, 0, 1),
        ({"method": "dpo"}, None, 1),
        ({"method": "private"}, 0, 1),
        ({"method": "lora", "hardware": "cpu"}, 0, 1),
        ({"method": "lora", "hardware": "cpu", "processes": 3}, 0, 3),
        ({"method": "lora"}, None, 1),
        ({"method": "full", "hardware": "gpu"}, 1, 1),
        ({"method": "full", "hardware": "4"}, 4, 4),
    ],
)
def test_what_a_node_must_have(plan, gpus, cpus, tmp_path):
    spec = {"plan": {**plan, "base": "b@1"}, "base": str(tmp_path)}
    assert resources(spec) == Resources(gpus=gpus, cpus=cpus)
    (tmp_path / "recipe.json").write_text("{}")
    assert resources(spec).gpus == 0, "a small network of ours"


HOLDS = """
import sys
from pathlib import Path
from volano.models.on_node import alone

with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_two_nodes_never_train_in_one_folder_and_the_second_says_why(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr(on_node, "WAIT_S", 0.0)
        monkeypatch.setattr("volano.models.making.make", lambda *_, **__: pytest.fail("two work"))
        with pytest.raises(on_node.NodeBusyError, match=f"process {other.pid}") as raised:
            on_node.there(str(tmp_path))
        told = pickle.loads(pickle.dumps(raised.value))
        assert (told.message, told.advice) == (raised.value.message, raised.value.advice)
        other.kill()
    monkeypatch.setattr("volano.models.making.make", lambda *_, **__: {"done": True})
    for _ in range(2):
        assert on_node.there(str(tmp_path)) == {"done": True}, "the killed have let go, we too"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_node_whose_process_is_killed_goes_on_from_its_checkpoint(
    spec, made, tmp_path, monkeypatch
):
    pytest.importorskip("ray", reason="it needs the [scale] extra")
    from volano.adapters.executors.ray import NodesTooSmallError, RayExecutor

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    executor = RayExecutor(workers=1, address="local", folder=tmp_path)
    try:
        (done,) = executor.map(toy_node.dies_once, [(str(tmp_path), 40)])
        with pytest.raises(NodesTooSmallError, match=r"wants 1 CPU and 1 GPU on .* has 1 CPU"):
            executor._reserved(Resources(gpus=1))
    finally:
        executor.close()
    assert (tmp_path / "died").exists()
    assert done["parity"]["passed"]
    told = [one.step for one in progress.read(tmp_path / "progress.jsonl")]
    assert told == [25, 50, 50, 60], "from the checkpoint at 25 on"
    weights = [folder / "model" / "model.safetensors" for folder in (tmp_path, made["work"])]
    assert weights[0].read_bytes() == weights[1].read_bytes()
