"""A candidate answers copies of calls, unseen: a worse one goes back from there, a good one goes on.

A real volano over HTTP; an upstream that plays the models and the judge.
"""

import json
import re
import time

import httpx2
import pytest

from simulators.judge import JudgeServer, _said
from stories.test_gateway_in_front import say
from volano.cli.demo.platform import Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

JUDGE = """
kind: rubric
model: "both:judge"
criteria: [{name: helpful, question: "Segít a válasz annak, aki kérdezett?"}]
"""
PLAN = "shadow 100% 40 pairs judge helpful, 50%, 100%"
MARGINS = {"errors": 0.1, "quality": 0.1}


class Both(JudgeServer):
    """Judges where it is asked as a judge; else answers: `served` well, `worse` half the time badly."""

    def answer(self, body):
        if "carry the code" in str(body["messages"][0]["content"]):
            return super().answer(body)
        n = int(re.search(r"\d+", body["messages"][-1]["content"])[0])
        good = body["model"] != "worse" or n % 2 == 0
        words = "" if body["model"] == "served" else f" so {body['model']} says"
        return 200, _said(f"{n} válasz{words} [{'good' if good else 'bad'}]")


def ask(to, key, n):
    """Ask as a user of one's own; return the release that answered, and its words."""
    body = {"model": "support", "messages": [{"role": "user", "content": f"Hol a csomagom? {n}"}]}
    headers = {"authorization": f"Bearer {key}", "x-volano-unit": f"анна-{n}".encode()}
    answer = to.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.headers["x-volano-release"], answer.json()["choices"][0]["message"]["content"]


def rollout(platform):
    return platform.say("GET", "/channels/support/status")


def wait_for(holds, platform, within_s=120):
    until = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < until, rollout(platform)["decision"]
        time.sleep(0.3)


def shadowing(platform, release):
    """Promote a release, and wait until its calls are copied."""
    given = {"channel": "support", "plan": PLAN, "margins": MARGINS}
    platform.say("POST", f"/releases/{release}/promote", **given)
    wait_for(lambda: rollout(platform)["rollout"]["state"] == "moving", platform)
    time.sleep(0.5)


def test_users_never_see_a_worse_candidate_and_a_good_one_goes_on_to_them(tmp_path):
    server, home = Both(), tmp_path / "work"
    try:
        with Platform(home) as platform:
            say(home, "target", "add", "both", "--provider", "compatible", "--url", server.url)
            for name in ("served", "worse", "better"):
                say(home, "model", "add", name, "--at", f"both:{name}")
            say(home, "channel", "open", "support", "--model", "served@1")
            for name in ("worse", "better"):
                say(home, "flow", "compose", name, "--model", f"{name}@1")
                say(home, "release", "cut", "support", "--flow", f"{name}@1")
            platform.say("POST", "/judges/save", text=JUDGE, name="helpful")
            key = platform.say("POST", "/keys", name="story")["text"]
            with httpx2.Client(base_url=platform.url, timeout=60) as to:
                went_back(home, platform, to, key)
                went_on(home, platform, to, key)
    finally:
        server.stop()


def went_back(home, platform, to, key):
    shadowing(platform, "support@2")
    answers = [ask(to, key, n) for n in range(60)]
    wait_for(lambda: rollout(platform)["rollout"]["state"] != "moving", platform)
    found = rollout(platform)["rollout"]
    assert found["state"] == "back"
    assert "quality of copies" in found["outcome"]["reason"]
    assert {release for release, _ in answers} == {"support@1"}
    assert not any("says" in words for _, words in answers)
    copies = [one for one in platform.say("GET", "/traces", limit=500) if one["arm"] == "shadow"]
    assert copies
    assert all("so worse says" in one["output_text"] for one in copies)
    listed = json.loads(say(home, "release", "pairs", "support", "--json"))
    assert listed["pairs"][0]["scores"]["release.pairs.helpful"] == [1.0, 0.0]
    assert "so worse says [bad]" in listed["pairs"][0]["answer"]
    assert "[bad]" in say(home, "release", "pairs", "support", "--limit", "3")


def went_on(home, platform, to, key):
    shadowing(platform, "support@3")
    answers = [ask(to, key, 1_000 + n) for n in range(60)]
    assert {release for release, _ in answers} == {"support@1"}

    def canary():
        found = rollout(platform)
        return found["rollout"]["state"] != "moving" or found["channel"]["share"] > 0

    wait_for(canary, platform)
    assert rollout(platform)["rollout"]["step"] == 1
    wait_for(lambda: any(ask(to, key, 2_000 + n)[0] == "support@3" for n in range(20)), platform)
    told = [e["content"].get("reason", "") for e in platform.say(
        "GET", f"/rollouts/{rollout(platform)['rollout']['id']}/events")]  # fmt: skip
    assert any("quality of copies: +0.0 points by helpful" in reason for reason in told)
