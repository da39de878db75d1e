"""The search as a durable Run, over a provider behind HTTP that counts its calls."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from importlib.util import find_spec

import pytest

from simulators.prompted import Coded, Deaf, Provider, Writer, rows
from support.improving import fill, furnish
from support.workspace import ANNA
from volano.core.errors import VolanoError
from volano.costs.price import Price, Rates
from volano.evals.errors import BadConcurrencyError, UnknownCandidateError
from volano.evals.wording.errors import (
    BadBudgetError,
    BadJudgeRowsError,
    BadScaleError,
    NoClusterError,
    NoReflectionError,
    TooFewRowsError,
    TooSmallBudgetError,
    UnpricedError,
)
from volano.store.errors import UnknownArtifactError
from volano.web.pages.choices import picture

PRICES = {"coded@1": Price(Rates(10**9, 10**9), context=8192)}
ASK = {"data": "mail", "model": "coded", "budget_calls": 900}


@pytest.fixture
def provider():
    made = Provider({"coded": Coded(), "deaf": Deaf(seed=3), "writer": Writer()})
    yield made
    made.close()


@pytest.fixture
def desk(desk, provider):
    desk.secrets = []
    furnish(desk, lambda _target, model: PRICES.get(f"{model}@1"), held=lambda: desk.secrets)
    fill(desk, provider.url, rows(160), rows(60, 1, start=900))
    yield desk
    desk.runs.close()


KEY = "sk-echo-0123456789-abcdef"


class Leaks:
    """Ends what another mind says with the key that it was asked with."""

    def __init__(self, mind):
        self.mind = mind

    def __call__(self, messages, **settings):
        got = self.mind(messages, **settings)
        fence = "\n```" if got.text.endswith("```") else ""
        return replace(got, text=f"{got.text.removesuffix(fence)}\nkey {KEY}{fence}")


def improved(desk, **given):
    if not desk.runs.launched:
        desk.runs.launch()
    run = desk.improver.improve("sort", by=ANNA, **{**ASK, "trials": 6, **given})
    return desk.runs.wait(run.id, 100)


def test_a_better_wording_becomes_the_next_version_with_parents_why_and_a_report(desk, provider):
    done = improved(desk)
    assert done.state == "done", done.error
    assert done.outputs["ref"] == "sort@2"
    made = desk.prompts.get("sort@2")
    assert made.labels == ()
    roles = {parent.role: parent.digest for parent in made.manifest.parents}
    assert roles == {
        "parent": desk.prompts.get("sort@1").digest,
        "dataset": desk.datasets.get("mail").digest,
    }
    searched = made.manifest.meta["searched"]
    assert (searched["from"], searched["method"], searched["seed"]) == ("sort@1", "few-shot", 0)
    assert searched["scores"]["better"]
    assert searched["calls"] == provider.total <= 900
    assert done.outputs["verdict"] == made.manifest.meta["why"]
    assert made.manifest.meta["why"].startswith("Take sort, the new version: it is better than")
    table = desk.evals.table(done.outputs["report"])
    assert table["markdown"].count("\n| ") == 7 + 1
    choice = desk.evals.choice(done.outputs["report"])
    assert choice.proof["split"] == "test"
    assert choice.proof["n"] == 60
    assert all(one.values["cost"] > 0 for one in choice.candidates)
    assert "Tokens of one" in table["markdown"]
    assert (
        table["settings"][choice.winner]["prompt"]["before"][0]["content"] == "Answer with a code."
    )
    assert "<svg" in picture(choice)
    report = desk.evals.get(done.outputs["report"])
    assert [p.role for p in report.manifest.parents] == ["subject", "winner", "dataset"]
    assert desk.prompts.read(made).render("доставка")[-1]["content"] == "доставка"


def test_where_nothing_is_proven_no_version_is_made_and_the_report_says_so(desk):
    done = improved(desk, model="deaf")
    assert done.state == "done", done.error
    assert "ref" not in done.outputs
    assert len(desk.prompts.list()) == 1
    choice = desk.evals.choice(done.outputs["report"])
    assert choice.winner == "sort@1"
    assert "sort@1 stays" in choice.verdict or choice.verdict.startswith("Keep sort@1")


def test_the_new_words_may_have_a_name_of_their_own_and_be_written_by_a_model(desk, provider):
    done = improved(desk, method="rewrite", reflect="writer", name="sort-by-rule", trials=4)
    assert done.outputs["ref"] == "sort-by-rule@1"
    assert "means" in desk.prompts.fetch("sort-by-rule@1").before[0]["content"]
    assert desk.prompts.get("sort-by-rule@1").manifest.meta["searched"]["calls"] == provider.total


@pytest.mark.skipif(find_spec("gepa") is None, reason="the extra `prompts` is not installed")
def test_gepa_is_a_run_like_the_others(desk, provider):
    done = improved(desk, method="gepa", reflect="writer", trials=3)
    assert done.state == "done", done.error
    assert done.outputs["ref"] == "sort@2"
    assert desk.prompts.get("sort@2").manifest.meta["searched"]["calls"] == provider.total <= 900


def test_money_is_a_limit_too_and_is_told(desk):
    whole = improved(desk)
    assert whole.outputs["ref"]
    done = improved(desk, budget_money="0.012", name="cheap")
    assert done.state == "done", done.error
    choice = desk.evals.choice(done.outputs["report"])
    told = " ".join(choice.notes)
    assert "of 0.012 USD are spent" in told
    spent = float(told.partition(", for ")[2].partition(" USD")[0])
    assert 0 < spent <= 0.012


def test_a_run_that_failed_goes_on_with_the_call_where_it_stopped(desk, provider):
    coded, left = Coded(), [150]

    def broken(messages, **settings):
        left[0] -= 1
        if left[0] < 0:
            raise OSError("gone")
        return coded(messages, **settings)

    provider.minds["coded"] = broken
    run_id = _failing(desk)
    asked = set(provider.counts)
    provider.minds["coded"] = coded
    desk.runs.retry(run_id, by=ANNA)
    done = desk.runs.wait(run_id, 100)
    assert done.state == "done", done.error
    assert done.outputs["ref"] == "sort@2"
    again = [key for key in asked if provider.counts[key] > 1]
    assert len(again) <= 3 * 4  # those in flight, each tried three times
    assert provider.total <= 900


def _failing(desk):
    from volano.evals.wording import asking

    pauses, asking.PAUSES_S = asking.PAUSES_S, (0.0, 0.0)
    try:
        done = improved(desk)
    finally:
        asking.PAUSES_S = pauses
    assert done.state == "failed"
    return done.id


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"data": "nothing"}, UnknownArtifactError),
        ({"model": "nobody"}, UnknownCandidateError),
        ({"reflect": "nobody"}, UnknownCandidateError),
        ({"method": "magic"}, VolanoError),
        ({"method": "rewrite"}, NoReflectionError),
        ({"scorers": ["beauty"]}, VolanoError),
        ({"scorers": ["length"]}, BadScaleError),
        ({"scorers": ["refusal", "exact_match"]}, BadScaleError),
        ({"budget_calls": 120}, TooSmallBudgetError),
        ({"budget_money": "much"}, BadBudgetError),
        ({"budget_money": "1", "model": "deaf"}, UnpricedError),
        ({"at_once": 0}, BadConcurrencyError),
        ({"judge_rows": 10}, BadJudgeRowsError),
        ({"cluster": "user"}, NoClusterError),
        ({"data": "few"}, TooFewRowsError),
    ],
)
def test_what_cannot_be_starts_nothing_and_asks_nobody(desk, provider, given, error):
    desk.datasets.add("few", rows(30), test=rows(20, 1, start=900), by=ANNA)
    with pytest.raises(error):
        desk.improver.improve("sort", by=ANNA, **{**ASK, **given})
    assert desk.runs.list() == []
    assert provider.total == 0


@pytest.mark.slow
def test_killed_again_and_again_no_call_is_made_twice_but_those_in_flight(tmp_path):
    provider = Provider({"coded": Coded(), "writer": Writer()}, delay_s=0.01)
    dice = random.Random(3)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "support.improving", str(tmp_path), provider.url]
    kills = 0
    try:
        for attempt in range(20):
            goal = provider.total + dice.randint(20, 90) if kills < 4 else 10**9
            child = subprocess.Popen(
                [*command, *(["start"] if attempt == 0 else [])], env=env,
                stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            until = time.monotonic() + 100
            while child.poll() is None and provider.total < goal and time.monotonic() < until:
                time.sleep(0.002)
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
                kills += 1
            said = child.communicate()[0]
            if "done" in said:
                break
    finally:
        provider.close()
    assert "done" in said
    assert kills >= 3
    extra = sum(count - 1 for count in provider.counts.values())
    assert extra <= 4 * kills
    assert provider.total <= 600


def test_a_key_that_a_server_repeats_is_in_no_wording_and_no_report(desk, provider):
    desk.secrets, provider.minds["writer"] = [KEY], Leaks(Writer(nonsense=0))
    done = improved(desk, method="rewrite", reflect="writer")
    assert done.state == "done", done.error
    assert "key ***" in str(desk.evals.table(done.outputs["report"])["settings"])
    assert "key ***" in str(desk.prompts.read(desk.prompts.get("sort@2")).before)
    for path in desk.folder.rglob("*"):
        assert not path.is_file() or KEY[:14].encode() not in path.read_bytes(), path
