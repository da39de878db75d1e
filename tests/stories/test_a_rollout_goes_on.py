"""A rollout outlives the process that moves it, and needs nobody to take back what is broken.

Real processes, users who call all the time, a provider that does what the model's name says.
"""

import json
import os
import signal
import sqlite3
import threading
import time
from itertools import groupby

import httpx2
import pytest

from simulators.upstream import Upstream
from stories.test_gateway_in_front import say
from volano.cli.demo.platform import Platform
from volano.core.errors import VolanoError
from volano.traces.keeper import Traces

pytestmark = pytest.mark.slow

STEPS = [100_000, 300_000, 600_000, 1_000_000]
WITHIN_S = 60.0
USERS = 5000


class Callers:
    """Four threads; each call is of another of many users. `answers` has status and release."""

    def __init__(self, platform, key):
        self.answers = []
        self._url, self._key = platform.url, key
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(4)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a call hangs"

    def _call(self, n):
        with httpx2.Client(base_url=self._url, timeout=30) as to:
            while not self._over.is_set():
                body = {"model": "support", "messages": [{"role": "user", "content": "退款？"}]}
                headers = {"authorization": f"Bearer {self._key}"}
                told = to.post("/v1/chat/completions", json={**body, "user": f"анна-{n % USERS}"},
                               headers=headers)  # fmt: skip
                self.answers.append((told.status_code, told.headers.get("x-volano-release")))
                n += 4
                time.sleep(0.01)


@pytest.fixture
def upstream():
    made = Upstream()
    yield made
    made.stop()


@pytest.fixture
def platform(tmp_path, upstream, monkeypatch):
    """Two workers, the channel `support` on support@1, and nobody who calls yet."""
    monkeypatch.setenv("VOLANO_WORKERS", "2")
    with Platform(tmp_path / "work") as running:
        home = running.folder
        url = f"{upstream.url}/v1"
        say(home, "target", "add", "local", "--provider", "compatible", "--url", url)
        say(home, "model", "add", "mini", "--at", "local:ok")
        say(home, "channel", "open", "support", "--model", "mini@1")
        yield running


@pytest.fixture
def key(platform):
    return platform.say("POST", "/keys", name="app", scopes=["chat:*"])["text"]


def promoted(platform, model, plan):
    """Release another model of the provider, and move the channel to it; return the rollout's id."""
    home = platform.folder
    say(home, "model", "add", "maxi", "--at", f"local:{model}")
    say(home, "flow", "compose", "other", "--model", "maxi@1")
    say(home, "release", "cut", "support", "--flow", "other@1")
    how = ("--channel", "support", "--plan", plan)
    return json.loads(say(home, "release", "promote", "support@2", *how, "--json"))["id"]


def wait_for(what, holds):
    until = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < until, f"not within {WITHIN_S:.0f} s: {what}"
        time.sleep(0.002)


def written(platform, rollout, kind):
    """How often this was written of the rollout, looked up behind control's back."""
    path = platform.settings.path("catalog.db")
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        query = "SELECT count(*) FROM rollout_events WHERE rollout = ? AND kind = ?"
        return conn.execute(query, (rollout, kind)).fetchone()[0]
    finally:
        conn.close()


def answers(platform, killed):
    """Whether another control is there."""
    try:
        if platform.processes()["control"] in (None, killed):
            return False
        platform.say("GET", "/channels/support")
    except (VolanoError, OSError, EOFError):
        return False
    return True


def test_control_is_killed_at_each_step_and_no_step_is_skipped_or_done_twice(platform, key):
    rollout = promoted(platform, "ok", "10%,30%,60%,100%")
    with Callers(platform, key) as callers:
        for n in (1, 2, 3):
            wait_for(f"step {n}", lambda n=n: written(platform, rollout, "advanced") >= n)
            pid = platform.processes()["control"]
            os.kill(pid, signal.SIGKILL)
            wait_for("control is back", lambda pid=pid: answers(platform, pid))
        wait_for("the arrival", lambda: written(platform, rollout, "applied"))
    events = platform.say("GET", f"/rollouts/{rollout}/events")
    assert [e["content"]["share"] for e in events if e["kind"] == "advanced"] == STEPS[:-1]
    assert [e["kind"] for e in events if e["kind"] != "holds"][-2:] == ["arrived", "applied"]
    assert told_by_the_ledger(platform, rollout) == [
        "release.promote", *["rollout.advance"] * 3, "rollout.arrived",
    ]  # fmt: skip
    assert platform.say("GET", "/audit/verify")["problems"] == []
    assert {status for status, _ in callers.answers} == {200}
    shares_grow(platform, rollout, len(callers.answers))


def told_by_the_ledger(platform, rollout):
    ledger = platform.say("GET", "/audit", subject="channel/support", limit=100)
    mine = (event for event in reversed(ledger) if event["content"].get("rollout") == rollout)
    return [event["verb"] for event in mine]


def shares_grow(platform, rollout, calls):
    """As the workers recorded it: each share is one of the plan, and none comes twice."""
    traces = Traces(platform.settings.path("records", "hot.db"))
    wait_for("all calls are recorded", lambda: traces.counts().calls >= calls)
    mine = sorted(
        traces.since(0, rollout=rollout, limit=100_000), key=lambda t: (t.worker, t.began_us)
    )
    assert {trace.worker for trace in mine} == {"worker-0", "worker-1"}
    arms = {}
    for _, calls_of in groupby(mine, key=lambda trace: trace.worker):
        stable = [trace.share for trace in calls_of if trace.arm == "stable"]
        shares = [1_000_000 - share for share, _ in groupby(stable)]
        assert shares in (STEPS[:-1], [0, *STEPS[:-1]])
    for trace in sorted(mine, key=lambda t: t.began_us):
        arms.setdefault(trace.unit, []).append(trace.arm)
    flips = [[arm for arm, _ in groupby(seen)] for seen in arms.values()]
    assert [one for one in flips if one not in (["stable"], ["candidate"], ["stable", "candidate"])] == []  # fmt: skip


def test_a_broken_release_goes_back_although_nothing_can_be_recorded(platform, key, upstream):
    """The guard reads counters that the workers share: it needs neither recorder nor statistics."""
    recorder = platform.processes()["recorder"]
    os.kill(recorder, signal.SIGSTOP)
    try:
        rollout = promoted(platform, "status-500", "20%,100%")
        with Callers(platform, key) as callers:
            wait_for("the way back", lambda: written(platform, rollout, "applied"))
            sent, before = bad(upstream), len(callers.answers)
            wait_for("calls after it", lambda: len(callers.answers) > before + 200)
            assert bad(upstream) == sent, "a worker still sends to the bad target"
            later = callers.answers[before + 50 :]  # what was under way by then has ended
            assert set(later) == {(200, "support@1")}
    finally:
        os.kill(recorder, signal.SIGCONT)
    events = platform.say("GET", f"/rollouts/{rollout}/events")
    kinds = [event["kind"] for event in events if event["kind"] != "holds"]
    assert kinds == ["promoted", "advanced", "back", "applied"]
    back = next(event for event in events if event["kind"] == "back")
    assert back["content"]["reason"] == (
        "Taken back: guard: 20 of the last 25 calls failed at the candidate (shared counters)."
    )
    assert told_by_the_ledger(platform, rollout) == [
        "release.promote", "rollout.advance", "rollout.back",
    ]  # fmt: skip
    assert sum(status == 500 for status, _ in callers.answers) < 100
    traces = Traces(platform.settings.path("records", "hot.db"))
    wait_for("all is recorded", lambda: traces.counts().calls >= len(callers.answers))


def bad(upstream):
    """How many calls the provider got for the bad model."""
    return sum(body["model"] == "status-500" for _, body in upstream.seen)
