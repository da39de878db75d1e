"""From a model and a target to a smaller model with its report: a Run with real children."""

import json

import pytest

from support.lazily import lazily
from support.workspace import ANNA
from volano.data import Datasets, tickets
from volano.evals import Evals
from volano.evals.errors import BadTargetError, BadTrialsError, NothingToSearchError
from volano.evals.searcher import Searcher
from volano.jobs.keeper import Runs
from volano.models.compression.forms import UnknownFormError

making = lazily("volano.models.making")


@pytest.fixture
def desk(desk):
    folder = desk.folder
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    desk.searcher = Searcher(desk.runs, desk.models, desk.datasets, desk.catalog, folder / "tools")
    desk.datasets.add("tickets", tickets.generate(1, 200), test=tickets.generate(2, 20), by=ANNA)
    yield desk
    desk.runs.close()


def small(desk):
    """A model that has learned enough to be sure of its answers: 8 bits do not turn them."""
    rows = desk.folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in tickets.generate(1, 200)))
    made = desk.folder / "made"
    making.make(
        {"mode": "scratch", "rows": rows, "recipe": {"steps": 300, "seed": 0}},
        folder=made, checkpoint=desk.folder / "ck", progress=lambda *_, **__: None,
    )  # fmt: skip
    return desk.models.import_trained("router", made, by=ANNA)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_search_makes_the_winner_a_model_and_keeps_all_it_measured(desk):
    parent = small(desk)
    desk.runs.launch()
    run = desk.searcher.search(
        parent.ref, data="tickets", target="agreement>=90%, smallest", name="tiny", trials=4,
        forms=["q8_0", "q4_0"], prune=["0", "0.3"], recovery=[1], by=ANNA,
    )  # fmt: skip
    done = desk.runs.wait(run.id, 240)
    assert done.state == "done", done.error
    choice = desk.evals.choice(done.outputs["report"])
    assert choice.candidates[0].name == choice.beside == parent.ref
    cut = {f"{form} less 30 % of weights, 1 steps" for form in ("q8_0", "q4_0")}
    tried = {one.name for one in choice.candidates}
    assert tried == {parent.ref, "q8_0", "q4_0"} | cut
    assert choice.winner in tried - {parent.ref}
    chosen = choice.candidate(choice.winner)
    assert {"size", "score", "speed", "memory", "agreement", "flips"} <= chosen.values.keys()
    assert choice.proof["n"] == 20
    assert any("no split `dev`" in note for note in choice.notes)
    model = desk.models.get(done.outputs["ref"])
    assert model.ref == "tiny@1"
    assert model.manifest.meta["parity"]["passed"] and "warnings" not in done.outputs
    assert done.outputs["outcome"] == choice.outcome == "passed"
    assert [*(desk.folder / "jobs" / run.id).glob("*.jsonl")] == [], "no rows are left behind"
    assert [*(desk.folder / "jobs" / run.id / "search").rglob("*.safetensors")] == []
    assert [p.digest for p in model.manifest.parents if p.role == "parent"] == [parent.digest]
    assert model.manifest.files["model.gguf"].size == pytest.approx(chosen.values["size"], rel=0.01)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"target": "sise<=1KB"}, BadTargetError),
        ({"forms": ["q1"]}, UnknownFormError),
        ({"prune": ["2"]}, NothingToSearchError),
        ({"recovery": ["many"]}, NothingToSearchError),
        ({"trials": 1}, BadTrialsError),
        ({"target": "cost<=1, cheapest"}, BadTargetError),
    ],
)
def test_what_cannot_be_starts_nothing(desk, given, error):
    asked = {"data": "tickets", "target": "smallest", "name": "tiny", **given}
    with pytest.raises(error):
        desk.searcher.search("router", **asked, by=ANNA)
    assert desk.runs.list() == []
