"""Two releases are compared by what users do afterwards; labels come late; control is killed."""

import json
import os
import signal
import time

import httpx2
import pytest

from simulators.upstream import Upstream
from stories.test_gateway_in_front import say
from volano.cli.demo.platform import Platform
from volano.client import Client
from volano.core.errors import UnavailableError

pytestmark = pytest.mark.slow

USERS, WINDOW = 340, "60s"
BUYS = {"support@1": 4, "support@2": 2}
"""Every so manieth user buys."""


def test_the_better_of_two_releases_is_found_said_and_promoted(tmp_path):
    upstream, home = Upstream(), tmp_path / "work"
    try:
        with Platform(home) as platform:
            opened(home, upstream)
            compare = ("release", "compare", "support@1", "support@2", "--channel", "support")
            said = say(home, *compare, "--goal", "sale", "--mature", WINDOW, "--max-wait", "1h",
                       "--guardrails", "errors,latency:30s", "--exclude", "tag:internal",
                       "--detect", "15%")  # fmt: skip
            assert "support compares support@2 with support@1" in said
            moving(home)
            key = platform.say("POST", "/keys", name="app", scopes=["chat:*", "feedback"])["text"]
            answers = asked(platform, key)
            assert served(answers, "support@2") > 100
            assert {r for r, _ in internal(platform, key)} == {"support@1"}
            late = bought(platform, key, answers)
            assert status(home)["evidence"]["arms"][1]["pending"] > 0
            os.kill(platform.processes()["control"], signal.SIGKILL)
            told(platform, key, late)
            found = decided(home)
            assert found["decision"]["reason"].startswith(
                "support@2 does better than support@1 in sale"
            )
            assert found["evidence"]["outside"] == 0
            arms = found["evidence"]["arms"]
            assert sum(arm["entered"] for arm in arms) == USERS
            for arm, release in zip(arms, BUYS, strict=True):
                assert arm["measures"]["sale"]["mean"] == pytest.approx(
                    rate(answers, release), abs=1e-9
                )
            assert "does better" in say(home, "release", "status", "support")
            page = platform.say("GET", f"/rollouts/{found['rollout']['id']}")
            assert page["state"] == "moving"
            say(home, "release", "conclude", "support")
            newest = json.loads(say(home, "release", "rollouts", "--json"))[0]
            assert (newest["candidate_ref"], newest["plan"]["steps"]) == (
                "support@2",
                [250_000, 1_000_000],
            )
    finally:
        upstream.stop()


def opened(home, upstream):
    """A channel that serves one model, a second release that asks another, and what a sale is."""
    say(home, "target", "add", "local", "--provider", "compatible", "--url", f"{upstream.url}/v1")
    say(home, "model", "add", "mini", "--at", "local:ok")
    say(home, "model", "add", "maxi", "--at", "local:llama")
    say(home, "channel", "open", "support", "--model", "mini@1")
    say(home, "flow", "compose", "better", "--model", "maxi@1")
    say(home, "release", "cut", "support", "--flow", "better@1")
    say(home, "feedback", "metric", "define", "sale", "--type", "boolean", "--outcome")


def asked(platform, key):
    """Let each user ask; return (release, trace) by user."""
    found = {}
    with httpx2.Client(base_url=platform.url, timeout=30) as to:
        for n in range(USERS):
            found[f"анна-{n}"] = ask(to, key, {"x-volano-unit": f"анна-{n}".encode()})
    return found


def internal(platform, key):
    with httpx2.Client(base_url=platform.url, timeout=30) as to:
        return [
            ask(to, key, {"x-volano-unit": f"ours-{n}".encode(), "x-volano-tag-internal": b"yes"})
            for n in range(12)
        ]


def ask(to, key, headers):
    body = {"model": "support", "messages": [{"role": "user", "content": "退款？"}]}
    answer = to.post("/v1/chat/completions", json=body,
                     headers={"authorization": f"Bearer {key}", **headers})  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.headers["x-volano-release"], answer.headers["x-volano-trace"]


def buyers(answers, release):
    mine = [trace for served_by, trace in answers.values() if served_by == release]
    return mine[:: BUYS[release]]


def served(answers, release):
    return sum(one == release for one, _ in answers.values())


def rate(answers, release):
    return len(buyers(answers, release)) / served(answers, release)


def bought(platform, key, answers):
    """Tell of every second sale at once; return the others."""
    traces = [trace for release in BUYS for trace in buyers(answers, release)]
    told(platform, key, traces[::2])
    return traces[1::2]


def told(platform, key, traces):
    until = time.monotonic() + 20
    with Client(platform.url, key=key) as client:
        for trace in traces:
            while True:
                try:
                    client.feedback(trace, name="sale", value=1)
                    break
                except UnavailableError:  # control comes back
                    assert time.monotonic() < until
                    time.sleep(0.2)


def status(home):
    return json.loads(say(home, "release", "status", "support", "--json"))


def moving(home):
    until = time.monotonic() + 30
    while json.loads(say(home, "channel", "show", "support", "--json"))["share"] == 0:
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(0.5)


def decided(home):
    until = time.monotonic() + 150
    while True:
        found = status(home)
        waiting = found["evidence"] and sum(arm["pending"] for arm in found["evidence"]["arms"])
        if waiting == 0 and found["decision"]["decided"]:
            return found
        assert time.monotonic() < until, found["decision"]
        time.sleep(0.5)
