"""The real llama.cpp, on the model that comes with volano."""

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from volano.models.builtin import FOLDER
from volano.serving import ChatRefusedError, EngineFailedError, EngineSpec, engine
from volano.serving.line import engine_client
from volano.serving.process import _Once
from volano.serving.sockets import AddressTakenError, clear_socket
from volano.serving.spec import DIALECTS

ASK = "Ticket: Where is my Falcon, order 4711? It should be here by now. No rush.\nJSON:"
ANSWER = ' {"queue":"shipping","priority":"low","product":"Falcon","reference":"4711"}'


@pytest.fixture
def spec(tmp_path):
    return EngineSpec(
        "router", str(FOLDER / "model.gguf"), "router", f"unix:{tmp_path}/e.sock", 2, 1024
    )


def say(text):
    return [{"role": "user", "content": text}]


def test_an_engine_answers_and_leaves_nothing_behind(spec):
    with engine(spec) as chat:
        answer = chat(say(ASK), max_tokens=40, temperature=0)
        assert answer.text == ANSWER
        assert answer.finish_reason == "stop"
        assert answer.completion_tokens > 10
        assert oct(spec.socket.stat().st_mode & 0o077) == "0o0"
    assert not spec.socket.exists()


def test_many_conversations_at_once_do_not_mix(spec):
    asks = [ASK.replace("4711", str(number)) for number in range(4700, 4716)]
    with engine(spec) as chat, ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda ask: chat(say(ask), max_tokens=40, temperature=0).text, asks)
        )
    assert answers == [ANSWER.replace("4711", str(number)) for number in range(4700, 4716)]


def test_who_chats_gives_vectors_by_a_second_process_that_ends_with_it(spec):
    beside = spec.socket.with_name("e-e.sock")
    with engine(spec) as chat:
        assert not beside.exists()
        with ThreadPoolExecutor(4) as pool:
            first, *others = pool.map(chat.vectors, [["Hol van?", "票"]] * 4)
        assert beside.exists()
        assert [len(one) for one in first] == [64, 64]
        assert all(one == pytest.approx(first[0], abs=1e-5) for one, _ in others)
        assert first[0] != pytest.approx(first[1], abs=1e-2)
        assert chat(say(ASK), max_tokens=40, temperature=0).text == ANSWER
    assert not beside.exists()


def test_a_second_process_that_does_not_start_is_waited_for_once():
    tried = []

    def opened():
        tried.append(1)
        raise EngineFailedError(name="e", reason="not ready after 60 s")

    once = _Once(opened)
    for _ in range(3):
        with pytest.raises(EngineFailedError, match="not ready"):
            once()
    assert len(tried) == 1


def test_a_text_longer_than_the_context_is_refused_in_words(spec):
    with engine(spec) as chat, pytest.raises(ChatRefusedError, match="context"):
        chat(say("word " * 5000))


def test_the_prompt_is_the_last_message_as_is(spec):
    odd = '  {{ braces }} {% raw %}\n\n<tag> űrlap 票 \\ "quoted"\t'
    with engine(spec), engine_client(spec.address, timeout_s=5) as client:
        messages = [*say("first"), {"role": "assistant", "content": "no"}, *say(odd)]
        rendered = client.post("/apply-template", json={"messages": messages}).json()["prompt"]
    assert rendered == odd


@pytest.mark.parametrize("damage", ["missing", "torn", "junk"])
def test_a_bad_file_fails_with_its_reason(spec, tmp_path, damage):
    bad = tmp_path / "bad.gguf"
    if damage != "missing":
        whole = (FOLDER / "model.gguf").read_bytes()
        bad.write_bytes(whole[:90_000] if damage == "torn" else b"not a model")
    broken = EngineSpec("broken", str(bad), "b", spec.address)
    with pytest.raises(EngineFailedError, match=r"bad\.gguf"), engine(broken):
        pass


def test_a_socket_that_a_killed_engine_left_is_cleared(tmp_path):
    path = tmp_path / "e.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    clear_socket(path, "unix:…")
    assert not path.exists()


def test_a_socket_in_use_is_not_taken_over(tmp_path):
    path = tmp_path / "e.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        with pytest.raises(AddressTakenError):
            clear_socket(path, f"unix:{path}")


def test_an_engine_dies_with_whoever_started_it(spec):
    code = (
        "import sys, time\n"
        "from volano.serving import EngineSpec, engine\n"
        "with engine(EngineSpec.from_json(sys.argv[1])):\n"
        "    print('up', flush=True); time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, spec.to_json()], stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout.readline() == "up\n"
        os.kill(parent.pid, signal.SIGKILL)
    assert _gone(spec), "the engine outlived its parent"


def _gone(spec, within_s=30.0):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(spec.socket)):
                return True
        time.sleep(0.02)
    return False


def test_an_engine_understands_what_it_is_said_to(spec):
    bodies = {
        "openai.chat": {"messages": say("Hi"), "max_tokens": 2},
        "openai.completions": {"prompt": "Hi", "max_tokens": 2},
        "anthropic.messages": {"messages": say("Hi"), "max_tokens": 2},
        "anthropic.count_tokens": {"messages": say("Hi")},
    }
    assert set(bodies) == set(DIALECTS)
    with engine(spec), engine_client(spec.address, timeout_s=30) as client:
        for name, body in bodies.items():
            answer = client.post(DIALECTS[name], json={"model": "router", **body})
            assert answer.status_code == 200, (name, answer.text)
            assert answer.json().get("usage") or answer.json()["input_tokens"]
        refused = client.post("/v1/embeddings", json={"model": "router", "input": "Hi"})
        assert refused.status_code == 501
