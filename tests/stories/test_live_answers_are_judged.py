"""Live answers get worse for some who ask: a sample of them is judged, and the slice is named.

A real volano over HTTP, an upstream that plays both the model and the judge; control is killed amid it.
"""

import http.client
import json
import os
import re
import signal
import time

import pytest

from simulators.judge import JudgeServer, _said
from volano.cli.demo.platform import Platform
from volano.core.errors import VolanoError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

RUSSIAN, HUNGARIAN = "Где мой заказ? {}", "Hol a csomagom? {}"
CALLS = 120
JUDGE = """
kind: rubric
model: "both:judge"
criteria: [{name: helpful, question: "Segít a válasz annak, aki kérdezett?"}]
"""
QUALITY = {
    "name": "quality", "where": "channel = support", "sample": 1, "seed": 1, "wait": "0s",
    "scorers": [{"judge": {"judge": "helpful@1"}}, "support"], "budget": {"calls": 500},
    "by": ["language", "channel"], "cluster": "call",
}  # fmt: skip
STEADY = {
    "name": "steady", "where": "channel = support", "sample": 0.05, "seed": 2, "wait": "0s",
    "consistency": {"times": 2, "how": "exact"}, "budget": {"calls": 6},
}  # fmt: skip


class Both(JudgeServer):
    """Judges where it is asked as a judge; else answers, since today badly to those who write Russian."""

    def answer(self, body):
        if "carry the code" in str(body["messages"][0]["content"]):
            return super().answer(body)
        asked = body["messages"][-1]["content"]
        n = int(re.search(r"\d+", asked)[0])
        good = n % 10 < (4 if "заказ" in asked else 9)
        return 200, _said(f"{asked} válasz [{'good' if good else 'bad'}]")


def ask(port, key, text):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        body = {"model": "support", "messages": [{"role": "user", "content": text}]}
        line.request(
            "POST", "/v1/chat/completions", json.dumps(body), {"authorization": f"Bearer {key}"}
        )
        answer = line.getresponse()
        assert answer.status == 200, answer.read()
        answer.read()
        return answer.headers["x-volano-trace"]
    finally:
        line.close()


def wait_for(holds, within_s=60):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            if holds():
                return
        except (OSError, ValueError, AssertionError, KeyError, VolanoError):
            pass
        time.sleep(0.3)
    raise AssertionError("it does not come")


def test_a_drop_in_one_slice_is_found_and_no_answer_is_scored_twice(tmp_path):
    server = Both()
    try:
        with Platform(tmp_path / "work") as platform:
            say = platform.say
            say("POST", "/targets/both/add", provider="compatible", url=server.url)
            say("POST", "/channels/support/open", at=["both:model"])
            say("POST", "/judges/save", text=JUDGE, name="helpful")
            for one in (QUALITY, STEADY):
                say("POST", "/evaluators", text=json.dumps(one))
            key = say("POST", "/keys", name="story")["text"]
            wait_for(lambda: ask(platform.port, key, "Hol? 1"))
            for at in range(CALLS):
                ask(platform.port, key, (RUSSIAN if at % 3 == 0 else HUNGARIAN).format(at))
                if at == CALLS // 2:
                    os.kill(platform.processes()["control"], signal.SIGKILL)

            def done():
                status = say("GET", "/evaluators/quality/status")
                return status["backlog"] == 0 and status["evaluated"] >= CALLS

            wait_for(done, 90)
            found = say("GET", "/evaluators/quality/scores", score="helpful")["scores"][0]
            worse = [(row["slice"], row["value_of"]) for row in found["by"] if row["worse"]]
            assert worse == [("language", "cyrillic")]
            assert {row["trace"] for row in found["worst"]}
            said = say("GET", "/feedback", limit=1000)
            judged = [one["trace_id"] for one in said if one["name"] == "quality.helpful"]
            assert len(judged) == len(set(judged)) == found["n"]
            status = say("GET", "/evaluators/quality/status")
            assert "nothing was retrieved that it could rest on" in status["unmeasured"]
            wait_for(lambda: say("GET", "/evaluators/steady/status")["backlog"] == 0)
            steady = say("GET", "/evaluators/steady/scores")["scores"][0]
            assert steady["value"] == 1.0
            assert say("GET", "/evaluators/steady/status")["calls_today"] <= 6
            replays = say("GET", "/traces", where="has tag.replay", limit=100)
            assert replays
            assert not {one["id"] for one in replays} & {*judged}
    finally:
        server.stop()
