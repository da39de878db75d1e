"""A recipe becomes a version of a dataset by a durable Run, with its report and its lineage."""

import json
import os
import signal
import sys
import threading
import time

import pytest
import toy_steps  # noqa: F401 - steps by name

from support.chatting import KEY, chatting
from volano.core.errors import GateError
from volano.core.principal import Principal
from volano.data.contracts import Contracts
from volano.data.contracts.contract import Contract
from volano.data.contracts.errors import BadContractError
from volano.data.exchange import Cards
from volano.data.keeper import Datasets
from volano.data.kept import Kept
from volano.data.recipe import Recipe
from volano.data.recipe.errors import (
    CacheBusyError,
    NoRecipeReportError,
    SecretInRecipeError,
    UnreadableRecipeError,
)
from volano.data.recipe.keeper import KIND, Recipes
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around
from volano.jobs.attend import Care
from volano.jobs.errors import RunFailedError, RunStoppedError
from volano.jobs.folder import ChildFolder
from volano.jobs.keeper import Runs
from volano.store.errors import UnknownArtifactError

pytestmark = pytest.mark.slow  # seconds each: real processes, or many examples

ANNA = Principal("person", "anna")
YAML = """
dataset: support
sources:
  - files: rows.jsonl
steps:
  - rename: {columns: {body: text}}
  - map-labels: {table: {Bill: billing}}
contract: {columns: {text: {type: text}}}
"""


@pytest.fixture
def desk(tmp_path, sqlite, catalog, migrated):
    """Real keepers, and children that find this tree."""
    migrated.put_jobs(tmp_path)
    path = ":".join(p for p in sys.path if p)
    care = Care(poll_s=0.02, grace_s=0.3, env={"PYTHONPATH": path})
    runs = Runs(
        sqlite, catalog.ledger, tmp_path / "jobs", catalog._clock,
        jobs_url=f"sqlite:///{tmp_path / 'jobs.db'}", poll_s=0.02, care=care,
    )  # fmt: skip
    datasets = Datasets(catalog)
    sources = Sources(Around(versions=Kept(datasets)))
    recipes = Recipes(
        runs=runs, catalog=catalog, datasets=datasets, sources=sources, cache=tmp_path / "cache"
    )
    recipes.datasets = datasets
    recipes.runs, recipes.home = runs, tmp_path
    yield recipes
    runs.close()


@pytest.fixture
def working(desk):
    desk.runs.launch()
    return desk


def write(desk, count=10, yaml=YAML):
    rows = [{"body": f"{n} számla", "label": "Bill" if n % 5 else "?"} for n in range(count)]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    (desk.home / "rows.jsonl").write_text("\n".join([*lines, "{bad"]))
    path = desk.home / "r.yaml"
    path.write_text(yaml)
    return path


def test_a_recipe_becomes_a_dataset(working, catalog):
    run = working.prepare(write(working), workers=1, wait=True, by=ANNA)
    assert run.outputs["ref"] == "support@1"
    made = catalog.get("dataset", "support@1")
    assert made.manifest.made_by == run.id
    assert made.manifest.meta["counts"] == {"read": 11, "train": 8}
    assert made.manifest.meta["contract"] == {"columns": {"text": {"type": "text"}}}
    rows = list(working.datasets.stream("support", "train"))
    assert rows[0] == {
        "id": rows[0]["id"], "text": "1 számla", "label": "billing",
        "origin": rows[0]["origin"], "split": "train",
    }  # fmt: skip
    assert rows[0]["origin"].items() >= {"source": "rows.jsonl", "line": 2}.items()
    [parent] = made.manifest.parents
    recipe = catalog.by_digest(parent.digest)
    assert (parent.role, recipe.kind) == ("recipe", "recipe")
    kept = Recipe.from_dict(json.loads(catalog.read(recipe, "recipe.json")))
    assert kept == Recipe.from_yaml(working.home / "r.yaml")
    left = {p.name for p in (working.home / "jobs" / run.id).rglob("*") if p.is_file()}
    assert not {name for name in left if name.endswith(("bundle.json", ".zst"))}


def test_the_report_and_the_rejected_rows(working):
    working.prepare(write(working), workers=1, wait=True, by=ANNA)
    told = working.report("support")
    assert (told["rows"], told["rejected"], told["recipe"]) == (8, 3, "support@1")
    assert [(s["step"], s["in"], s["out"]) for s in told["steps"]] == [
        ("collect", 11, 10), ("rename", 10, 10), ("map-labels", 10, 8),
    ]  # fmt: skip
    assert [one["step"] for one in told["times"]["steps"]] == ["collect", "rename", "map-labels"]
    every = working.datasets.rejected("support")
    assert [(one["step"], one["reason"]) for one in every] == [
        ("source", "not JSON"), ("map-labels", "unmapped label"), ("map-labels", "unmapped label"),
    ]  # fmt: skip
    assert working.datasets.rejected("support", reason="not JSON") == every[:1]
    assert working.datasets.rejected("support", step="map-labels", limit=1) == every[1:2]


def test_the_card_says_where_rows_came_from_and_why_others_went(working, catalog):
    working.prepare(write(working), workers=1, wait=True, by=ANNA)
    cards = Cards(catalog, working.datasets, Contracts(catalog, working.datasets))
    text = cards.show("support")
    for line in (
        "- files: rows.jsonl", "1. rename (columns body text): 10 → 10 rows",
        "2. map-labels (table Bill billing): 10 → 8 rows", "- left out by collect: 1 × not JSON",
        "- left out by map-labels: 2 × unmapped label",
    ):  # fmt: skip
        assert line in text, line


def test_the_same_again_is_the_same_version(working):
    path = write(working)
    first = working.prepare(path, workers=1, wait=True, by=ANNA)
    working.clear_cache(by=ANNA)
    again = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert again.outputs["digest"] == first.outputs["digest"]
    assert (first.outputs["unchanged"], again.outputs["unchanged"]) == (False, True)
    write(working, count=11)
    more = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert (more.outputs["ref"], more.outputs["recipe"]) == ("support@2", "support@1")


def test_datasets_are_sources_and_parents(working, catalog):
    working.prepare(write(working), workers=1, wait=True, by=ANNA)
    recipe = Recipe.from_dict({
        "dataset": "next", "parents": ["dataset/support@1"],
        "sources": [{"dataset": "support", "split": "train"}, {"rows": [{"text": "új"}]}],
    })  # fmt: skip
    run = working.prepare(recipe, workers=1, wait=True, by=ANNA)
    made = catalog.get("dataset", run.outputs["ref"])
    source = catalog.get("dataset", "support@1")
    assert [p.role for p in made.manifest.parents] == ["recipe", "source", "parent"]
    assert made.manifest.parents[1].digest == source.digest
    first = next(iter(working.datasets.stream("next")))
    assert first["origin"]["source"] == "support@1"
    assert first["origin"]["row"] == first["id"]
    assert run.inputs["sources"][0]["dataset"] == "support@1"


def test_a_sample_says_that_it_is_one(working, catalog):
    run = working.prepare(write(working), sample=4, name="tiny", workers=1, wait=True, by=ANNA)
    meta = catalog.get("dataset", run.outputs["ref"]).manifest.meta
    assert (meta["sample"], meta["report"]["steps"][0]["out"]) == (4, 4)


def test_what_cannot_be_prepared_is_refused_at_once(desk):
    with pytest.raises(UnreadableRecipeError, match="names no sources"):
        desk.prepare(Recipe(dataset="x"), by=ANNA)
    with pytest.raises(UnreadableRecipeError, match="does not say which"):
        desk.prepare(Recipe(sources=({"rows": []},)), by=ANNA)
    for sources, parents in (({"dataset": "none"}, ()), ({"rows": []}, ("none@1",))):
        with pytest.raises(UnknownArtifactError):
            desk.prepare(Recipe(dataset="x", sources=(sources,), parents=parents), by=ANNA)
    assert desk.prepare(write(desk), wait=True, by=ANNA).state == "queued"


def test_a_failed_run_fails_who_waits(working):
    path = write(working, yaml=YAML.replace("}}\ncontract", "}, unmapped: fail}\ncontract"))
    with pytest.raises(RunFailedError, match=r"The label `\?` is not in the table") as raised:
        working.prepare(path, workers=1, wait=True, by=ANNA)
    assert "unmapped: drop" in raised.value.advice
    (working.home / "rows.jsonl").write_text("{bad")
    with pytest.raises(RunFailedError, match="none is left for the dataset: 1 × not JSON"):
        working.prepare(path, workers=1, wait=True, by=ANNA)


def test_a_killed_child_goes_on(working):
    run = working.prepare(write(working, count=20_000), workers=1, by=ANNA)
    files = ChildFolder(working.home / "jobs" / run.id / "pass")
    until = time.monotonic() + 40
    while not list((working.home / "cache" / "shards").rglob("*.zst")):
        assert time.monotonic() < until
        time.sleep(0.01)
    if (pid := files.pid()) and files.alive():
        os.kill(pid, signal.SIGKILL)
    done = working.runs.wait(run.id, 50)
    assert (done.state, done.outputs["rows"]) == ("done", 16_000)


def test_preview_shows_rows_before_and_after(desk):
    told = desk.preview(write(desk), rows=3)["steps"]
    assert [(one["step"], one["in"], one["out"]) for one in told] == [
        ("collect", 3, 3), ("rename", 3, 3), ("map-labels", 3, 2),
    ]  # fmt: skip
    assert told[1]["rows"][0]["before"]["body"] == told[1]["rows"][0]["after"]["text"] == "0 számla"
    assert told[2]["rows"][0] == {
        "before": told[1]["rows"][0]["after"], "reason": "unmapped label", "detail": "?",
    }  # fmt: skip
    assert told[2]["dropped"] == {"unmapped label": 1}
    assert not (desk.home / "cache").exists()


def test_preview_takes_whole_steps_and_steps_that_add_rows(desk):
    recipe = Recipe.from_dict({
        "sources": [{"rows": [{"n": 0, "text": "a"}, 7, {"n": 1, "text": "a"}]}],
        "steps": ["toy-unique", "toy-twice"],
    })  # fmt: skip
    collect, unique, twice = desk.preview(recipe)["steps"]
    assert (collect["in"], collect["dropped"]) == (3, {"not an object": 1})
    assert [row.get("reason") for row in unique["rows"]] == [None, "said before"]
    assert [row["before"] is None for row in twice["rows"]] == [False, True]


def test_the_cache_is_shown_and_cleared(working):
    working.prepare(write(working), workers=1, wait=True, by=ANNA)
    assert working.cache()["entries"] > 0
    with working._cache.in_use(), pytest.raises(CacheBusyError):
        working.clear_cache(by=ANNA)
    assert working.clear_cache(by=ANNA)["shards"] > 0
    assert working.cache()["entries"] == 0


def test_a_dataset_made_otherwise_has_no_report(desk, datasets):
    datasets.generate("tickets", n=20, test_n=5, by=ANNA)
    with pytest.raises(NoRecipeReportError):
        desk.report("tickets")
    rows = list(desk.datasets.stream("tickets", "test", start=1, limit=2))
    assert [row["split"] for row in rows] == ["test", "test"]


def test_rows_that_break_the_recipes_contract_stop_the_run(working, catalog):
    strict = "contract: {columns: {text: {type: text}, label: {type: text, one_of: [returns]}}}"
    path = write(working, yaml=YAML.replace("contract: {columns: {text: {type: text}}}", strict))
    with pytest.raises(RunStoppedError, match="8 of 8 rows of `support` break") as raised:
        working.prepare(path, workers=1, wait=True, by=ANNA)
    assert isinstance(raised.value, GateError)
    assert "First: row 1 (train), label" in raised.value.message
    assert "volano run log" in raised.value.advice
    [run] = working.runs.list()
    assert "row 8 (train), label" in "".join(map(str, working.runs.log(run.id)))
    assert catalog.list("dataset") == catalog.list("recipe") == []


def test_a_contract_that_is_none_is_refused_before_anything_runs(desk):
    with pytest.raises(BadContractError, match="`kind`"):
        desk.prepare(Recipe(dataset="x", sources=({"rows": []},),
                            contract={"columns": {"text": {"kind": "text"}}}), by=ANNA)  # fmt: skip
    assert desk.runs.list() == []


def test_a_datasets_own_contract_stops_the_run_too(working, catalog):
    contracts = Contracts(catalog, working.datasets)
    working.datasets._guard = contracts.guard
    contracts.put("support", Contract.from_dict({"columns": {"text": {"max_length": 3}}}), by=ANNA)
    with pytest.raises(RunStoppedError, match="First: row 1"):
        working.prepare(write(working), workers=1, wait=True, by=ANNA)
    assert catalog.list("dataset") == []


def test_a_contract_that_is_newer_than_the_same_rows_stops_the_run_too(working, catalog):
    contracts = Contracts(catalog, working.datasets)
    working.datasets._guard = contracts.guard
    path = write(working)
    working.prepare(path, workers=1, wait=True, by=ANNA)
    contracts.put("support", Contract.from_dict({"columns": {"text": {"max_length": 3}}}), by=ANNA)
    with pytest.raises(RunStoppedError, match="First: row 1"):
        working.prepare(path, workers=1, wait=True, by=ANNA)
    contracts.put("support", Contract.from_dict({"columns": {}}), by=ANNA)
    again = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert again.outputs["unchanged"] is True


EXAM = "wie viele Schafe bleiben dem Bauern am Ende des Tages noch auf seinem Hof"


def test_steps_read_what_they_need_of_the_workspace(working, catalog):
    quiz = Recipe(dataset="quiz", sources=({"rows": [{"question": EXAM}]},))
    working.prepare(quiz, workers=1, wait=True, by=ANNA)
    (working.home / "more.jsonl").write_text(json.dumps({"text": EXAM.replace("Schafe", "Kühe")}))
    (working.home / "rows.jsonl").write_text(
        "\n".join(json.dumps({"text": text}) for text in (f"So: {EXAM}?", "egy", "két"))
    )
    path = working.home / "r.yaml"
    path.write_text("""
dataset: clean
sources: [{files: rows.jsonl}]
steps:
  - decontaminate:
      share: 0.9
      against: [{dataset: quiz, text_column: question}, more.jsonl]
""")
    run = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert (run.outputs["rows"], run.outputs["rejected"]) == (2, 1)
    made = catalog.get("dataset", "clean")
    assert ("used", catalog.get("dataset", "quiz@1").digest) in [
        (one.role, one.digest) for one in made.manifest.parents
    ]
    [gone] = working.datasets.rejected("clean")
    assert gone["of"]["source"] == "quiz@1"
    kept = catalog.by_digest(made.manifest.parents[0].digest)
    assert b'"dataset":"quiz"' in catalog.read(kept, "recipe.json")
    again = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert again.outputs["unchanged"]
    assert [one["cached"] for one in again.outputs["times"]["steps"]] == [1, 1]
    told = working.preview(path)["steps"][1]
    assert told["dropped"] == {"in an evaluation": 1}


def test_an_evaluation_that_cannot_be_read_whole_ends_the_run(working):
    (working.home / "exam.jsonl").write_text('{"text": "a b c"}\n{bad')
    path = write(working, yaml=YAML.replace("steps:", "steps:\n  - decontaminate: {against: exam.jsonl}"))  # fmt: skip
    with pytest.raises(RunFailedError, match=r"cannot be read \(source exam.jsonl.* line 2"):
        working.prepare(path, workers=1, wait=True, by=ANNA)
    path.write_text(YAML.replace("steps:", "steps:\n  - decontaminate: {against: {dataset: no}}"))
    with pytest.raises(UnknownArtifactError):
        working.prepare(path, by=ANNA)


def test_no_password_reaches_the_catalog_or_a_run(desk, catalog):
    given = Recipe(dataset="x", sources=({"sql": "postgresql://u:geheim@db/s", "table": "t"},))
    with pytest.raises(SecretInRecipeError):
        desk.prepare(given, by=ANNA)
    assert desk.runs.list() == []


def test_a_run_of_before_goes_on_with_what_only_now_counts_as_a_secret(working):
    inputs = working.plan(working.read(write(working)))
    signed = {"Bill": "https://example.org/billing?sig=x"}
    for steps in (inputs["recipe"]["steps"], inputs["steps"]):
        steps[1]["map-labels"]["table"] = signed
    with pytest.raises(SecretInRecipeError):
        working.plan(inputs)
    run = working.runs.start(KIND, name="support", inputs=inputs, by=ANNA, group=ANNA.group)
    run = working.runs.wait(run.id)
    assert (run.state, run.outputs["rows"]) == ("done", 8)


def test_a_killed_run_pays_for_no_answer_twice(working, monkeypatch):
    monkeypatch.setenv("VOLANO_KEY", KEY)
    (working.home / "rows.jsonl").write_text(
        "\n".join(json.dumps({"text": f"szöveg {n}"}) for n in range(30))
    )
    with chatting() as gateway:
        path = working.home / "r.yaml"
        path.write_text(f"""
dataset: more
sources: [{{files: rows.jsonl}}]
steps:
  - generate:
      channel: router
      prompt: "{{{{ text }}}}"
      address: {gateway.address}
      concurrency: 1
      make: column
""")
        stop = threading.Event()

        def act(text):
            if len(gateway.asked) == 12:
                stop.wait(30)
            return text.upper()

        gateway.act = act
        run = working.prepare(path, workers=1, by=ANNA)
        files = ChildFolder(working.home / "jobs" / run.id / "pass")
        until = time.monotonic() + 40
        while len(gateway.asked) < 12:
            assert time.monotonic() < until
            time.sleep(0.01)
        os.kill(files.pid(), signal.SIGKILL)
        stop.set()
        done = working.runs.wait(run.id, 50)
        assert (done.state, done.outputs["rows"]) == ("done", 30)
        assert len(gateway.asked) == 31  # one was on its way
        told = working.preview(path, rows=5)["steps"][1]
        assert (told["out"], len(gateway.asked)) == (5, 31)
    rows = list(working.datasets.stream("more"))
    assert rows[3]["answer"] == "SZÖVEG 3"
    assert rows[3]["made_by"]["release"] == "router@1"


def test_a_source_that_is_appended_to_brings_only_what_is_new(working):
    yaml = YAML.replace("- files: rows.jsonl", "- {files: 'in/*.jsonl', append: true}")
    path = write(working, yaml=yaml)
    inbox = working.home / "in"
    inbox.mkdir()
    (working.home / "rows.jsonl").rename(inbox / "a.jsonl")
    first = working.prepare(path, workers=1, wait=True, by=ANNA)
    again = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert (first.outputs["rows"], again.outputs["unchanged"]) == (8, True)
    (inbox / "a.jsonl").unlink()
    (inbox / "b.jsonl").write_text('{"body": "új", "label": "Bill"}')
    more = working.prepare(path, workers=1, wait=True, by=ANNA)
    assert (more.outputs["ref"], more.outputs["rows"]) == ("support@2", 9)
    assert working.preview(path)["steps"][0]["in"] == 1


def test_preview_follows_rows_through_a_step_that_takes_many_before_it_gives_one(desk):
    recipe = Recipe.from_dict({"sources": [{"rows": [{"text": "a b c d e f"}, {"text": "$$$ !!!"}, {"text": "g h i j k l"}]}], "steps": [{"quality": {"rules": {"max_symbol_ratio": 0.3}}}]})  # fmt: skip
    rows = desk.preview(recipe)["steps"][-1]["rows"]
    assert [one["before"]["text"] for one in rows] == ["a b c d e f", "$$$ !!!", "g h i j k l"]
    assert [one.get("reason") for one in rows] == [None, "max_symbol_ratio", None]
