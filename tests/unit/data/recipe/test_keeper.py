"""A recipe becomes a version of a dataset by a durable Run, with its report and its lineage."""

import json
import os
import signal
import sys
import time

import pytest
import toy_steps  # noqa: F401 - steps by name

from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.data.kept import Kept
from volano.data.recipe import Recipe
from volano.data.recipe.errors import (
    CacheBusyError,
    NoRecipeReportError,
    UnreadableRecipeError,
)
from volano.data.recipe.keeper import Recipes
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around
from volano.jobs.attend import Care
from volano.jobs.errors import RunFailedError
from volano.jobs.folder import ChildFolder
from volano.jobs.keeper import Runs
from volano.store.errors import UnknownArtifactError

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
def desk(tmp_path, sqlite, catalog):
    """Real keepers, and children that find this tree."""
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


def test_preview_follows_rows_through_a_step_that_takes_many_before_it_gives_one(desk):
    recipe = Recipe.from_dict({"sources": [{"rows": [{"text": "a b c d e f"}, {"text": "$$$ !!!"}, {"text": "g h i j k l"}]}], "steps": [{"quality": {"rules": {"max_symbol_ratio": 0.3}}}]})  # fmt: skip
    rows = desk.preview(recipe)["steps"][-1]["rows"]
    assert [one["before"]["text"] for one in rows] == ["a b c d e f", "$$$ !!!", "g h i j k l"]
    assert [one.get("reason") for one in rows] == [None, "max_symbol_ratio", None]
