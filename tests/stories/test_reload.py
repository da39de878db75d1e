"""The workers are replaced under load, and nobody who calls hears of it."""

import http.client
import threading
import time

import openai
import pytest

from support.prometheus import parse
from volano.cli.demo.platform import Platform
from volano.traces.keeper import Traces

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "Hey, order #3312 has not been delivered."}]


class Caller(threading.Thread):
    """The unmodified official client, calling until stopped."""

    def __init__(self, platform: Platform, key: str, *, stream: bool):
        super().__init__(daemon=True)
        self.client = openai.OpenAI(base_url=f"{platform.url}/v1", api_key=key)
        self.stream = stream
        self.answered = 0
        self.failures: list[Exception] = []
        self._ended = threading.Event()

    def run(self):
        while not self._ended.is_set():
            try:
                self._call()
                self.answered += 1
            except Exception as error:
                self.failures.append(error)

    def _call(self):
        asked = {"model": "ticket-router", "messages": QUESTION}
        if not self.stream:
            assert self.client.chat.completions.create(**asked).choices[0].message.content
            return
        last = None
        for chunk in self.client.chat.completions.create(**asked, stream=True):
            last = chunk
        assert last.choices[0].finish_reason

    def stop(self):
        self._ended.set()
        self.join(60)
        assert not self.is_alive()


def test_no_call_fails_while_all_workers_are_replaced(tmp_path):
    with Platform(tmp_path / "home") as platform:
        key = platform.say("POST", "/keys", name="app", scopes=["chat:*", "read"])["text"]
        callers = [Caller(platform, key, stream=n % 2 == 1) for n in range(4)]
        before = platform.processes()["worker-0"]
        for caller in callers:
            caller.start()
        says = platform.say("POST", "/gateway/reload")
        assert platform.processes()["worker-0"] == says["workers"]["worker-0"] != before
        platform.say("POST", "/gateway/worker-0/drain")
        seen = [caller.answered for caller in callers]
        while any(caller.answered < n + 2 for caller, n in zip(callers, seen, strict=True)):
            assert not any(caller.failures for caller in callers)
            time.sleep(0.01)
        for caller in callers:
            caller.stop()
        assert [caller.failures for caller in callers] == [[]] * 4
        found = scrape(platform, key)
        total = sum(caller.answered for caller in callers)
        assert found["volano_requests_total"].sum(outcome="ok") >= total
        assert found["volano_requests_total"].sum() == found["volano_requests_total"].sum(
            outcome="ok"
        )
        assert found["volano_process_restarts_total"].value(process="worker-0") == 0
    assert Traces(platform.settings.path("records", "hot.db")).counts().errors == 0


def scrape(platform, key):
    connection = http.client.HTTPConnection("127.0.0.1", platform.port, timeout=30)
    try:
        connection.request("GET", "/metrics", headers={"authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        assert answer.status == 200
        return parse(answer.read().decode())
    finally:
        connection.close()
