"""kill -9 of any process under traffic: nothing that was answered is lost, all comes back."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from volano.cli.demo.platform import Platform
from volano.traces.keeper import Traces

pytestmark = pytest.mark.slow

QUESTION = "Hey, Falcon order #3312 has not been delivered. No rush."
TIMES = 3
BACK_WITHIN_S = 30.0


class Asking(threading.Thread):
    """Asks until stopped; keeps the trace id of every complete answer."""

    def __init__(self, port: int, key: str, *, stream: bool):
        super().__init__(daemon=True)
        self.answered: list[str] = []
        self.failed = 0
        self._port, self._key, self._stream = port, key, stream
        self._ended = threading.Event()

    def run(self):
        while not self._ended.is_set():
            try:
                self.answered.append(ask(self._port, self._key, stream=self._stream))
            except (OSError, http.client.HTTPException, AssertionError, KeyError):
                self.failed += 1
                time.sleep(0.02)

    def stop(self):
        self._ended.set()
        self.join(40)
        assert not self.is_alive(), "a client hangs"


def ask(port: int, key: str, *, stream: bool = False) -> str:
    """Ask once on a fresh connection; return the trace id of a complete answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = {
            "model": "ticket-router",
            "messages": [{"role": "user", "content": QUESTION}],
            "stream": stream,
        }
        headers = {"authorization": f"Bearer {key}"}
        connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        response = connection.getresponse()
        raw = response.read()
        assert response.status == 200, raw
        if stream:
            assert raw.rstrip().endswith(b"data: [DONE]"), raw[-200:]
        return response.headers["x-volano-trace"]
    finally:
        connection.close()


@pytest.fixture
def platform(tmp_path):
    with Platform(tmp_path / "work") as running:
        yield running


@pytest.fixture
def key(platform):
    return platform.say("POST", "/keys", name="test")["text"]


def wait_for(what, holds, within_s=BACK_WITHIN_S):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s} s: {what}")


def answers(platform, key):
    def holds():
        try:
            return bool(ask(platform.port, key))
        except (OSError, http.client.HTTPException, AssertionError):
            return False

    return holds


@pytest.mark.parametrize("victim", ["worker-0", "recorder", "control", "engine"])
def test_killed_three_times_under_traffic(platform, key, victim):
    clients = [Asking(platform.port, key, stream=n % 2 == 1) for n in range(4)]
    for client in clients:
        client.start()
    for _ in range(TIMES):
        before = sum(len(client.answered) for client in clients)
        wait_for("traffic", lambda n=before: sum(len(c.answered) for c in clients) > n + 40)
        name = next(n for n in platform.processes() if n.startswith(victim))
        pid = platform.processes()[name]
        os.kill(pid, signal.SIGKILL)
        wait_for(f"{name} is back", lambda n=name, p=pid: platform.processes()[n] not in (None, p))
    wait_for("later requests succeed", answers(platform, key))
    for client in clients:
        client.stop()
    expected = {trace for client in clients for trace in client.answered}
    assert len(expected) > 100
    traces = Traces(platform.settings.path("records", "hot.db"))
    wait_for("all is recorded", lambda: expected <= set(traces.by_ids(expected)))
    stored = [traces.calls(trace) for trace in list(expected)[:200]]
    assert all(len(calls) == 1 for calls in stored), "a call was recorded twice"


def test_killing_the_supervisor_leaves_no_orphan_and_the_next_up_carries_on(tmp_path):
    folder = tmp_path / "work"
    with Platform(folder) as platform:
        key = platform.say("POST", "/keys", name="test")["text"]
        before = [ask(platform.port, key) for _ in range(20)]
        pids = platform.processes()
        supervisor = json.loads((folder / ".volano/run/state.json").read_text())["pid"]
        os.kill(supervisor, signal.SIGKILL)
        wait_for("no orphan", lambda: not any(alive(pid) for pid in pids.values()))
    again = subprocess.Popen(
        [sys.executable, "-m", "volano.cli.main", "--home", str(folder), "up", "--port", str(platform.port)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for("up again", answers(platform, key))
        traces = Traces(folder / ".volano/records/hot.db")
        wait_for("the old calls are there", lambda: set(before) <= set(traces.by_ids(before)))
    finally:
        again.send_signal(signal.SIGINT)
        again.wait(30)


def test_a_second_up_says_who_holds_the_folder(platform):
    command = [sys.executable, "-m", "volano.cli.main", "--home", str(platform.folder), "up"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert str(platform.url) in second.stderr
    assert len(second.stderr.strip().splitlines()) == 2


def test_ctrl_c_drains(tmp_path):
    with Platform(tmp_path / "work") as platform:
        key = platform.say("POST", "/keys", name="test")["text"]
        trace = ask(platform.port, key)
        pids = platform.processes()
    assert not any(alive(pid) for pid in pids.values())
    assert Traces(platform.settings.path("records", "hot.db")).get(trace)
    assert list(platform.settings.path("spool").glob("*.seg")) == []


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
