"""Advice as a durable Run, over a server that speaks chat completions."""

import json

import pytest

from simulators.upstream import Upstream
from support.workspace import ANNA
from volano.core.errors import NotFoundError, UnavailableError
from volano.costs.price import Price, Rates
from volano.data import Datasets
from volano.evals import Evals
from volano.evals.advise import Adviser
from volano.evals.candidates import Candidates
from volano.evals.errors import (
    BadTargetError,
    IsAChoiceError,
    NoCandidateError,
    NotAChoiceError,
    UnknownCandidateError,
)
from volano.evals.examine import Examiner
from volano.evals.spent import measured
from volano.jobs.keeper import Runs

HEARD = "Hello wörld 你好 🎡."
ROWS = [{"text": f"{n}. вопрос", "label": HEARD if n % 4 else "other"} for n in range(12)]
PRICES = {"cheap": Price(Rates(10**9, 10**9)), "dear": Price(Rates(10**10, 10**10))}


@pytest.fixture(scope="module")
def upstream():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def desk(desk, upstream):
    folder = desk.folder
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    examiner = Examiner(desk.runs, desk.evals, desk.datasets, desk.flows, desk.models)

    def look_up(name):
        if name != "openai":
            raise NotFoundError(name)

    desk.candidates = Candidates(desk.models, desk.flows, desk.prompts, look_up)
    desk.adviser = Adviser(
        desk.runs, desk.catalog, desk.evals, desk.datasets, desk.candidates, examiner,
        lambda _target, model: PRICES.get({"ok": "dear", "slow": "cheap"}.get(model, "")),
    )  # fmt: skip
    desk.datasets.add("tickets", ROWS[4:], test=ROWS[:4], by=ANNA)
    for name, act in (("good", "ok"), ("other", "slow"), ("broken", "status-503")):
        desk.models.add_pointer(name, url=upstream.url + "/v1", model=act, by=ANNA)
    desk.prompts.save("ask", template="Q: {{input}}", by=ANNA)
    desk.flows.compose("support", model="good", prompt="ask", by=ANNA)
    upstream.seen.clear()
    yield desk
    desk.runs.close()


def advised(desk, **given):
    desk.runs.launch()
    run = desk.adviser.advise(data="tickets", by=ANNA, **given)
    return desk.runs.wait(run.id, 60)


def test_candidates_are_asked_the_same_rows_and_the_cheapest_as_good_is_recommended(desk, upstream):
    done = advised(desk, candidates=["good@1, other@1,support@1"], target="score>=98%, cheapest")
    assert done.state == "done", done.error
    choice = desk.evals.choice(done.outputs["ref"])
    assert [one.name for one in choice.candidates] == ["good@1", "other@1", "support@1"]
    assert len({one.values["score"] for one in choice.candidates}) == 1
    assert choice.winner == "other@1"
    assert "costs a tenth" in choice.verdict
    assert "with 95 % confidence" in choice.verdict
    assert done.outputs["verdict"] == choice.verdict
    assert done.outputs["outcome"] == "passed"
    assert {"latency", "p95", "cost", "speed"} <= choice.candidates[0].values.keys()
    asked = [body["messages"][-1]["content"] for _, body in upstream.seen]
    assert sorted(asked) == sorted(
        [row["text"] for row in ROWS[:4]] * 2 + [f"Q: {row['text']}" for row in ROWS[:4]]
    )
    assert desk.evals.report(choice.candidates[1].report).n == 4


def test_where_nothing_keeps_the_target_the_run_says_so(desk):
    done = advised(desk, candidates=["good", "other"], target="score>=50%, latency<=0.0001ms, best")
    assert (done.state, done.outputs["outcome"]) == ("done", "stopped")
    assert done.outputs["verdict"].startswith("Nothing keeps the target.")


def test_the_advice_is_a_report_with_its_table_and_its_parents(desk):
    done = advised(desk, candidates=["good", "other"], name="which")
    report = desk.evals.get(done.outputs["ref"])
    assert report.ref == "which@1"
    roles = [parent.role for parent in report.manifest.parents]
    assert roles == ["candidate", "candidate", "dataset"]
    table = desk.evals.table("which@1")
    assert table["markdown"].count("\n| ") == 2 + 1
    assert json.loads(desk.catalog.read(report, "choice.json"))["winner"] == table["winner"]
    with pytest.raises(IsAChoiceError):
        desk.evals.report("which@1")
    with pytest.raises(NotAChoiceError):
        desk.evals.table(desk.evals.choice("which@1").candidates[0].report)


def test_a_candidate_that_cannot_be_asked_is_told_and_the_others_compared(desk):
    done = advised(desk, candidates=["good", "broken", "other"])
    choice = desk.evals.choice(done.outputs["ref"])
    assert "503" in choice.candidate("broken").error
    assert choice.winner in {"good", "other"}


def test_a_candidate_without_one_answer_is_told_and_has_no_score(desk, upstream):
    desk.models.add_pointer("refuses", url=upstream.url + "/v1", model="status-400", by=ANNA)
    done = advised(desk, candidates=["refuses", "good", "other"])
    choice = desk.evals.choice(done.outputs["ref"])
    assert choice.candidate("refuses").error == "none of its answers has a score"
    assert choice.candidate("good").values["score"] == 0.75


def test_when_no_candidate_can_be_asked_the_run_fails_and_says_why(desk, upstream):
    desk.models.add_pointer("worse", url=upstream.url + "/v1", model="status-500", by=ANNA)
    done = advised(desk, candidates=["broken", "worse"])
    assert done.state == "failed"
    assert "no candidate could be asked" in done.error.message


def unserved(desk, name):
    meta = {"format": "safetensors"}
    return desk.catalog.record("model", name, files={"model.safetensors": b"x"}, meta=meta, by=ANNA)


def test_a_model_that_no_engine_takes_is_asked_as_a_form_that_is_made_of_it(desk):
    plain = unserved(desk, "plain")
    asked = []

    def convert(work, ref, *, name, step):
        asked.append((ref, name, step))
        work.step(f"{step}-find", lambda: None)
        return "other@1"

    desk.adviser._convert = convert
    done = advised(desk, candidates=["good", "plain"])
    choice = desk.evals.choice(done.outputs["ref"])
    assert asked == [(plain.ref, "plain", "form-1")]
    assert choice.candidate("plain").values["score"] == 0.75
    assert "plain was asked as other@1" in " ".join(choice.notes)


def test_a_model_that_no_engine_takes_and_nothing_becomes_of_is_named_with_the_reason(desk):
    unserved(desk, "plain")

    def convert(work, ref, *, name, step):
        raise UnavailableError("It cannot become GGUF.")

    desk.adviser._convert = convert
    done = advised(desk, candidates=["good", "plain", "other"])
    error = desk.evals.choice(done.outputs["ref"]).candidate("plain").error
    assert "neither is here" in error
    assert error.endswith("It cannot become GGUF.")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"candidates": ["good"]}, NoCandidateError),
        ({"candidates": ["good,good@1"]}, NoCandidateError),
        ({"candidates": ["good", "nobody"]}, UnknownCandidateError),
        ({"candidates": ["good", "nowhere:gpt"]}, UnknownCandidateError),
        ({"candidates": ["good", "other"], "target": "sise<=1KB"}, BadTargetError),
    ],
)
def test_what_cannot_be_starts_nothing(desk, given, error):
    with pytest.raises(error):
        desk.adviser.advise(data="tickets", by=ANNA, **given)
    assert desk.runs.list() == []


def test_names_are_targets_models_then_flows(desk):
    kinds = {
        one.name: one.kind for one in desk.candidates.read(["openai:gpt-5,good,support,other@1"])
    }
    assert kinds == {
        "openai:gpt-5": "target",
        "good": "model",
        "support": "flow",
        "other@1": "model",
    }


def test_times_tokens_and_money_of_answers():
    answers = [
        {"latency_us": n * 1000, "prompt_tokens": 10, "completion_tokens": 5} for n in range(1, 101)
    ]
    values, currency = measured(answers, PRICES["cheap"], at_once=4, own=True)
    assert (values["latency"], values["p95"]) == (50, 95)
    assert values["busy"] == pytest.approx(5.050 / 4 / 100)
    assert values["speed"] == pytest.approx(500 / 5.05)
    assert values["cost"] == pytest.approx(15 * 1e-6 * 1000)
    assert currency == "USD"


def test_a_cost_is_not_known_without_price_or_tokens():
    answers = [{"latency_us": 1, "prompt_tokens": None, "completion_tokens": None}]
    assert "cost" not in measured(answers, PRICES["cheap"], at_once=1, own=False)[0]
    assert measured([], None, at_once=1, own=True) == ({}, "")
