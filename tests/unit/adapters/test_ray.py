"""Recipes on Ray: what is refused in a moment, and the same rows from a cluster of two nodes."""

import os
import pickle
import socket
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import closing

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "data", "toys"))
import toy_steps

from volano.adapters.executors import ray as adapter
from volano.adapters.executors.ray import (
    BadRayAddressError,
    ClusterAwayError,
    NodesTooSmallError,
    NodeUnfitError,
    RayExecutor,
    look,
    resolved,
    work,
)
from volano.core.clock import SystemClock
from volano.core.principal import Principal
from volano.data.errors import MissingExtraError
from volano.data.keeper import Datasets
from volano.data.recipe.cache import Cache
from volano.data.recipe.collect import Limits
from volano.data.recipe.engine import Engine, Input
from volano.data.recipe.errors import StepBrokeError
from volano.data.recipe.executor import Elsewhere, Resources
from volano.data.recipe.keeper import Recipes
from volano.data.recipe.recipe import Recipe
from volano.data.sources import open_source
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around
from volano.jobs.attend import Care
from volano.jobs.keeper import Runs
from volano.store import Blobs, Catalog, Ledger

ANNA = Principal("person", "anna")
WORDS = [
    "alma",
    "körte",
    "слива",
    "Äpfel",
    "梨",
    "számla",
    "возврат",
    "Rechnung",
    "invoice",
    "parcel",
    "退款",
    "csomag",
]
STEPS = [
    {"toy-upper": {}},
    {"exact-dedup": {}},
    {"near-dedup": {"threshold": 0.7}},
    {"split": {"parts": {"train": 0.8, "test": 0.2}}},
]


def rows(count=240):
    """Texts of which some are the same, and some nearly."""
    found = []
    for n in range(count):
        kind = n % 60
        words = [WORDS[(kind * 7 + i * (1 + kind % 5)) % len(WORDS)] for i in range(20)]
        words[-1] = str(n % 120)
        found.append({"n": n, "text": " ".join([*words, str(kind)])})
    return found


def recipe(*first):
    return Recipe.from_dict({"dataset": "r", "sources": [{"rows": []}], "steps": [*first, *STEPS]})


def prepared(folder, steps, executor=None):
    engine = Engine(Cache(folder), executor, limits=Limits(rows=30, size=100_000))
    return engine.run([Input("toys", lambda: open_source({"rows": rows()}))], steps)


@pytest.fixture
def taken():
    """A port where something listens that is no Ray."""
    with closing(socket.socket()) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture
def free(taken):
    with closing(socket.socket()) as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def test_where_nobody_answers_is_told_in_a_moment(free, taken):
    with pytest.raises(ClusterAwayError, match="does not answer: Connection refused") as raised:
        RayExecutor.check(f"127.0.0.1:{free}")
    assert "`ray start --head`" in raised.value.advice
    RayExecutor.check(f"127.0.0.1:{taken}")
    RayExecutor.check("local")


@pytest.mark.parametrize(
    "address",
    ["", "nowhere", "http://a:1", "a:b", "a:99999999", "[::1", "ray://h:10001", "u:p@h:1", "h:1/x"],
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(BadRayAddressError, match="is no address"):
        RayExecutor.check(address)


def test_auto_is_the_environment_then_the_cluster_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(adapter, "CURRENT", tmp_path / "none")
    with pytest.raises(ClusterAwayError, match="none runs on this machine"):
        RayExecutor.check("auto")
    (tmp_path / "none").write_text("10.0.0.1:6379\n")
    assert resolved("auto") == "10.0.0.1:6379"
    monkeypatch.setenv("RAY_ADDRESS", "h:1")
    assert (resolved("auto"), resolved("g:2")) == ("h:1", "g:2")


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(adapter, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError) as raised:
        RayExecutor.check("local")
    assert raised.value.advice == "pip install 'volano[scale]'"
    assert "`on: ray` in a recipe of training" in raised.value.message


def test_what_listens_but_is_no_ray_is_not_waited_for():
    never = threading.Event()
    with pytest.raises(ClusterAwayError, match=r"no Ray answers there within 0\.01 s"):
        adapter._within(0.01, never.wait, "h:1")
    never.set()
    with pytest.raises(ClusterAwayError, match="Version mismatch"):
        adapter._within(5, lambda: (_ for _ in ()).throw(RuntimeError("a\nVersion mismatch")), "h")


def test_a_node_that_does_not_see_the_folder_says_so(tmp_path):
    away = tmp_path / "away" / "mark"
    assert look(str(away), "n1", adapter.code()) == f"it does not see the folder {away.parent}"
    good, error = pickle.loads(work(pickle.dumps((str, 1)), str(away)))
    assert not good
    assert isinstance(error, NodeUnfitError)
    assert "cache folder" in error.advice and "packages of" in error.advice
    assert "volano[train]" in error.advice and ".volano" in error.advice, "training needs more"


def test_a_node_is_looked_at(tmp_path):
    mark = adapter._Mark(tmp_path)
    mark.set()
    other = adapter._Mark(tmp_path)
    other.set()
    assert mark.path.exists()
    assert look(str(mark.path), "n1", adapter.code()) == ""
    assert mark.answered("n1") == ""
    assert "cannot be read here" in mark.answered("n2")
    assert "other code" in look(str(mark.path), "n1", "else")
    unlocked = tmp_path / "m"
    unlocked.touch()
    assert "do not hold" in look(str(unlocked), "n1", adapter.code())
    mark.unset()
    other.unset()
    assert list(tmp_path.iterdir()) == [unlocked]


def test_the_marks_of_the_killed_are_swept(tmp_path):
    for name in (".ray-old", ".ray-old-n1", ".ray-older-n1"):
        (tmp_path / name).touch()
    mark = adapter._Mark(tmp_path)
    mark.set()
    assert list(tmp_path.iterdir()) == [mark.path]
    mark.unset()


class Sealed(Exception):
    def __reduce__(self):
        raise TypeError("not me")


def sealed(_):
    raise Sealed("why")


def test_a_task_gives_its_value_or_its_error(tmp_path):
    def done(fn, item):
        return pickle.loads(work(pickle.dumps((fn, item)), str(tmp_path)))

    assert done(str, 7) == (True, "7")
    good, error = done(int, "x")
    assert (good, type(error)) == (False, ValueError)
    good, error = pickle.loads(adapter._told(Sealed("why")))
    assert (good, str(error)) == (False, "Sealed: why")


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes on loopback, of one CPU each, which import what these tests do."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in sys.path if p))
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": 1, "object_store_memory": 100 * 2**20, "node_ip_address": adapter.LOOPBACK,
        "include_dashboard": False,
    }  # fmt: skip
    found = Cluster(initialize_head=True, head_node_args=node)
    found.second = found.add_node(**node)
    found.node = node
    yield found
    found.shutdown()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_what_no_node_has_is_refused_also_when_the_node_that_had_it_leaves(
    tmp_path, cluster, monkeypatch
):
    monkeypatch.setattr(adapter, "WAIT_S", 0.5)
    monkeypatch.setattr(adapter, "LOST_S", 1.0)
    asked = {"workers": 1, "address": cluster.address, "folder": tmp_path}
    with pytest.raises(NodesTooSmallError, match=r"wants 2 CPUs on one node .* has 1 CPU\.$"):
        RayExecutor(**asked, resources=Resources(cpus=2))
    with pytest.raises(NodesTooSmallError, match=r"wants 1 CPU and 3 GPUs on one node"):
        RayExecutor(**asked, resources=Resources(gpus=3))
    large = cluster.add_node(**{**cluster.node, "num_cpus": 2})
    executor = RayExecutor(**asked, resources=Resources(cpus=2))
    folder, told = gate(tmp_path / "gate"), []
    waits = threading.Thread(target=lambda: told.append(refused(executor, folder)))
    waits.start()
    try:
        begun(folder, 1)
        cluster.remove_node(large, allow_graceful=False)
        waits.join(120)
        assert told == [NodesTooSmallError]
    finally:
        (folder / "open").touch()
        executor.close()


def refused(executor, folder):
    """Return of which kind the error is that a task ends with."""
    try:
        list(executor.map(toy_steps.hold, [str(folder)]))
    except Exception as error:
        return type(error)
    return None


@pytest.fixture
def recipes(sqlite, tmp_path, cluster, migrated):
    migrated.put_jobs(tmp_path)
    clock = SystemClock()
    catalog = Catalog(
        sqlite, Blobs(tmp_path / "blobs", sqlite, clock), Ledger(sqlite, clock), clock
    )
    runs = Runs(
        sqlite, catalog.ledger, tmp_path / "jobs", clock,
        jobs_url=f"sqlite:///{tmp_path / 'jobs.db'}", poll_s=0.02, care=Care(poll_s=0.05, grace_s=5),
    )  # fmt: skip
    found = Recipes(
        runs=runs, catalog=catalog, datasets=Datasets(catalog), sources=Sources(Around()),
        cache=tmp_path / "runs-cache", opener="toy_steps:open_source",
        executors={"ray": Elsewhere(RayExecutor, cluster.address)},
    )  # fmt: skip
    runs.launch()
    found.runs = runs
    yield found
    runs.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_two_nodes_give_the_same_rows_also_when_one_dies(tmp_path, cluster, recipes):
    inline = prepared(tmp_path / "inline", recipe().steps)
    assert {"exact-dedup", "near-dedup"} <= {
        s["step"] for s in inline.counts()["steps"] if s["dropped"]
    }
    executor = RayExecutor(workers=0, address=cluster.address, folder=tmp_path / "ray")
    try:
        assert executor._workers == 2
        on_ray = prepared(tmp_path / "ray", recipe().steps, executor)
        assert (on_ray.content, on_ray.counts()) == (inline.content, inline.counts())
        with pytest.raises(StepBrokeError, match="toy-break") as broke:
            prepared(tmp_path / "ray", [toy_steps.Break()], executor)
        assert not tasks_kept(broke.value)
    finally:
        executor.close()
    assert not list((tmp_path / "ray").glob(".ray-*"))

    a_cancelled_run_leaves_no_task_behind(tmp_path, recipes)
    the_same_run_is_the_same_dataset(recipes)
    a_node_dies_in_the_middle(tmp_path, cluster, inline)


def tasks_kept(error):
    """Return the tasks of Ray that the frames of an error still hold."""
    import ray

    kept = []
    while error is not None:
        for frame, _ in traceback.walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                some = value if isinstance(value, list | set | deque | tuple) else [value]
                kept += [one for one in some if isinstance(one, ray.ObjectRef)]
        error = error.__cause__
    return kept


def a_cancelled_run_leaves_no_task_behind(tmp_path, recipes):
    folder = gate(tmp_path / "cancelled")
    waiting = Recipe.from_dict({**recipe({"toy-gate": {"folder": str(folder)}}).to_dict(),
                                "sources": [{"rows": rows(5)}]})  # fmt: skip
    run = recipes.prepare(waiting, on="ray", by=ANNA)
    eventually(lambda: list(folder.iterdir()) or recipes.runs.get(run.id).over)
    (pid,) = [int(path.stem) for path in folder.iterdir()]
    recipes.runs.cancel(run.id, by=ANNA)
    eventually(lambda: not os.path.exists(f"/proc/{pid}"))
    assert recipes.runs.wait(run.id, 60).state == "cancelled"


def the_same_run_is_the_same_dataset(recipes):
    whole = Recipe.from_dict({**recipe().to_dict(), "sources": [{"rows": rows()}]})
    here = recipes.prepare(whole, on="inline", wait=True, by=ANNA)
    recipes.clear_cache(by=ANNA)
    there = recipes.prepare(whole, on="ray", workers=2, wait=True, by=ANNA)
    assert (here.outputs["unchanged"], there.outputs["unchanged"]) == (False, True)
    assert there.outputs["digest"] == here.outputs["digest"]


def a_node_dies_in_the_middle(tmp_path, cluster, inline):
    """Both nodes are at work when the second is killed; what it had goes to the first."""
    folder = gate(tmp_path / "killed")
    steps = recipe({"toy-gate": {"folder": str(folder)}}).steps
    executor = RayExecutor(workers=2, address=cluster.address, folder=tmp_path / "survives")
    found = []
    working = threading.Thread(
        target=lambda: found.append(prepared(tmp_path / "survives", steps, executor))
    )
    working.start()
    try:
        begun(folder, 2)
        cluster.remove_node(cluster.second, allow_graceful=False)
        (folder / "open").touch()
        working.join(150)
        assert [one.content for one in found] == [inline.content]
    finally:
        (folder / "open").touch()
        executor.close()


def gate(folder):
    folder.mkdir()
    return folder


def begun(folder, count):
    eventually(lambda: len(list(folder.iterdir())) >= count)
    return list(folder.iterdir())


def eventually(holds, limit_s=120):
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
