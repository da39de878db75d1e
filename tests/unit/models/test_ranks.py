"""Several processes that train one model: the curve of one, one end for all, and none is left behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from support.lazily import lazily
from volano.core.errors import is_gate
from volano.jobs import progress as curves
from volano.jobs.errors import ChildFailedError
from volano.models.away import resources
from volano.models.training.plan import Plan

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "toys"))
import toy_node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings(
        "ignore::FutureWarning", "ignore::UserWarning", "ignore::DeprecationWarning"
    ),
]
making = lazily("volano.models.making")
ranks = lazily("volano.models.ranks")

SOON_S = 120
KILLED = """
import json, os, signal, sys
from pathlib import Path
import psutil
from volano.models.making import make

def progress(step, of, **metrics):
    if step >= 4:  # a whole checkpoint is there of 3
        print(*(one.pid for one in psutil.Process().children()), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

work = Path(sys.argv[1])
make(json.loads(sys.argv[2]), folder=work / "model", checkpoint=work / "checkpoint", progress=progress)
"""


@pytest.fixture(scope="module")
def base(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        shutil.copy(made["model"] / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def asked(spec, base):
    """Return the spec of a run on so many processes."""

    def of(processes, **said):
        plan = Plan.from_dict({
            "method": "lora", "steps": 9, "batch": 4, "lr": 4e-3, "checkpoint_every": 3,
            "context": 128, "hardware": "cpu", "processes": processes,
            "dev": {"every": 3, "rows": 4, "metric": "loss"},
            "guards": {"leakage_limit": 1.0, "swaps": "off"}, **said,
        })  # fmt: skip
        return {"mode": "recipe", "name": "t", "rows": spec["rows"], "dev": spec["rows"],
                "base": str(base), "base_ref": "foreign@1", "plan": plan.to_dict()}  # fmt: skip

    return of


def make(asked, work, progress=lambda *_, **__: None):
    """Make the model; return what was made, and what was told step by step."""
    told = []

    def tell(step, of, **metrics):
        told.append((step, metrics))
        progress(step, of, **metrics)

    work.mkdir(exist_ok=True)
    made = making.make(
        asked, folder=work / "model", checkpoint=work / "checkpoint", progress=tell
    )  # fmt: skip
    return made, told


def started():
    """Return the ranks that this process has started; other tests may have left children that are over."""
    found = []
    for process in psutil.Process().children():
        with suppress(psutil.Error):
            if ranks.RANK in process.cmdline():
                found.append(process)
    return found


@pytest.fixture(scope="module")
def one(asked, tmp_path_factory):
    return make(asked(1), tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def two(asked, tmp_path_factory):
    work = tmp_path_factory.mktemp("two")
    return *make(asked(2), work), work


def test_two_learn_as_one_does_from_the_same_batches(one, two):
    (alone, curve), (together, shared, _) = one, two
    assert [step for step, _ in shared] == [step for step, _ in curve] == list(range(1, 10))
    losses = [[metrics["loss"] for _, metrics in told] for told in (curve, shared)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert losses[0][0] > 1.05 * losses[0][-1], "something is learned"
    facts = [made["card"]["metrics"] for made in (alone, together)]
    assert facts[1]["dev_loss"] == pytest.approx(facts[0]["dev_loss"], rel=1e-3)
    assert [one["devices"] for one in facts] == [1, 2]


def test_a_killed_run_leaves_no_process_and_comes_back_to_the_same_curve(asked, two, tmp_path):
    _, curve, whole = two
    broken = tmp_path / "broken"
    broken.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(broken), json.dumps(asked(2))]
    killed = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    assert killed.returncode == -signal.SIGKILL
    pids = [int(pid) for pid in killed.stdout.split()]
    assert len(pids) == 2
    left = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert not psutil.wait_procs(left, timeout=SOON_S)[1]
    assert [*broken.glob("checkpoints/checkpoint-*/rng_state_1.pth")], "each its own"
    _, again = make(asked(2), broken)
    assert len(again) <= 6, "not from the beginning"
    told = [[(step, m["loss"]) for step, m in said] for said in (again, curve)]
    assert told[0] == told[1][len(curve) - len(again) :], "the same curve"
    files = [
        (work / "model" / "adapter_model.safetensors").read_bytes() for work in (whole, broken)
    ]
    assert files[0] == files[1]


def test_on_a_node_they_share_its_devices_and_a_killed_node_comes_back_to_the_same_curve(
    asked, two, tmp_path, monkeypatch
):
    pytest.importorskip("ray", reason="it needs the [scale] extra")
    from volano.adapters.executors.ray import RayExecutor

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    _, curve, whole = two
    spec = asked(2, on="ray")
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    executor = RayExecutor(
        workers=1, address="local", folder=tmp_path, resources=resources(spec)
    )  # fmt: skip
    try:
        assert executor._ray.cluster_resources()["CPU"] == 2
        (made,) = executor.map(toy_node.dies_once, [(str(tmp_path), 4)])
    finally:
        executor.close()
    assert (tmp_path / "died").exists()
    assert made["card"]["metrics"]["devices"] == 2
    losses = {step: metrics["loss"] for step, metrics in curve}
    told = [(one.step, one.metrics["loss"]) for one in curves.read(tmp_path / "progress.jsonl")]
    assert [step for step, _ in told] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 9], "from the checkpoint at 3"
    assert all(losses[step] == loss for step, loss in told), "the same curve"
    files = [
        (work / "model" / "adapter_model.safetensors").read_bytes() for work in (whole, tmp_path)
    ]
    assert files[0] == files[1]


def test_one_that_is_killed_ends_the_run_with_its_name_and_none_is_left(asked, tmp_path):
    others = []

    def kill(step, *_, **__):
        if not others:
            others.extend(started())
            next(p for p in others if p.cmdline()[-3] == "1").kill()

    with pytest.raises(ranks.RankLostError, match=r"Process 1 of the 2 .* SIGKILL"):
        make(asked(2, steps=500), tmp_path, kill)
    assert len(others) == 2 and not any(one.is_running() for one in others)
    assert not (tmp_path / "model").exists()


def test_a_run_that_is_cancelled_ends_all(asked, tmp_path):
    others = []

    def cancelled(*_, **__):  # as the handler of a child's SIGTERM does
        others.extend(started())
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        make(asked(2, steps=500), tmp_path, cancelled)
    assert len(others) == 2 and not any(one.is_running() for one in others)


def test_pairs_are_shared_too_and_the_guard_ends_all_with_its_own_code(asked, rows, tmp_path):
    given = tmp_path / "pairs.jsonl"
    pairs = [{**row, "rejected": "nonsense"} for row in rows[:6]]
    given.write_text("".join(json.dumps(row) + "\n" for row in [*pairs, *rows[6:10]]))

    def run(processes, **guards):
        said = asked(processes, method="dpo", steps=4, lr=1e-3, dev={"every": 1, "rows": 4},
                     guards={"leakage_limit": 1.0, "swaps": "off", **guards})  # fmt: skip
        return make(
            {**said, "rows": str(given), "dev": str(given)},
            tmp_path / f"{processes}{len(guards)}",
        )

    (alone, curve), (together, shared) = run(1), run(2)
    losses = [[metrics["loss"] for _, metrics in told] for told in (curve, shared)]
    assert losses[1] == pytest.approx(losses[0], rel=2e-2), "answers' lengths differ by rank"
    facts = [made["card"]["metrics"] for made in (alone, together)]
    assert [(one["rows"], one["devices"]) for one in facts] == [(10, 1), (10, 2)]
    assert together["card"]["guards"]["collapse"]["looks"]
    with pytest.raises(ChildFailedError) as raised:
        run(2, collapse=-1.0)  # whatever the metric is, it is called too low
    assert is_gate(raised.value.code) and "destroys" in raised.value.message
    assert not started()


def test_an_early_end_is_one_for_all_and_a_run_that_had_ended_ends_again(asked, tmp_path):
    said = asked(2, method="full", steps=50, lr=1e-12, dev={"every": 1, "rows": 2, "patience": 2,
                 "metric": "loss"})  # fmt: skip
    made, told = make(said, tmp_path)
    assert 3 <= len(told) < 50, "nothing became better"
    assert made["parity"]["passed"]
    _, again = make(said, tmp_path)
    assert again == [], "all know that it is over"


def test_a_look_before_it_counts_each_copy_and_takes_its_steps_together(asked):
    from volano.models.preflighting import look

    alone = look(asked(1))["memory"]
    report = look({**asked(2), "measure": 2})
    assert report["memory"]["weights"] == 2 * alone["weights"]
    assert report["memory"]["logits"] == alone["logits"], "the batch is as large as before"
    assert report["time"]["steps"] == 9


def test_what_other_processes_spent_is_counted_too(tmp_path):
    from volano.models.training.spent import Spent

    assert Spent(tmp_path / "spent.json", others=lambda: 1e6).cpu_s() >= 1e6


def test_a_process_takes_one_gpu_however_many_there_are(asked, tmp_path, monkeypatch):
    import torch

    from volano.models.training.devices import Place
    from volano.models.training.job import Job
    from volano.models.training.sft import arguments

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    plan = Plan.from_dict(asked(1)["plan"])
    job = Job({}, plan, (), (), None, None, tmp_path / "checkpoint", lambda *_, **__: None)
    said = arguments(job, Place("cuda", 1, bf16=False), adapter=True, context=64)
    assert (said.n_gpu, said.train_batch_size) == (1, 4)
