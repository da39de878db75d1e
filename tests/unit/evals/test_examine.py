"""An evaluation as a durable Run, over a server that speaks chat completions."""

from pathlib import Path

import pytest

from simulators.upstream import Upstream
from support.workspace import ANNA
from volano.data import Datasets
from volano.evals import Evals
from volano.evals.examine import Examiner
from volano.jobs.keeper import Runs
from volano.models import ModelNotUsableError
from volano.store.errors import UnknownArtifactError

HEARD = "Hello wörld 你好 🎡."
ROWS = [{"text": f"{n}. kérdés", "label": HEARD if n % 2 else "other"} for n in range(20)]


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def desk(desk, upstream, migrated):
    folder = desk.folder
    migrated.put_jobs(folder)
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    desk.examiner = Examiner(desk.runs, desk.evals, desk.datasets, desk.flows, desk.models)
    desk.datasets.add("tickets", ROWS[4:], test=ROWS[:4], by=ANNA)
    upstream.seen.clear()
    yield desk
    desk.runs.close()


def flow(desk, upstream, act="ok", **prompt):
    desk.models.add_pointer("far", url=upstream.url + "/v1", model=act, by=ANNA)
    desk.prompts.save("ask", **{"template": "Q: {{input}}", **prompt}, by=ANNA)
    return desk.flows.compose("support", model="far", prompt="ask", by=ANNA)


def test_a_flow_is_asked_every_row_as_the_gateway_would(desk, upstream):
    asked = flow(desk, upstream, system="Kurz.", settings={"max_tokens": 9})
    desk.runs.launch()
    run = desk.examiner.run("support", data="tickets", by=ANNA)
    assert (run.kind, run.name, run.group) == ("eval", "support", "shop/support")
    assert run.inputs == {"flow": "support@1", "data": "tickets@1", "split": "test"}
    done = desk.runs.wait(run.id, 60)
    assert done.state == "done", done.error
    report = desk.evals.get(done.outputs["ref"])
    assert done.outputs["digest"] == report.digest
    assert report.manifest.made_by == run.id
    assert report.manifest.parents[0].digest == asked.digest
    scores = {score["name"]: score for score in report.manifest.meta["scores"]}
    assert scores["exact_match"]["value"] == 0.5
    assert len(upstream.seen) == 4
    heads, body = upstream.seen[0]
    assert heads[":path"].startswith("POST /v1/chat/completions ")
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("ok", 9, 0)
    assert body["messages"][0] == {"role": "system", "content": "Kurz."}
    assert {b["messages"][1]["content"] for _, b in upstream.seen} == {
        f"Q: {row['text']}" for row in ROWS[:4]
    }


def test_an_upstream_that_refuses_fails_the_run_in_two_lines(desk, upstream):
    flow(desk, upstream, act="status-503")
    desk.runs.launch()
    run = desk.examiner.run("support", data="tickets", by=ANNA)
    failed = desk.runs.wait(run.id, 60)
    assert failed.state == "failed"
    assert "503" in failed.error.message
    assert desk.evals.list() == []


def test_a_retry_goes_on_when_the_upstream_is_back(desk):
    first = Upstream()
    flow(desk, first)
    first.stop()
    desk.runs.launch()
    run = desk.runs.wait(desk.examiner.run("support", data="tickets", by=ANNA).id, 60)
    assert run.state == "failed"
    back = Upstream(port=first.port)
    desk.runs.retry(run.id, by=ANNA)
    done = desk.runs.wait(run.id, 60)
    back.stop()
    assert (done.state, done.attempt) == ("done", 2)
    assert len(back.seen) == 4
    assert not (desk.folder / "jobs" / run.id / "answers.jsonl").exists()  # the report has them


@pytest.mark.parametrize("given", [{"flow": "other"}, {"data": "other"}])
def test_unknown_names_start_nothing(desk, upstream, given):
    flow(desk, upstream)
    given = {"flow": "support", "data": "tickets", **given}
    with pytest.raises(UnknownArtifactError):
        desk.examiner.run(given.pop("flow"), **given, by=ANNA)
    assert desk.runs.list() == []


def test_a_model_whose_key_is_missing_is_not_asked(desk, upstream, monkeypatch):
    monkeypatch.delenv("FAR_KEY", raising=False)
    desk.models.add_pointer("far", url=upstream.url + "/v1", model="ok", key_env="FAR_KEY", by=ANNA)
    desk.flows.compose("keyed", model="far", by=ANNA)
    desk.runs.launch()
    run = desk.runs.wait(desk.examiner.run("keyed", data="tickets", by=ANNA).id, 60)
    assert run.state == "failed"
    assert "the variable `FAR_KEY`, which should hold its key, is not set" in str(run.error)
    assert upstream.seen == []


@pytest.mark.parametrize(
    ("meta", "files", "kind", "place"),
    [
        ({"format": "gguf"}, ["model.gguf"], "llamacpp", "model.gguf"),
        ({"format": "onnx", "engine": "onnx"}, ["model.onnx"], "onnx", ""),
        ({"format": "ct2", "engine": "ctranslate2"}, ["model.bin"], "ctranslate2", ""),
    ],
)
def test_a_model_is_asked_by_the_engine_of_its_format(desk, tmp_path, meta, files, kind, place):
    meta = {**meta, "context_length": 131_072}
    kept = dict.fromkeys(files, b"x")
    model = desk.catalog.record("model", "own", files=kept, meta=meta, by=ANNA)
    spec = desk.examiner._spec(model, tmp_path)
    assert (spec.kind, Path(spec.model_path).name if place else "") == (kind, place)
    assert (Path(spec.model_path) / files[0]).exists() or place
    assert spec.n_ctx == 8192 * spec.n_parallel, "as the gateway asks it"


def test_a_model_that_no_engine_takes_says_what_to_do(desk, tmp_path):
    meta = {"format": "safetensors"}
    kept = {"model.safetensors": b"x"}
    model = desk.catalog.record("model", "own", files=kept, meta=meta, by=ANNA)
    with pytest.raises(ModelNotUsableError) as error:
        desk.examiner.chat(model, tmp_path)
    assert "volano model convert" in error.value.advice
