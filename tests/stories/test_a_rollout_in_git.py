"""A rollout lives in a repository: applied once however often, for some users, beside a cohort."""

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from simulators.upstream import Upstream
from volano.cli.demo.platform import Platform

openai = pytest.importorskip("openai", reason="the story asks through the official openai client")
pytestmark = pytest.mark.slow

FIRST = """kind: Rollout
name: bolt
release: bolt@1
"""
SECOND = """kind: Rollout
name: bolt
release: bolt@2
unit: user
scope: {languages: [hu]}
steps:
  - canary: 40%
    cohort: true
  - canary: 50%
    at_least: 1h
  - 100%
gates: {errors: {margin: 0.3}}
min_units: 20
"""


@pytest.fixture
def upstream():
    provider = Upstream()
    yield provider
    provider.stop()


def say(home: Path, *words: str, ends: int = 0, stdin: str = "") -> str:
    """Say a sentence as a person does; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "volano.cli.main", "--home", str(home), *words],
        input=stdin, capture_output=True, text=True, timeout=120, check=False,
        cwd=home.parent / "repository",
    )  # fmt: skip
    assert done.returncode == ends, done.stdout + done.stderr
    return done.stdout


def test_a_rollout_in_git(tmp_path, upstream):
    home, file = tmp_path / "work", tmp_path / "repository" / "rollouts" / "bolt.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(FIRST, "utf-8")
    with Platform(home) as platform:
        say(home, "target", "add", "openai", "--provider", "openai", "--url", f"{upstream.url}/v1")
        say(home, "target", "key", "openai", stdin="sk-planted")
        say(home, "model", "add", "mini", "--at", "openai:mini-5")
        for name in ("bolt", "uj"):
            say(home, "prompt", "save", name, "--template", f"{name}: {{{{input}}}}")
            say(home, "flow", "compose", name, "--model", "mini@1", "--prompt", f"{name}@1")
            say(home, "release", "cut", "bolt", "--flow", f"{name}@1")
        assert "+ Rollout bolt" in say(home, "plan", "-f", "rollouts", "--check", ends=3)
        say(home, "apply", "-f", "rollouts")
        _arrives(platform, "bolt@1")
        file.write_text(SECOND, "utf-8")
        told = say(home, "plan", "-f", "rollouts")
        assert "[-bolt@1-] → {+bolt@2+}" in told
        assert "languages: hu; at 100 % for everybody" in told
        say(home, "apply", "-f", "rollouts", "--why", "the new words")
        assert "= Rollout bolt  same" in say(home, "apply", "-f", "rollouts")
        assert len(_rollouts(platform)) == 2
        key = json.loads(say(home, "key", "create", "app", "--json"))["text"]
        with openai.OpenAI(base_url=f"{platform.url}/v1", api_key=key, timeout=60) as client:
            _stays_with_whom_it_has(client, platform, home)
            _is_steered(platform, home)
            assert _ask(client, "user-1", "de") == "bolt@2"
        say(home, "release", "rollback", "bolt", "--why", "a bad night")
        _arrives(platform, "bolt@1")
        assert "moved it to bolt@1 since" in say(home, "apply", "-f", "rollouts", ends=3)
        assert _serves(platform) == "bolt@1"


def _stays_with_whom_it_has(client: Any, platform: Platform, home: Path) -> None:
    """The first step passes on evidence; nobody has gone back, and who speaks German saw nothing."""
    first: dict[str, str] = {}
    until = time.monotonic() + 60
    while _rollouts(platform)[0]["step"] == 0:
        assert time.monotonic() < until, say(home, "release", "status", "bolt")
        for n in range(len(first), len(first) + 40):
            first[f"user-{n}"] = _ask(client, f"user-{n}", "hu")
            assert _ask(client, f"user-{n}", "de") == "bolt@1"
    for user, before in list(first.items())[:40]:
        now = _ask(client, user, "hu")
        assert (before, now) != ("bolt@2", "bolt@1")
    traces = json.loads(say(home, "trace", "list", "--limit", "1000", "--json"))
    arms = Counter(one["arm"] for one in traces)
    assert {"candidate", "baseline", "stable", "outside"} <= set(arms)
    assert {one["release"] for one in traces if one["arm"] != "candidate"} == {"bolt@1"}
    evidence = json.loads(say(home, "release", "status", "bolt", "--json"))["evidence"]
    assert sum(evidence["calls"].values()) <= arms.total() - arms["outside"]


def _is_steered(platform: Platform, home: Path) -> None:
    """Somebody pauses it, lets it go on, and skips the hour that it would wait."""
    say(home, "release", "pause", "bolt", "--why", "Péntek")
    assert "Paused at 50 %: Péntek" in say(home, "release", "status", "bolt")
    say(home, "release", "resume", "bolt")
    say(home, "release", "skip", "bolt", ends=2)
    say(home, "release", "skip", "bolt", "--why", "seen by Anna")
    _arrives(platform, "bolt@2")
    events = json.loads(say(home, "release", "events", _rollouts(platform)[0]["id"], "--json"))
    kinds = [one["kind"] for one in events]
    assert [one for one in kinds if one in ("paused", "resumed", "skipped", "arrived")] == [
        "paused", "resumed", "skipped", "arrived",
    ]  # fmt: skip
    ledger = json.loads(say(home, "audit", "log", "--limit", "50", "--json"))
    assert {"rollout.paused", "rollout.resumed", "rollout.skipped"} <= {
        one["verb"] for one in ledger
    }


def _ask(client: Any, user: str, language: str) -> str:
    answer = client.chat.completions.with_raw_response.create(
        model="bolt", messages=[{"role": "user", "content": "Hol van?"}], user=user,
        extra_headers={"x-volano-tag-language": language},
    )  # fmt: skip
    return str(answer.headers["x-volano-release"])


def _rollouts(platform: Platform) -> list[Any]:
    return list(platform.say("GET", "/rollouts", channel="bolt"))


def _serves(platform: Platform) -> str:
    return str(platform.say("GET", "/channels/bolt")["stable_ref"])


def _arrives(platform: Platform, release: str) -> None:
    until = time.monotonic() + 30
    while _rollouts(platform)[0]["state"] != "arrived" or _serves(platform) != release:
        assert time.monotonic() < until, platform.say("GET", "/channels/bolt/status")
        time.sleep(0.2)
