"""Checking a release as a Run: contracts, recorded requests asked of both, reports, what is kept."""

import json
import sqlite3

import pytest

from simulators.prompted import Provider
from support.workspace import ANNA, Street
from volano.core.ports.chat import Answer
from volano.costs.price import Price, Rates
from volano.data.keeper import Datasets
from volano.evals.examine import Examiner
from volano.evals.keeper import Evals
from volano.gateway.rehearsals import Rehearsals
from volano.gateway.snapshot import Flow
from volano.jobs import Runs
from volano.releases.check import ReleaseChecks
from volano.releases.errors import BadCheckError, UncheckedError, UnknownChannelError

TEAM = {
    "type": "object",
    "properties": {"team": {"enum": ["számla", "доставка"]}},
    "required": ["team"],
}
WIDER = {"type": "object", "properties": {"team": {"type": "string"}}, "required": ["team"]}


def sorts(messages, **_):
    """Answers in the form; with `Prose` in the prompt it does not."""
    text = messages[-1]["content"]
    said = "It is a bill." if "Prose" in text else '{"team": "számla"}'
    return Answer(said, "stop", len(text), 5)


@pytest.fixture
def desk(desk):
    folder = desk.folder
    desk.provider = Provider({"small": sorts})
    desk.street = Street(desk)
    desk.datasets = Datasets(desk.catalog)
    desk.evals = Evals(desk.catalog, desk.datasets)
    desk.runs = Runs(
        desk.db, desk.ledger, folder / "jobs", desk.clock,
        jobs_url=f"sqlite:///{folder}/jobs.db", poll_s=0.02,
    )  # fmt: skip
    desk.examiner = Examiner(desk.runs, desk.evals, desk.datasets, desk.flows, desk.models)
    desk.model = desk.models.add_pointer(
        "small", url=f"{desk.provider.url}/v1", model="small", by=ANNA
    )

    def compiled(release):
        return desk.flows.compile(desk.releases.flow_of(release))

    def flow_of(release):
        raw = compiled(release).to_dict()
        return Flow(
            tuple(raw["before"]), tuple(raw["user"]) if raw["user"] else None, raw["defaults"]
        )

    rehearsals = Rehearsals(
        flow_of=flow_of, model_of=lambda release: compiled(release).model, chat=desk.examiner.chat
    )
    desk.price = Price(Rates(1_000_000_000, 1_000_000_000))
    desk.window, desk.suites = 4096, {}
    desk.checks = ReleaseChecks(
        runs=desk.runs, catalog=desk.catalog, releases=desk.releases, flows=desk.flows,
        evals=desk.evals, datasets=desk.datasets, traces=desk.street.traces, demands=desk.demands,
        clock=desk.clock, open_=rehearsals.open, price_of=lambda model: desk.price,
        window_of=lambda model: desk.window, suite=lambda ref: desk.suites[ref],
    )  # fmt: skip
    desk.runs.launch()
    yield desk
    desk.runs.close()
    desk.street.close()
    desk.provider.close()


def cut(desk, template, schema=TEAM, reports=()):
    prompt = desk.prompts.save("support", template=template, schema=schema, by=ANNA)
    flow = desk.flows.compose("support", model=desk.model.ref, prompt=prompt.ref, by=ANNA)
    return desk.releases.cut("support", flow=flow.ref, reports=reports, by=ANNA)


def serve(desk, template="Sort: {{input}}", calls=24):
    """A release that serves, and the requests that people made of it."""
    release = cut(desk, template)
    rollout = desk.releases.promote(release.ref, channel="support", plan="100%", by=ANNA)
    desk.releases.end(rollout, "arrived", {"reason": "first"}, by=ANNA)
    for n in range(calls):
        body = {"model": "support", "messages": [{"role": "user", "content": f"Hol van? 订单 {n}"}]}
        answer = {
            "choices": [{"message": {"content": "x"}}],
            "usage": {"prompt_tokens": 20, "completion_tokens": 5},
        }
        desk.street.call(
            "support", "stable", door="openai.chat", request=json.dumps(body).encode(),
            response=json.dumps(answer).encode(), status=200,
        )  # fmt: skip
    desk.street.tick()
    return release


def check(desk, release, **more):
    run = desk.checks.check(release.ref, **{"channel": "support", **more}, by=ANNA)
    done = desk.runs.wait(run.id, 60)
    assert done.state == "done", done.error
    return done.outputs, {one["gate"]: one for one in done.outputs["gates"]}


def test_a_release_that_breaks_nobody_passes_what_can_be_measured(desk):
    serve(desk)
    out, gates = check(desk, cut(desk, "Sort well: {{input}}"), latency=1000.0)
    found = {name: one["found"] for name, one in gates.items()}
    assert found == {
        "suites": "unmeasured", "schema": "pass", "variables": "pass", "flips": "unmeasured", "replay": "pass",
        "context": "pass", "envelope": "pass",
    }  # fmt: skip
    assert (out["outcome"], out["against"]) == ("unmeasured", "support@1")
    assert gates["replay"]["evidence"]["asked"] == 24
    assert gates["envelope"]["evidence"]["cost"]["ratio"] > 1
    assert desk.provider.total == 48


def test_a_wider_form_is_refused_and_prose_is_seen(desk):
    serve(desk)
    out, gates = check(desk, cut(desk, "Prose: {{input}}", WIDER), only=["schema", "replay"])
    assert out["outcome"] == "stopped"
    assert "$.team was one of" in gates["schema"]["why"]
    assert gates["replay"]["evidence"]["schema"] == 24
    assert gates["replay"]["evidence"]["traces"][0]["why"] == "it is no JSON"


def test_contracts_alone_ask_nobody(desk):
    serve(desk)
    out, gates = check(desk, cut(desk, "B {{input}}"), only=["schema", "variables"])
    assert (out["outcome"], set(gates)) == ("passed", {"schema", "variables"})
    assert desk.provider.total == 0


def test_a_demand_is_met_by_a_check_for_the_channel(desk):
    serve(desk)
    desk.clock.advance(1)
    desk.demands.require("support", require=["schema", "variables", "replay"], by=ANNA)
    bad, good = cut(desk, "Sort: {{input}}", WIDER), cut(desk, "Sort it: {{input}}")
    for one in (bad, good):
        check(desk, one)
    with pytest.raises(UncheckedError, match=r"\$\.team was one of"):
        desk.releases.promote(bad.ref, channel="support", by=ANNA)
    assert desk.releases.promote(good.ref, channel="support", by=ANNA).state == "warming"
    kept = desk.demands.checks(release=bad.ref)
    assert [(one.outcome, one.baseline_ref, one.channel) for one in kept] == [
        ("stopped", "support@1", "support")
    ]


def test_a_check_against_a_release_alone_meets_no_demand(desk):
    old = serve(desk)
    desk.demands.require("support", require=["schema"], by=ANNA)
    release = cut(desk, "B {{input}}")
    out, _ = check(desk, release, channel=None, against=old.ref)
    assert out["channel"] == ""
    with pytest.raises(UncheckedError):
        desk.releases.promote(release.ref, channel="support", by=ANNA)


def test_a_channel_with_a_demand_has_its_own_limits(desk):
    serve(desk)
    desk.demands.require("support", require=["schema"], by=ANNA)
    with pytest.raises(BadCheckError, match="limits of its own"):
        desk.checks.check(cut(desk, "B {{input}}").ref, channel="support", failures=99, by=ANNA)


def test_money_without_a_price_is_not_spent(desk):
    serve(desk)
    desk.price = None
    _, gates = check(desk, cut(desk, "B {{input}}"), budget=1.0, only=["replay", "envelope"])
    assert "so that no budget can be held" in gates["replay"]["why"]
    assert desk.provider.total == 0


def test_a_budget_bounds_what_is_asked(desk):
    serve(desk)
    _, gates = check(desk, cut(desk, "B {{input}}"), budget=0.0005, only=["replay"])
    evidence = gates["replay"]["evidence"]
    assert 0 < evidence["asked"] < 24
    assert evidence["recorded"] == 24


def test_a_release_that_cannot_be_asked_is_unmeasured(desk):
    serve(desk)
    desk.model = desk.models.add_pointer(
        "far", url="https://far.example/v1", model="x", key_env="NOT_SET_HERE", by=ANNA
    )
    _, gates = check(desk, cut(desk, "B {{input}}"), only=["replay"])
    assert gates["replay"]["found"] == "unmeasured"
    assert "NOT_SET_HERE" in gates["replay"]["why"]


def test_without_recorded_requests_nothing_is_known(desk):
    serve(desk, calls=0)
    out, gates = check(desk, cut(desk, "B {{input}}"), only=["replay", "context", "envelope"])
    assert out["outcome"] == "unmeasured"
    assert {one["found"] for one in gates.values()} == {"unmeasured"}


def test_replays_and_cached_answers_are_not_asked_again(desk):
    serve(desk, calls=2)
    body = json.dumps({"model": "support", "messages": [{"role": "user", "content": "x"}]}).encode()
    for tag in ({"replay": "1"}, {"cache": "hit"}):
        desk.street.call("support", "stable", door="openai.chat", request=body, tags=tag)
    desk.street.tick()
    _, gates = check(desk, cut(desk, "B {{input}}"), only=["replay"], least=2)
    assert gates["replay"]["evidence"]["asked"] == 2


def test_rows_that_a_dataset_marks_may_not_fall(desk):
    rows = [
        {"text": f"q {n}", "label": "number" if n else "x", "critical": n == 3} for n in range(8)
    ]
    desk.datasets.write("tickets", (("test", row) for row in rows), meta={}, by=ANNA)
    old, new = (_report(desk, template, release) for template, release in (("A", 0), ("B", 3)))
    serve(desk, calls=0)
    first = desk.releases.cut("support", flow=old[0].ref, reports=[old[1].ref], by=ANNA)
    second = desk.releases.cut("support", flow=new[0].ref, reports=[new[1].ref], by=ANNA)
    _, gates = check(desk, second, channel=None, against=first.ref, only=["flips"])
    assert gates["flips"]["found"] == "fail", gates
    assert gates["flips"]["evidence"]["critical_fell"] == 1


def _report(desk, template, wrong):
    """A flow and a report on it: right on every row but the one that is `wrong`."""
    prompt = desk.prompts.save("support", template=f"{template} {{{{input}}}}", by=ANNA)
    flow = desk.flows.compose("support", model=desk.model.ref, prompt=prompt.ref, by=ANNA)

    def chat(messages, **_):
        text = messages[-1]["content"]
        return Answer("?" if text.endswith(f" {wrong}") else "number", "stop", 3, 1)

    report = desk.evals.evaluate(
        "tickets", chat=chat, subject=flow, render=lambda text: [{"role": "user", "content": text}],
        journal=desk.folder / f"{template}.jsonl", by=ANNA, name=f"report-{template.lower()}",
    )  # fmt: skip
    return flow, report


def test_what_cannot_be_compared_is_refused(desk):
    release = serve(desk, calls=0)
    for wrong in ({}, {"channel": "support"}, {"against": release.ref}):
        with pytest.raises(BadCheckError):
            desk.checks.check(release.ref, **wrong, by=ANNA)
    with pytest.raises(UnknownChannelError):
        desk.checks.check(release.ref, channel="supprot", by=ANNA)
    for wrong in (
        {"requests": 0},
        {"budget": 0.0},
        {"budget": float("nan")},
        {"budget": float("inf")},
        {"only": ["x"]},
        {"cost": -1.0},
    ):
        with pytest.raises(BadCheckError):
            desk.checks.check(cut(desk, "B {{input}}").ref, channel="support", **wrong, by=ANNA)


def test_what_both_said_is_gone_once_it_is_judged(desk):
    """A refusal is told by how it begins: it stands in the verdict, and in no journal of the jobs."""
    said = "I can't help with that, Kovács Jánosné 4111-1111"
    desk.provider.minds["small"] = lambda messages, **_: Answer(said, "stop", 9, 9)
    serve(desk)
    _, gates = check(desk, cut(desk, "Sort well: {{input}}"), only=["replay"])
    assert gates["replay"]["evidence"]["asked"] == 24
    folder = desk.folder / "jobs"
    left = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path.name for path in left if said[:20].encode() in path.read_bytes()]
    assert not [
        path for path in left if path.suffix in (".json", ".jsonl") and "progress" not in path.name
    ]
    with sqlite3.connect(desk.folder / "jobs.db") as db:
        values = [
            str(row)
            for row in db.execute(
                "SELECT output FROM operation_outputs WHERE function_name = 'ask'"
            )
        ]
    assert len(values) == 1
    assert said[:20] not in values[0]
    assert "user" not in values[0]
