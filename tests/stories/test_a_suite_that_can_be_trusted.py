"""A suite asks a flow of ours and a provider that fails; it is killed, goes on, and its exit code tells."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from simulators.counting import Counting
from volano.cli.demo.platform import Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]
pytest.importorskip("torch", reason="training needs the [train] extra")
pytest.importorskip("xllamacpp", reason="its engine is not installed")

ROWS, AT_ONCE, ENOUGH = 400, 4, 60
OVER = ("done", "failed", "cancelled")
LABELS = ("Versand", "возврат", "发票")
SUITE = """
data: questions@1
scorers:
  - exact_match
  - length
  - python: checks.py:{third}
limits: {{concurrency: 4, tries: 2}}
settings: {{max_tokens: 8}}
gates: ["exact_match {gate}"]
"""
CHECKS = """
def short(answer, label):
    return len(answer) < 100

def broken(answer, label):
    raise ValueError("kaputt")
"""


def volano(home, *words):
    command = [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def told(home, *words):
    done = volano(home, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def home(tmp_path):
    (tmp_path / "checks.py").write_text(CHECKS)
    suites = {"good": ("short", ">= 0"), "high": ("short", ">= 1.1"), "odd": ("broken", ">= 0")}
    for name, (third, gate) in suites.items():
        (tmp_path / f"{name}.yaml").write_text(SUITE.format(third=third, gate=gate))
    rows = [{"text": f"{n}. kérdés", "label": LABELS[n % 3]} for n in range(ROWS + 60)]
    for name, some in (("train", rows[ROWS:]), ("test", rows[:ROWS]), ("few", rows[:8])):
        lines = "\n".join(json.dumps(row) for row in some)
        (tmp_path / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return tmp_path


@pytest.fixture
def provider():
    """Is empty on every tenth row, and refuses one in fifty."""

    def say(text):
        number = int(text.split(".")[0])
        if number % 50 == 7:
            return 400, "zu lang"
        return 200, "" if number % 10 == 3 else LABELS[number % 3]

    made = Counting(0.05, say)
    yield made
    made.stop()


def test_a_suite_of_a_flow_ends_with_0_a_gate_with_3_and_a_broken_scorer_with_1(home):
    work = home / "work"
    with Platform(work) as p:
        test = {"path": str(home / "train.jsonl"), "test": str(home / "few.jsonl")}
        p.say("POST", "/datasets/questions/add", **test)
        p.run("/models/little/train", data="questions", steps=80)
        prompt = p.say("POST", "/prompts/little/save", **p.say("GET", "/models/little@1/wording"))
        p.say("POST", "/flows/asked/compose", model="little", prompt=prompt["ref"])
        codes = {}
        for name in ("good", "high", "odd"):
            done = volano(work, "eval", "run", str(home / f"{name}.yaml"), "--on", "asked")
            codes[name] = done.returncode
        assert codes == {"good": 0, "high": 3, "odd": 1}
        good = told(work, "eval", "show", "asked-on-good@1")["meta"]
        assert {score["name"] for score in good["scores"]} >= {"exact_match", "short"}
        for report in ("asked-on-good@1", "asked-on-high@1"):
            p.say("POST", "/releases/asked/cut", flow="asked@1", reports=[report])
        only = ("--only", "suites", "--against")
        fit = volano(work, "release", "check", "asked@1", *only, "asked@2")
        unfit = volano(work, "release", "check", "asked@2", *only, "asked@1")
        assert (fit.returncode, unfit.returncode) == (0, 3), (fit.stdout, unfit.stdout)
        assert "high@1 says no (asked-on-high@1)" in unfit.stdout
        odd = told(work, "eval", "show", "asked-on-odd@1")["meta"]
        assert "broken" not in {score["name"] for score in odd["scores"]}
        assert "kaputt" in odd["why"]


def test_a_suite_that_is_killed_goes_on_and_counts_every_state(home, provider):
    work, on = home / "work", f"{provider.url}/v1#m"
    platform = Platform(work)
    with platform as p:
        test = {"path": str(home / "train.jsonl"), "test": str(home / "test.jsonl")}
        p.say("POST", "/datasets/questions/add", **test)
        volano(work, "eval", "run", str(home / "good.yaml"), "--on", on, "--detach")
        while sum(provider.asked.values()) < ENOUGH:
            time.sleep(0.01)
        for pid in (p._process.pid, *p.processes().values()):
            os.kill(pid, signal.SIGKILL)
        p._process.wait()
    (work / "up.log").unlink()
    with platform as p:
        run = p.say("GET", "/runs")[0]
        while (run := p.say("GET", f"/runs/{run['id']}"))["state"] not in OVER:
            time.sleep(0.2)
        assert run["state"] == "done", run
        out = run["outputs"]
        assert out["outcome"] == "passed", out["why"]
        assert out["states"] == {"answered": 352, "empty": 40, "refused": 0, "cut": 0, "error": 8}
        assert len(provider.asked) == ROWS
        assert sum(provider.asked.values()) - ROWS <= AT_ONCE
        score = told(work, "eval", "show", out["ref"])["meta"]["scores"][0]
        assert (score["name"], score["n"]) == ("exact_match", ROWS - 8)
        assert score["value"] == pytest.approx(352 / 392)
