"""Engines are listed: ours by their sockets, others' by their documented doors (simulated)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from volano.serving.errors import BadAnswerError, ChatUnavailableError
from volano.serving.keeper import Attached, Engines
from volano.serving.spec import EngineSpec
from volano.serving.wanted import Wanted
from volano.serving.watched import watch

DOORS = {
    "vllm": {
        "/health": "",
        "/v1/models": '{"object":"list","data":[{"id":"llama","object":"model"}]}',
        "/tokenize": '{"count":3,"max_model_len":4096,"tokens":[1,2,3]}',
        "/metrics": 'vllm:num_requests_running{engine="0"} 2.0\nvllm:generation_tokens_total 100\n',
    },
    "ollama": {
        "/api/version": '{"version":"0.12.6"}',
        "/api/tags": '{"models":[{"model":"gemma3","size":33},{"model":"qwen3","size":44}]}',
        "/api/ps": '{"models":[{"model":"gemma3","size":6591830464,"size_vram":5333539264}]}',
    },
    "strange": {
        "/health": "",
        "/api/version": "[]",
        "/v1/models": '{"data":3}',
        "/api/ps": "<html>",
    },
}


class Server:
    """Answers as its doors say; keeps what it was asked."""

    def __init__(self, doors):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                size = int(self.headers.get("content-length") or 0)
                asked.append((self.path, self.rfile.read(size), self.headers.get("authorization")))
                body = doors.get(self.path)
                self.send_response(404 if body is None else 200)
                self.end_headers()
                self.wfile.write((body or "").encode())

            do_POST = do_GET

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve():
    made = []

    def begin(name):
        made.append(Server(DOORS[name]))
        return made[-1]

    yield begin
    for server in made:
        server.close()


def test_an_attached_vllm_tells_how_it_is(serve):
    server = serve("vllm")
    engine = watch("vllm", server.url, headers={"authorization": "Bearer k"})
    assert engine.ready()
    assert engine.models() == ["llama"]
    assert engine.tokenize("three small words") == [1, 2, 3]
    assert (engine.vitals().busy, engine.vitals().tokens) == (2, 100)
    assert json.loads({p: b for p, b, _ in server.asked}["/tokenize"])["prompt"]
    assert {key for _, _, key in server.asked} == {"Bearer k"}


def test_an_attached_ollama_tells_what_it_has_in_memory(serve):
    engine = watch("ollama", serve("ollama").url)
    assert engine.ready()
    assert engine.models() == ["gemma3"]
    assert engine.offered() == ["gemma3", "qwen3"]
    assert engine.memory() == 6591830464
    with pytest.raises(BadAnswerError):
        engine.tokenize("x")


@pytest.mark.parametrize("kind", ["vllm", "ollama"])
def test_a_server_that_speaks_otherwise_is_said_to(serve, kind):
    engine = watch(kind, serve("strange").url)
    with pytest.raises(BadAnswerError):
        engine.models()
    assert not engine.vitals().busy


def test_a_server_that_is_away_is_said_to_be():
    engine = watch("sglang", "http://127.0.0.1:9/v1", timeout_s=0.5)
    assert not engine.ready()
    with pytest.raises(ChatUnavailableError):
        engine.models()


def test_an_engine_that_leaves_is_told_once(serve, tmp_path):
    spec = EngineSpec("abc", "/m", "router@1", serve("vllm").url, kind="vllm")
    Wanted(tmp_path / "engines.json").write([spec])
    [row] = Engines(tmp_path, aside=lambda: [spec]).list()
    assert (row["name"], row["state"], row["busy"]) == ("engine-abc", "leaving", 2)


def test_all_engines_in_one_list(serve, tmp_path):
    spec = EngineSpec("abc", "/m", "router@1", f"unix:{tmp_path}/no.sock", kind="onnx")
    aside = EngineSpec("xyz", "/m", "faq@2", f"unix:{tmp_path}/x.sock", kind="ctranslate2")
    Wanted(tmp_path / "engines.json").write([spec])
    (tmp_path / "state.json").write_text(
        '{"children":{"engine-abc":{"pid":7},"control":{"pid":8}}}'
    )
    vllm, now = serve("vllm"), [0.0]
    engines = Engines(
        tmp_path,
        lambda: [
            Attached("big", "vllm", vllm.url), Attached("home", "ollama", serve("ollama").url),
            Attached("off", "sglang", "http://127.0.0.1:9"),
        ],
        aside=lambda: [aside], measure={7: 50 << 20}.get, monotonic=lambda: now[0],
    )  # fmt: skip
    rows = {row["name"]: row for row in engines.list()}
    assert [row["state"] for row in rows.values()] == [
        "not loaded", "starting", "ready", "ready", "away",
    ]  # fmt: skip
    assert rows["engine-abc"]["memory_bytes"] == 50 << 20
    assert rows["engine-abc"]["model"] == "router@1"
    assert rows["home"]["memory_bytes"] == 6591830464
    assert rows["big"]["busy"] == 2
    assert rows["big"]["tokens_per_s"] is None, "one look says nothing of speed"
    now[0] = 2.0
    DOORS["vllm"]["/metrics"] = "vllm:generation_tokens_total 300\n"
    assert {row["name"]: row for row in engines.list()}["big"]["tokens_per_s"] == 100
