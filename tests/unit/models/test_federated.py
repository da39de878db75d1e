"""A federation that is killed goes on after its last whole round, on the same curve."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from volano.models.tools import ToolFailedError
from volano.models.training.plan import Plan

pytest.importorskip("torch")
pytestmark = pytest.mark.slow
"""They import torch, in three processes each."""

SIMULATOR = Path(__file__).parents[2] / "simulators" / "flower"

KILLED = """
import json, os, signal, sys
from pathlib import Path
from volano.models.training.job import Job
from volano.models.training.methods import federated
from volano.models.training.plan import Plan

told = json.loads(sys.argv[1])
federated.Tool.ensure = lambda tool, root: Path(told["python"])

def progress(step, of, **metrics):
    if step == 2:
        os.kill(os.getpid(), signal.SIGKILL)

federated.train(Job(spec={}, plan=Plan.from_dict(told["plan"]), rows=told["rows"], dev=told["dev"],
    base=Path(told["base"]), teacher=None, checkpoint=Path(told["checkpoint"]), progress=progress))
"""


@pytest.fixture(scope="module")
def flower(tmp_path_factory):
    """Put a Flower in small where the tool's own Python would be; return that Python."""
    from volano.models.training.methods import federated

    python = tmp_path_factory.mktemp("flower") / "python"
    python.write_text(
        f'#!/bin/sh\nPYTHONPATH="$PYTHONPATH:{SIMULATOR}" exec {shlex.quote(sys.executable)} "$@"\n'
    )
    python.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(federated.Tool, "ensure", lambda tool, root: python)
        yield python


@pytest.fixture(scope="module")
def told(flower, made, rows):
    return {
        "python": str(flower), "rows": rows[:30], "dev": rows[:4], "base": str(made["model"]),
        "plan": {"method": "federated",
                 "federated": {"sites": 3, "rounds": 4, "local_steps": 2}},
    }  # fmt: skip


def train(told, checkpoint, seen, **federated_settings):
    from volano.models.training.job import Job
    from volano.models.training.methods import federated

    plan = {**told["plan"], "federated": {**told["plan"]["federated"], **federated_settings}}
    return federated.train(
        Job(spec={}, plan=Plan.from_dict(plan), rows=told["rows"], dev=told["dev"],
            base=Path(told["base"]), teacher=None, checkpoint=checkpoint,
            progress=lambda step, of, **metrics: seen.append(step))
    )  # fmt: skip


@pytest.fixture(scope="module")
def unbroken(told, tmp_path_factory):
    """What a federation came to that went through, and where it did."""
    work = tmp_path_factory.mktemp("unbroken")
    return train(told, work / "c", []), work / "federated"


def test_a_killed_federation_ends_with_the_weights_of_an_unbroken_one(told, unbroken, tmp_path):
    from safetensors import safe_open

    from volano.models.training import network
    from volano.models.training.rounds import FILE

    whole, _ = unbroken
    checkpoint = tmp_path / "broken" / "c"
    checkpoint.parent.mkdir()
    command = [
        sys.executable, "-W", "ignore", "-c", KILLED,
        json.dumps({**told, "checkpoint": str(checkpoint)}),
    ]  # fmt: skip
    assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
    state = checkpoint.parent / "federated" / FILE
    with safe_open(state, "pt") as kept:
        done = len(json.loads(kept.metadata()["rounds"])) - 1
    assert done >= 2, "what was told is kept"
    trained, seen = state.parent / "weights.safetensors", []
    trained.unlink(missing_ok=True)  # a fast machine may have ended it all
    broken = train(told, checkpoint, seen)
    assert seen[-1] == 4 and broken.facts["federation"] == whole.facts["federation"]
    ours, theirs = network.weights(broken.model), network.weights(whole.model)
    assert all(bool((ours[name] == theirs[name]).all()) for name in theirs)


def test_rounds_that_are_done_are_not_done_again(told, unbroken, tmp_path):
    """Sites that cannot learn any more, and in another place: what is kept has to do."""
    first, folder = unbroken
    shutil.copytree(folder, tmp_path / "federated", symlinks=True)
    for site in range(3):
        (tmp_path / "federated" / "sites" / str(site) / "rows.jsonl").write_text("no rows")
    again = train(told, tmp_path / "c", [])
    assert again.facts == first.facts


def test_where_a_round_has_no_limit_a_missing_site_is_not_late():
    from volano.models.training.sites import missing

    assert str(missing(3, 2, 4, limit_s=0.0)) == "2 of 4 sites answered in round 3"
    assert missing(3, 2, 4, limit_s=60.0).args[0] == {"round": 3, "answered": 2}


def test_a_layout_is_on_disk_before_it_says_that_it_is_whole(told, tmp_path, monkeypatch):
    from volano.models.training.job import Job
    from volano.models.training.methods import federated

    folder, synced = tmp_path / "federated", []

    def to_disk(path):
        if not (folder / "spec.json").exists():
            synced.append(path.relative_to(folder).as_posix())

    monkeypatch.setattr(federated, "to_disk", to_disk)
    job = Job(spec={}, plan=Plan.from_dict(told["plan"]), rows=(), dev=told["dev"], base=None,
              teacher=None, checkpoint=tmp_path / "c", progress=print)  # fmt: skip
    federated._lay_out(job, Path(told["base"]), {"a": told["rows"][:2], "b": told["rows"][2:4]})
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert {"start/model.safetensors", "sites/1/rows.jsonl", "dev.jsonl"} <= written
    assert set(synced) == written - {"spec.json"} | {"spec.part", "."}


def test_a_site_that_is_slow_is_waited_for_and_one_that_is_silent_is_said(
    told, tmp_path, monkeypatch
):
    from volano.models.training.methods import federated

    quick = train(told, tmp_path / "quick" / "c", [], rounds=1)
    monkeypatch.setenv("FLOWER_SITES_TAKE", json.dumps({"1": 30 * 3600}))
    for name, hours in (("slow", 31), ("slowest", 0)):
        slow = train(told, tmp_path / name / "c", [], rounds=1, round_hours=hours)
        assert slow.facts["federation"] == quick.facts["federation"]
    late = federated.RoundTooLongError
    with pytest.raises(late, match=r"Round 1 .* than 29\.5 hours: 2 of 3 sites") as told_late:
        train(told, tmp_path / "silent" / "c", [], rounds=1, round_hours=29.5)
    assert "`federated: {round_hours: N}`" in told_late.value.advice
    patient = train(told, tmp_path / "silent" / "c", [], rounds=1, round_hours=31)
    assert patient.facts["federation"] == quick.facts["federation"], "what was done before counts"


def test_another_federation_does_not_go_on_with_this_one(told, unbroken, tmp_path):
    shutil.copytree(unbroken[1], tmp_path / "federated", symlinks=True)
    more = train(told, tmp_path / "c", [], rounds=1)
    assert [one["round"] for one in more.facts["federation"]["rounds"]] == [0, 1]


def test_a_site_that_fails_is_no_smaller_federation(told, tmp_path, monkeypatch):
    from volano.models.training.methods import federated

    lay_out = federated._lay_out

    def spoilt(*given):
        folder = lay_out(*given)
        (folder / "sites" / "1" / "rows.jsonl").write_text("no rows")
        return folder

    monkeypatch.setattr(federated, "_lay_out", spoilt)
    with pytest.raises(ToolFailedError, match="a site failed"):
        train(told, tmp_path / "c", [])


def test_the_sites_end_with_the_process_that_started_them(flower, tmp_path):
    """What is told a parent that is gone does not even begin."""
    gone = subprocess.Popen(["true"])
    gone.wait()
    (tmp_path / "spec.json").write_text('{"sites": []}')
    found = subprocess.run(
        [flower, "-m", "volano.models.training.sites", tmp_path, str(gone.pid)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
    )  # fmt: skip
    assert found.returncode == 1 and "Error" not in found.stderr


def test_damaged_or_foreign_states_are_nothing(tmp_path):
    import torch

    from volano.models.training.rounds import Rounds

    kept = Rounds(tmp_path / "state.safetensors", "mine")
    assert kept.load() == ({}, [])
    kept.save({"a": torch.ones(2)}, [{"round": 0}, {"round": 1, "dev_exact": 0.5}])
    weights, rounds = kept.load()
    assert weights["a"].tolist() == [1, 1] and rounds[-1] == {"round": 1, "dev_exact": 0.5}
    assert Rounds(kept.path, "another").load() == ({}, [])
    kept.path.write_bytes(kept.path.read_bytes()[:20])
    assert kept.load() == ({}, [])
