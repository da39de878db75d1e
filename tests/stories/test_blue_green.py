"""Blue-green, as somebody lives it: switched at once, bad news, back at once; and back by itself."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import openai
import pytest

from volano.cli.demo.platform import Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

CHANNEL = "support"


class Provider(ThreadingHTTPServer):
    """An OpenAI-compatible server on loopback; models in `broken` answer with an error."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.broken: set[str] = set()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one write

    def do_POST(self):
        model = json.loads(self.rfile.read(int(self.headers["content-length"])))["model"]
        message = {"role": "assistant", "content": f"I am {model}."}
        status, said = 200, {
            "id": "1", "object": "chat.completion", "created": 1, "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        }  # fmt: skip
        if model in self.server.broken:
            status, said = 500, {"error": {"message": "out of memory", "type": "server_error"}}
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Shop:
    """A running workspace with a channel on `one`, and releases on `two` and `own`."""

    def __init__(self, platform, provider):
        self.platform, self.provider = platform, provider
        url = f"http://127.0.0.1:{provider.server_port}/v1"
        platform.say("POST", "/targets/mock/add", provider="compatible", url=url, plain_http=True)
        for model in ("one", "two"):
            platform.say("POST", f"/models/{model}/add", at=[f"mock:{model}"])
            self.cut(model, f"{model}@1")
        self.cut("own", "ticket-router@1")
        key = platform.say("POST", "/keys", name="app")["text"]
        self.client = openai.OpenAI(
            base_url=f"{platform.url}/v1", api_key=key, max_retries=0, timeout=60
        )
        self.wait(self.promote(f"{CHANNEL}@1", plan="100%"))

    def cut(self, flow, model):
        self.platform.say("POST", f"/flows/{flow}/compose", model=model)
        self.platform.say("POST", f"/releases/{CHANNEL}/cut", flow=f"{flow}@1")

    def ask(self):
        """Return the release that answers, or the error's status."""
        asked = {"model": CHANNEL, "messages": [{"role": "user", "content": "Hello?"}]}
        try:
            said = self.client.chat.completions.with_raw_response.create(**asked, max_tokens=8)
        except openai.APIStatusError as error:
            return error.status_code
        return said.headers["x-volano-release"]

    def ask_until_recorded(self, n):
        for _ in range(n):
            assert self.ask() == f"{CHANNEL}@1"
        found = []
        while len(found) < n:
            found = self.platform.say("GET", f"/traces?channel={CHANNEL}&limit=50")
            time.sleep(0.05)

    def promote(self, ref, **how):
        return self.platform.say("POST", f"/releases/{ref}/promote", channel=CHANNEL, **how)["id"]

    def wait(self, rollout):
        """Wait until a rollout has ended; return it."""
        until = time.monotonic() + 120
        while time.monotonic() < until:
            found = self.platform.say("GET", f"/rollouts/{rollout}")
            if found["ended_us"]:
                return found
            time.sleep(0.05)
        raise AssertionError(found)

    def channel(self):
        return self.platform.say("GET", f"/channels/{CHANNEL}")


@pytest.fixture
def shop(tmp_path):
    provider = Provider()
    with Platform(tmp_path / "home") as platform:
        yield Shop(platform, provider)
    provider.shutdown()
    provider.server_close()


def test_a_release_is_switched_to_at_once_and_left_at_once_when_bad_news_come(shop):
    shop.ask_until_recorded(5)
    arrived = shop.wait(shop.promote(f"{CHANNEL}@3", plan="switch verify 5 keep 1h"))
    assert arrived["state"] == "arrived", arrived["outcome"]
    events = shop.platform.say("GET", f"/rollouts/{arrived['id']}/events")
    rehearsed = next(one["content"] for one in events if one["kind"] == "advanced")
    assert rehearsed["verified"]["asked"] == 5
    assert list(rehearsed["warmed_ms"])
    assert {shop.ask() for _ in range(5)} == {f"{CHANNEL}@3"}
    kept = shop.channel()["kept"]
    assert kept["release"] == f"{CHANNEL}@1"
    assert 3_500e6 < kept["left_us"] <= 3_600e6

    back = shop.platform.say("POST", f"/channels/{CHANNEL}/rollback", why="customers complain")
    assert back["state"] == "arrived"
    assert {shop.ask() for _ in range(5)} == {f"{CHANNEL}@1"}
    assert shop.channel()["kept"] is None


def test_a_release_that_breaks_after_it_has_arrived_goes_back_by_itself(shop):
    shop.wait(shop.promote(f"{CHANNEL}@2", plan="switch keep 1h"))
    assert shop.ask() == f"{CHANNEL}@2"
    shop.provider.broken.add("two")
    said, until = [], time.monotonic() + 60
    while f"{CHANNEL}@1" not in said and time.monotonic() < until:
        said.append(shop.ask())
    assert said[-1] == f"{CHANNEL}@1"
    [last] = shop.platform.say("GET", f"/rollouts?channel={CHANNEL}&limit=1")
    assert last["candidate_ref"] == f"{CHANNEL}@1"
    assert "after it had arrived" in last["outcome"]["reason"]


def test_a_release_that_fails_recorded_requests_is_never_seen(shop):
    shop.ask_until_recorded(4)
    shop.provider.broken.add("two")
    failed = shop.wait(shop.promote(f"{CHANNEL}@2", plan="switch verify 4 keep 1h"))
    assert failed["state"] == "failed"
    assert "4 of 4 recorded requests failed: status 5" in failed["outcome"]["reason"]
    assert shop.ask() == f"{CHANNEL}@1"
