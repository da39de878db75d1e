"""Training Runs: refused before they start where they cannot end well; prepared and recorded."""

import json
import os
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.workspace import ANNA
from volano.core.digest import Digest
from volano.core.errors import UnavailableError
from volano.core.manifest import Parent
from volano.core.ref import BadRefError
from volano.data import Datasets
from volano.data.recipe.executor import Elsewhere
from volano.jobs import progress
from volano.jobs.keeper import Runs
from volano.models import ModelNotUsableError, compressor, trainer
from volano.models.builtin import FOLDER
from volano.models.compressor import Compressor
from volano.models.trainer import Trainer
from volano.models.training import NotInstalledError
from volano.models.training.plan import Plan
from volano.models.training.recipe import BadRecipeError
from volano.store.errors import DroppedError, UnknownArtifactError
from volano.store.garbage import Garbage

ROWS = [
    {"text": text, "label": label}
    for text, label in (
        ("Wo ist mein Paket?", "shipping"), ("Számlázási hiba", "billing"),
        ("где мой заказ", "shipping"), ("退款", "refund"), ("screen is broken", "hardware"),
    )
]  # fmt: skip


@pytest.fixture
def desk(desk, monkeypatch):
    monkeypatch.setattr(trainer, "require", lambda *_: None)
    folder = desk.folder
    desk.datasets = Datasets(desk.catalog)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock, jobs_url=f"sqlite:///{folder}/jobs.db"
    )
    desk.trainer = Trainer(desk.runs, desk.models, desk.datasets)
    desk.data = desk.datasets.add("tickets", ROWS, test=ROWS[:1], by=ANNA)
    yield desk
    desk.runs.close()


@pytest.fixture
def trained(tmp_path):
    folder = tmp_path / "trained"
    folder.mkdir()
    (folder / "model.gguf").write_bytes(b"GGUF and so on")
    (folder / "model.safetensors").write_bytes(b"tensors")
    (folder / "recipe.json").write_text('{"prompt": "{text}"}')
    (folder / "card.json").write_text("{}")
    proof = {"n": 1, "equal": 1, "passed": True, "gguf": Digest.of(b"GGUF and so on")}
    (folder / "parity.json").write_text(json.dumps(proof))
    return folder


def work(desk, run, name="work"):
    folder = desk.folder / name
    folder.mkdir()
    return SimpleNamespace(inputs=run.inputs, folder=folder, run_id=run.id, by=ANNA)


def test_training_is_a_run_whose_inputs_are_pinned(desk):
    run = desk.trainer.train("router", data="tickets", seed=3, by=ANNA)
    desk.datasets.add("tickets", [*ROWS, {"text": "more", "label": "shipping"}], by=ANNA)
    assert (run.kind, run.name, run.state, run.group) == (
        "model.train", "router", "queued", "shop/support",
    )  # fmt: skip
    assert run.inputs == {
        "mode": "scratch", "name": "router", "data": "tickets@1", "steps": None, "seed": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"data": "nothing"}, UnknownArtifactError),
        ({"name": "not a name"}, BadRefError),
        ({"name": ""}, BadRefError),
        ({"steps": 0}, BadRecipeError),
        ({"steps": -3}, BadRecipeError),
    ],
)
def test_what_cannot_end_well_is_not_started(desk, given, error):
    given = {"name": "router", "data": "tickets", **given}
    with pytest.raises(error):
        desk.trainer.train(given.pop("name"), **given, by=ANNA)
    with pytest.raises(error):
        desk.models.builtin(by=ANNA)
        desk.trainer.tune(**{"name": "router", "base": "ticket-router", "data": "tickets", **given,
                             **({"name": ""} if error is BadRefError else {})}, by=ANNA)  # fmt: skip
    assert desk.runs.list() == []


class Cluster:
    """An executor that is not there."""

    @staticmethod
    def check(address):
        raise UnavailableError(f"nobody answers at {address}")


def test_where_nobody_answers_no_run_begins_and_else_the_child_is_told_where(desk, monkeypatch):
    asking = desk.trainer
    asking._executors = {"ray": Elsewhere(Cluster, "auto")}
    plan = {"method": "scratch", "data": "tickets", "on": "ray"}
    with pytest.raises(UnavailableError, match="nobody answers at auto"):
        asking.train("r", plan=plan, by=ANNA)
    with pytest.raises(UnavailableError, match="nobody answers at h:1"):
        asking.train("r", plan={**plan, "ray_address": "h:1"}, by=ANNA)
    monkeypatch.setattr(Cluster, "check", staticmethod(lambda address: None))
    spec = asking._prepare(work(desk, asking.train("r", plan=plan, by=ANNA)))
    assert spec["executor"] == {"kind": f"{__name__}:Cluster", "address": "auto"}


def test_a_recipe_is_pinned_and_what_is_said_beside_it_comes_first(desk, tmp_path):
    (tmp_path / "r.yaml").write_text("data: tickets\nsteps: 5\n")
    run = desk.trainer.train("router", recipe=tmp_path / "r.yaml", steps=9, by=ANNA)
    assert (run.inputs["mode"], run.inputs["data"]) == ("recipe", "tickets@1")
    assert (run.inputs["plan"]["steps"], run.inputs["plan"]["method"]) == (9, "scratch")
    spec = desk.trainer._prepare(work(desk, run))
    rows = [json.loads(line) for line in Path(spec["rows"]).read_text("utf-8").splitlines()]
    assert {row["text"] for row in rows} == {row["text"] for row in ROWS[1:]}


def test_labels_are_compared_with_the_version_before_else_with_what_the_base_learned(desk):
    learned, more = desk.datasets.get("tickets"), [*ROWS, {"text": "more", "label": "shipping"}]
    base = SimpleNamespace(
        manifest=SimpleNamespace(parents=(Parent("data", learned.digest),))
    )  # fmt: skip
    desk.datasets.add("other", more, by=ANNA)

    def read(data, base=None):
        """Return which rows are read, and how many."""
        given = work(desk, SimpleNamespace(id="r", inputs={}), f"work{len(given_all)}")
        given_all.append(given)
        found = desk.trainer._reference(given, Plan(data=data), base)
        return {name: len(Path(file).read_text().splitlines()) for name, file in found.items()}

    given_all = []
    assert read("tickets") == read("tickets", base) == {}, "it is what was learned"
    assert (read("other"), read("other", base)) == ({}, {"learned": 4})
    desk.datasets.add("tickets", more, by=ANNA)
    assert read("tickets", base) == {"reference": 4}


def test_what_the_base_learned_may_be_gone_and_the_version_before_may_not(desk):
    learned, more = desk.datasets.get("tickets"), [*ROWS, {"text": "more", "label": "shipping"}]
    base = SimpleNamespace(manifest=SimpleNamespace(parents=(Parent("data", learned.digest),)))
    desk.datasets.add("other", more, by=ANNA)
    desk.datasets.add("tickets", more, by=ANNA)
    Garbage(
        db=desk.db, catalog=desk.catalog, blobs=desk.blobs, ledger=desk.ledger, clock=desk.clock
    ).drop("dataset", learned.ref, "over", by=ANNA)
    given, said = work(desk, SimpleNamespace(id="r", inputs={})), []
    given.log = said.append
    assert desk.trainer._reference(given, Plan(data="other"), base) == {}
    assert len(said) == 1 and "not compared with tickets@1" in said[0]
    with pytest.raises(DroppedError):
        desk.trainer._reference(given, Plan(data="tickets"), base)


def test_a_recipe_that_cannot_work_is_not_started(desk):
    with pytest.raises(BadRecipeError, match="names no base"):
        desk.trainer.train("router", plan={"method": "lora", "data": "tickets"}, by=ANNA)
    with pytest.raises(BadRecipeError, match="nothing is said"):
        desk.trainer.train("router", by=ANNA)
    assert desk.runs.list() == []


def test_the_ticket_router_made_again_is_the_same_model(desk, tmp_path):
    run = desk.trainer.train("builtin", by=ANNA)
    packaged = desk.models.builtin(by=ANNA)
    folder = tmp_path / "made"
    shutil.copytree(FOLDER, folder)
    (folder / "model.safetensors").write_bytes(b"of no use")
    card = json.loads((folder / "card.json").read_text())
    varying = {"metrics": {**card["metrics"], "cpu_s": 3.0, "tokens_per_s": 9.9}, "spent": {}}
    plain = {name: value for name, value in card.items() if name != "note"}
    (folder / "card.json").write_text(json.dumps({**plain, **varying}))
    outputs = desk.trainer._record(work(desk, run), str(folder))
    assert outputs == {
        "ref": packaged.ref, "digest": str(packaged.digest), "as_packaged": True,
    }  # fmt: skip


def test_a_curve_has_each_step_once_as_the_last_process_measured_it(desk):
    run = desk.trainer.train("router", data="tickets", by=ANNA)
    folder = desk.folder / "jobs" / run.id / "train"
    folder.mkdir(parents=True)
    (folder / "host.json").write_text("{}")
    for at, (step, loss) in enumerate([(25, 3.0), (50, 2.0), (75, 1.0), (50, 2.5)]):
        progress.write(folder / "progress.jsonl", at, step, 100, {"loss": loss})
    curve = desk.trainer.curve(run.id)
    assert [(one["step"], one["loss"]) for one in curve] == [(25, 3.0), (50, 2.5)]


def test_a_look_at_what_cannot_work_loads_nothing(desk):
    refused = desk.trainer.preflight(plan={"data": "tickets", "packing": True}, by=ANNA)
    assert not refused["ok"]
    assert [one["name"] for one in refused["findings"]] == ["packing-own"]


@pytest.mark.parametrize("measure", [0, 2])
def test_a_look_that_measures_knows_the_teacher(desk, trained, monkeypatch, measure):
    teacher = desk.models.import_trained("router", trained, by=ANNA)
    asked = []

    def child(command, **_):
        folder = Path(command[-1])
        asked.append(json.loads((folder / "spec.json").read_text()))
        (folder / "report.json").write_text("{}")

    monkeypatch.setattr(trainer.subprocess, "run", child)
    monkeypatch.setattr(trainer.findings, "of", lambda _: [])
    plan = {"method": "distill", "data": "tickets", "distill": {"teacher": "router"}}
    assert desk.trainer.preflight(plan=plan, measure=measure, by=ANNA)["ok"]
    home = desk.folder / "cache" / "models" / teacher.digest.hex
    assert ("teacher" in asked[0]) is bool(measure)
    assert not measure or home.samefile(asked[0]["teacher"])


def test_of_several_faults_each_is_followed_by_what_to_do(desk):
    plan = {"data": "tickets", "packing": True, "loss": "all"}
    with pytest.raises(
        BadRecipeError, match=r"apart\. Leave `packing` out.* only\. Leave `loss`"
    ) as e:
        desk.trainer.train("router", plan=plan, by=ANNA)
    assert "volano model preflight" in e.value.advice
    with pytest.raises(BadRecipeError) as e:
        desk.trainer.train("router", plan={"data": "tickets", "packing": True}, by=ANNA)
    assert "packing" in e.value.advice, "one fault has its remedy as the hint"


def test_a_base_that_is_not_there(desk):
    with pytest.raises(UnknownArtifactError):
        desk.trainer.tune("router", base="router", data="tickets", by=ANNA)


def test_a_base_without_trained_weights_is_refused_at_once(desk):
    desk.models.builtin(by=ANNA)
    desk.models.add_pointer("far", url="https://x", model="m", by=ANNA)
    for base in ("ticket-router", "far"):
        with pytest.raises(ModelNotUsableError):
            desk.trainer.tune("router", base=base, data="tickets", by=ANNA)
    assert desk.runs.list() == []


def test_without_the_extra_it_says_what_is_missing(desk, monkeypatch):
    def lacks():
        raise NotInstalledError(missing="torch")

    monkeypatch.setattr(trainer, "require", lacks)
    with pytest.raises(NotInstalledError, match="torch"):
        desk.trainer.train("router", data="tickets", by=ANNA)
    assert desk.runs.list() == []


def test_rows_are_written_for_the_child(desk):
    run = desk.trainer.train("router", data="tickets", steps=7, seed=3, by=ANNA)
    given = work(desk, run)
    spec = desk.trainer._prepare(given)
    assert (spec["mode"], spec["name"], spec["recipe"]) == (
        "scratch", "router", {"seed": 3, "steps": 7},
    )  # fmt: skip
    assert "base" not in spec
    rows = [json.loads(line) for line in Path(spec["rows"]).read_text("utf-8").splitlines()]
    assert {row["text"] for row in rows} == {row["text"] for row in ROWS[1:]}
    assert json.loads(Path(spec["check"]).read_text("utf-8"))["text"] == ROWS[0]["text"]


def test_what_was_trained_knows_where_it_comes_from(desk, trained):
    run = desk.trainer.train("router", data="tickets", by=ANNA)
    outputs = desk.trainer._record(work(desk, run), str(trained))
    made = desk.models.get(outputs["ref"])
    assert outputs == {"ref": "router@1", "digest": str(made.digest)}
    assert made.manifest.made_by == run.id
    assert [(p.role, p.digest) for p in made.manifest.parents] == [("data", desk.data.digest)]
    again = desk.trainer._record(work(desk, run, "again"), str(trained))
    assert again == outputs, "a step that is done twice makes one version"


@pytest.mark.parametrize("what", ["train", "recipe", "compress"])
def test_rows_go_when_a_run_is_done_and_stay_for_a_retry(desk, trained, monkeypatch, what):
    made = {"folder": str(trained), "files": ["model.gguf"], "meta": {"parity": {}}}
    monkeypatch.setenv("TOY_MADE", json.dumps(made))
    toys = str(Path(__file__).parent / "toys")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([toys, *filter(None, sys.path)]))
    monkeypatch.setattr(trainer, "CHILD", "toy_maker")
    monkeypatch.setattr(compressor, "CHILD", "toy_maker")
    monkeypatch.setattr(compressor, "require", lambda *_: None)
    desk.compressor = Compressor(
        desk.runs, desk.models, desk.datasets, desk.catalog, desk.folder / "tools"
    )
    desk.runs.launch()
    if what == "compress":
        desk.models.import_trained("router", trained, by=ANNA)
        run = desk.compressor.compress("router", to="f32", name="small", data="tickets", by=ANNA)
    else:
        plan = {"plan": {"method": "scratch"}} if what == "recipe" else {}
        run = desk.trainer.train("other", data="tickets", **plan, by=ANNA)
    assert desk.runs.wait(run.id, 60).state == "failed"
    folder = desk.folder / "jobs" / run.id
    kept = {path.name for path in folder.glob("*.jsonl")}
    first = "rows.jsonl" if what == "recipe" else "train.jsonl"
    assert first in kept and len(kept) == 2
    desk.runs.retry(run.id, by=ANNA)
    done = desk.runs.wait(run.id, 60)
    assert done.state == "done", done.error
    assert desk.models.get(done.outputs["ref"])
    assert [*folder.glob("*.jsonl")] == []


def test_tuning_names_its_base_and_its_own_steps(desk, trained):
    first = desk.models.import_trained("router", trained, by=ANNA)
    run = desk.trainer.tune("router", base="router", data="tickets", steps=5, by=ANNA)
    assert run.inputs["base"] == "router@1"
    spec = desk.trainer._prepare(work(desk, run))
    assert spec["recipe"] == {"seed": 0, "tuning": {"steps": 5}}
    assert (desk.folder / "cache" / "models" / first.digest.hex).samefile(spec["base"])
    (trained / "card.json").write_text('{"tuned": true}')
    outputs = desk.trainer._record(work(desk, run, "record"), str(trained))
    made = desk.models.get(outputs["ref"])
    assert [(p.role, p.digest) for p in made.manifest.parents] == [
        ("data", desk.data.digest), ("base", first.digest),
    ]  # fmt: skip
