"""What every engine that volano starts does alike, whatever computes inside."""

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx2

from support.running import Running
from volano.serving import command
from volano.serving.refusal import refusal_of
from volano.serving.watched import watch

ASK = "Ticket: Where is my Falcon, order 4711? It should be here by now. No rush.\nJSON:"
ANSWER = ' {"queue":"shipping","priority":"low","product":"Falcon","reference":"4711"}'


def text_of(answer):
    return answer.json()["choices"][0]["message"]["content"]


def test_a_question_is_answered_and_counted(running):
    body = running.chat(ASK).json()
    [choice] = body["choices"]
    assert choice["message"] == {"role": "assistant", "content": ANSWER}
    assert choice["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["prompt_tokens"] == 35
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert body["model"] == "router"


def test_a_prompt_is_completed(running):
    body = {"model": "router", "prompt": ASK, "temperature": 0, "max_tokens": 40}
    answer = running.client.post("/v1/completions", json=body).json()
    assert answer["choices"][0]["text"] == ANSWER


def test_a_stream_says_the_same_in_pieces(running):
    events = running.events(ASK, stream_options={"include_usage": True})
    choices = [event["choices"][0] for event in events if event["choices"]]
    pieces = [choice["delta"].get("content") or "" for choice in choices]
    assert "".join(pieces) == ANSWER
    assert len([piece for piece in pieces if piece]) > 5
    assert choices[-1]["finish_reason"] == "stop"
    assert events[-1]["usage"]["prompt_tokens"] == 35


def test_an_answer_ends_before_a_stop_also_one_over_several_tokens(running):
    before = ANSWER.partition('"low","pro')[0]
    plain = running.chat(ASK, stop=['"low","pro'])
    assert text_of(plain) == before
    assert plain.json()["choices"][0]["finish_reason"] == "stop"
    events = running.events(ASK, stop=['"low","pro'])
    assert "".join(e["choices"][0]["delta"].get("content") or "" for e in events) == before


def test_an_answer_is_as_long_as_it_may_be(running):
    answer = running.chat(ASK, max_tokens=5).json()
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 5
    assert ANSWER.startswith(answer["choices"][0]["message"]["content"])


def test_the_same_seed_gives_the_same_answer(running):
    hot = {"temperature": 3.0, "max_tokens": 12, "top_p": 1.0, "top_k": 0, "min_p": 0.0}
    one, other = (text_of(running.chat(ASK, seed=11, **hot)) for _ in range(2))
    others = {text_of(running.chat(ASK, seed=seed, **hot)) for seed in range(4)}
    assert one == other
    assert len(others) > 1


def test_a_prompt_that_is_too_long_is_the_client_s_to_mend(running):
    answer = running.chat("word " * 3000)
    refusal = refusal_of(answer.status_code, answer.content)
    assert refusal.code == "context_length_exceeded"
    assert "256" in refusal.message


def test_what_cannot_be_read_is_refused_in_openai_s_shape(running):
    for raw in (
        b"nope",
        b"[1]",
        b'{"model":"router"}',
        b'{"messages":[{"role":"user","content":7}]}',
    ):
        answer = running.client.post("/v1/chat/completions", content=raw)
        assert answer.status_code in (400, 500), raw
        assert answer.json()["error"]["message"]
    assert text_of(running.chat(ASK)) == ANSWER


def test_eight_at_once_do_not_mix(running):
    numbers = [str(number) for number in range(4700, 4716)]
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda n: text_of(running.chat(ASK.replace("4711", n))), numbers))
    assert said == [ANSWER.replace("4711", number) for number in numbers]


def test_it_tells_how_it_is(running):
    running.chat(ASK)
    engine = watch(running.spec.kind, running.spec.address)
    assert engine.ready()
    assert engine.models() == ["router"]
    assert len(engine.tokenize("order 4711")) > 4
    vitals = engine.vitals()
    assert vitals.tokens > 0
    assert vitals.busy == vitals.queued == 0


def test_its_socket_is_its_owner_s_alone(running):
    assert oct(running.spec.socket.stat().st_mode & 0o077) == "0o0"


def test_it_lives_through_clients_that_leave_and_its_own_end(spec_of):
    """Nine long answers are begun and left (there are eight places); killed, it comes back; asked, it ends."""
    spec = spec_of()
    with Running(spec) as first:
        for _ in range(9):
            begin(first, temperature=2.0, max_tokens=200)
        assert text_of(first.chat(ASK)) == ANSWER
        first.process.kill()
        first.process.wait()
        assert spec.socket.exists(), "what is tested is a socket that was left behind"
        with Running(spec) as again:
            assert text_of(again.chat(ASK)) == ANSWER
            said = end_while_answering(again) if spec.kind != "llamacpp" else ["[DONE]"]
            again.client.close()
            again.process.send_signal(signal.SIGTERM)
            assert again.process.wait(60) == 0
            assert not spec.socket.exists()
    # llama.cpp, asked to end within an answer, waits half a minute: its supervisor kills it before
    assert "[DONE]" in "".join(said[-2:])


def begin(engine, **more):
    body = {"messages": [{"role": "user", "content": "x"}], "stream": True, **more}
    with engine.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        next(answer.iter_lines())


def end_while_answering(engine):
    """Ask, send SIGTERM when the answer has begun, and return what came."""
    body = {"messages": [{"role": "user", "content": ASK}], "stream": True, "temperature": 0}
    said = []
    with engine.client.stream("POST", "/v1/chat/completions", json=body) as answer:
        lines = answer.iter_lines()
        said.append(next(lines))
        engine.process.send_signal(signal.SIGTERM)
        with suppress(httpx2.TransportError):
            said.extend(lines)
    return said


def test_a_second_one_does_not_take_the_socket_over(running):
    done = subprocess.run(
        command(running.spec), capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 1
    assert "listens" in done.stdout + done.stderr
    assert text_of(running.chat(ASK)) == ANSWER


def test_a_folder_without_the_model_fails_with_its_reason(spec_of, tmp_path):
    spec = spec_of()
    empty = type(spec)(spec.name, str(tmp_path / "none"), "router", spec.address, kind=spec.kind)
    done = subprocess.run(command(empty), capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 1
    assert "none" in done.stdout + done.stderr
