"""What a client gets, and what the trace says, when the upstream or the client misbehaves."""

import json
import threading
import time

import msgspec
import openai
import pytest

from simulators.line import Line, ask, call_of, chat
from simulators.upstream import Upstream
from simulators.workers import KEY, Channel, Flow, Workers, arm, snapshot, until


def events_of(body: bytes) -> list[str]:
    return [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]


@pytest.mark.parametrize(
    ("act", "status", "code"),
    [
        ("status-400", 400, None), ("status-429", 429, None), ("status-500", 500, None),
        ("status-401", 502, "upstream_401"), ("html", 502, "upstream_malformed"),
        ("garbage", 502, "upstream_malformed"), ("headers", 502, "upstream_malformed"),
        ("stall", 504, "upstream_timeout"),
        ("close", 502, "upstream_closed"), ("cut", 502, "upstream_closed"),
        ("lie", 502, "upstream_closed"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("streamed", [False, True])
def test_failures_before_a_byte_was_passed_on(line, gateway, act, status, code, streamed):
    if streamed and act in ("cut", "lie"):
        pytest.skip("another story when streamed")
    got, headers, body = line.send(ask(chat(act, stream=streamed))).answer()
    assert got == status
    error = json.loads(body)["error"]
    assert error["message"]
    assert code is None or error["code"] == code
    call = call_of(gateway, headers["x-volano-trace"])
    assert (call.outcome, call.status, call.streamed) == ("error", status, streamed)
    assert call.error
    assert call.first_us is None
    began = code == "upstream_malformed" or act in ("cut", "lie")  # it may be charged for
    free = (None, "") if began else (0, "no answer")
    assert (call.cost_nano, call.priced_by) == free
    assert line.send(ask(chat("ok"))).answer()[0] == 200


NEXT = {
    401: "wants a key (status 401). Give it one with `volano target key t1`",
    402: "wants its account paid (status 402)", 403: "`volano target check t1`",
    404: "`volano target show t1`", 302: "`volano target update t1 --url URL`",
}  # fmt: skip


@pytest.mark.parametrize("status", list(NEXT))
def test_what_speaks_of_our_account_names_the_target_and_the_next_command(own, upstream, status):
    channels = {"support": Channel(arms=(arm(upstream.url, f"status-{status}"),))}
    own.publish(snapshot(channels))
    own.start()
    line = Line(own.port)
    got, headers, body = line.send(ask(chat("support"))).answer()
    error = json.loads(body)["error"]
    assert (got, error["code"]) == (502, f"upstream_{status}")
    assert error["message"].startswith("The target `t1` of channel `support` ")
    assert NEXT[status] in error["message"]
    assert f"`volano trace show {headers['x-volano-trace']}`" in error["message"]
    assert "upstream says no" not in body.decode()
    line.close()


@pytest.mark.parametrize("act", ["cut", "quiet-end", "error-event"])
def test_a_cut_stream_ends_with_an_error_event_and_never_with_done(line, gateway, act):
    status, headers, body = line.send(ask(chat(act, stream=True))).answer()
    assert status == 200
    rows = events_of(body)
    assert "[DONE]" not in rows
    assert "error" in json.loads(rows[-1])
    assert sum("error" in json.loads(row) for row in rows) == 1
    assert line.closed()
    call = call_of(gateway, headers["x-volano-trace"])
    assert call.outcome == "cut"
    assert b"Hello" in call.response
    assert call.first_us is not None


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_what_the_upstream_told_before_the_cut_is_not_guessed(line, gateway, path):
    asked = chat("quiet-end", stream=True, max_tokens=90)
    if path == "/v1/responses":
        asked = {"model": "quiet-end", "stream": True, "input": "Hol a csomagom?"}
    _, headers, _ = line.send(ask(asked, path=path)).answer()
    call = call_of(gateway, headers["x-volano-trace"])
    assert (call.outcome, call.estimated) == ("cut", False)
    assert (call.usage.input, call.usage.output) == (7, 5)


def test_a_client_that_leaves_before_the_first_byte_has_asked_all_the_same(gateway, upstream):
    line = Line(gateway.port)
    line.send(ask(chat("stall", stream=True, user="early")))
    until(lambda: any(body.get("user") == "early" for _, body in upstream.seen))
    line.close()
    until(lambda: any(f.unit == "early" for f in gateway.frames()))
    (call,) = [f for f in gateway.frames() if f.unit == "early"]
    assert (call.usage.input, call.usage.output) == (len(call.request) // 4, 0)
    assert call.estimated
    assert call.cost_nano is None


def test_the_official_client_raises_on_a_cut_stream(gateway):
    with openai.OpenAI(base_url=gateway.url, api_key=KEY, max_retries=0) as client:
        stream = client.chat.completions.create(**chat("cut"), stream=True)
        with pytest.raises(openai.APIError, match="cut off"):
            list(stream)


@pytest.mark.parametrize("streamed", [True, False])
def test_a_client_that_leaves_stops_the_upstream_and_is_traced(gateway, upstream, streamed):
    line = Line(gateway.port)
    unit = f"leaver-{streamed}"
    act = "endless" if streamed else "slow"
    before = upstream.gone
    line.send(ask(chat(act, stream=streamed, user=unit)))
    if streamed:
        line.until(b"Hello")
    else:
        until(lambda: any(b.get("user") == unit for _, b in upstream.seen))
    line.close()
    until(lambda: any(f.unit == unit for f in gateway.frames()))
    (call,) = [f for f in gateway.frames() if f.unit == unit]
    assert (call.outcome, call.status) == ("left", 499)
    assert (b"Hello" in call.response) == streamed
    if streamed:
        until(lambda: upstream.gone > before)


def test_a_slow_reader_holds_the_upstream_back_and_the_trace_keeps_a_bounded_part(gateway):
    line = Line(gateway.port, receive_buffer=65536)
    line.send(ask(chat("big", stream=True)))
    head = line.until(b"\r\n\r\n").decode()
    trace = head.split("x-volano-trace: ")[1][:32]
    time.sleep(0.3)  # takes nothing meanwhile
    assert not [f for f in gateway.frames() if f.id == trace]
    total = 0
    while b"[DONE]" not in line.rest[-400:]:
        total += len(line.rest[:-400])
        line.rest = line.rest[-400:]
        assert line._more()
    assert total > 8_000_000
    until(lambda: any(f.id == trace for f in gateway.frames()))
    call = call_of(gateway, trace)
    assert call.outcome == "ok"
    assert len(call.response) < 20_000 + 10_000
    assert b'"usage": {' in call.response
    assert call.response.endswith(b"data: [DONE]\n\n")
    line.close()


@pytest.mark.slow
def test_connections_are_kept_and_replaced_when_the_upstream_closed_them(line, upstream):
    for _ in range(5):
        assert line.send(ask(chat("ok"))).answer()[0] == 200
    made = upstream.connections
    for _ in range(5):
        assert line.send(ask(chat("ok"))).answer()[0] == 200
    assert upstream.connections == made
    upstream.hang_up()
    assert line.send(ask(chat("ok"))).answer()[0] == 200
    assert upstream.connections == made + 1


@pytest.fixture()
def own(tmp_path):
    """A gateway of the test's own, before an upstream that may die."""
    made = Workers(tmp_path / "state", retry_s=25.0)
    yield made
    made.close()


def test_an_engine_that_comes_back_in_time_is_waited_for(own, tmp_path):
    path = tmp_path / "engine.sock"
    own.publish(snapshot({"support": Channel(arms=(arm(f"unix:{path}", "ok", engine=True),))}))
    own.start()
    line = Line(own.port).send(ask(chat("support", stream=True)))
    back: list[Upstream] = []
    timer = threading.Timer(0.4, lambda: back.append(Upstream(unix=path)))
    timer.start()
    status, headers, body = line.answer()
    assert status == 200
    assert events_of(body)[-1] == "[DONE]"
    assert call_of(own, headers["x-volano-trace"]).outcome == "ok"
    timer.join()
    back[0].stop()
    line.close()


@pytest.fixture()
def brief(tmp_path):
    """A gateway that hardly waits for an engine to come back."""
    made = Workers(tmp_path / "state", retry_s=0.1)
    yield made
    made.close()


@pytest.mark.parametrize("streamed", [False, True])
def test_an_engine_that_is_still_loading_is_told_with_when_to_come_again(brief, tmp_path, streamed):
    address = f"unix:{tmp_path / 'engine.sock'}"
    brief.publish(snapshot({"support": Channel(arms=(arm(address, "ok", engine=True),))}))
    brief.start()
    line = Line(brief.port).send(ask(chat("support", stream=streamed)))
    status, headers, body = line.answer()
    error = json.loads(body)["error"]
    assert (status, error["code"], headers["retry-after"]) == (503, "engine_loading", "5")
    assert "it is being loaded, or could not be. Try again in 5 s." in error["message"]
    assert call_of(brief, headers["x-volano-trace"]).outcome == "error"
    line.close()


def test_an_engine_that_says_itself_that_it_loads_names_a_time_too(brief, upstream):
    arms = (arm(upstream.url, "flaky-99", engine=True),)
    brief.publish(snapshot({"support": Channel(arms=arms)}))
    brief.start()
    line = Line(brief.port).send(ask(chat("support")))
    status, headers, body = line.answer()
    code = json.loads(body)["error"]["code"]
    assert (status, code, headers["retry-after"]) == (503, "engine_loading", "5")
    line.close()


def test_a_flow_is_rendered_and_shares_are_sticky(own, tmp_path, upstream):
    flow = Flow(before=({"role": "system", "content": "Be brief."},), user=("Ticket: ", "\nJSON:"),
                defaults={"max_tokens": 64, "temperature": 0})  # fmt: skip
    arms = (
        arm(upstream.url, "ok", share=500_000, flow=flow, slot=0),
        arm(upstream.url, "ok", share=500_000, flow=flow, slot=1, arm="candidate",
            release="support@2", rollout="r1"),
    )  # fmt: skip
    own.publish(snapshot({"support": Channel(arms=arms, salt="x")}))
    own.start()
    line = Line(own.port)
    seen: dict[str, set[str]] = {}
    for i in range(24):
        unit = f"user-{i % 8}"
        _, headers, _ = line.send(ask(chat("support", user=unit, temperature=1))).answer()
        seen.setdefault(unit, set()).add(headers["x-volano-release"])
    assert all(len(releases) == 1 for releases in seen.values())
    assert set().union(*seen.values()) == {"support@1", "support@2"}
    _, body = upstream.seen[-1]
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Ticket: Hol a csomagom? 你好\nJSON:"},
    ]
    assert (body["max_tokens"], body["temperature"]) == (64, 1)
    candidates = [f for f in own.frames() if f.arm == "candidate"]
    assert {(f.share, f.rollout, f.release) for f in candidates} == {(500_000, "r1", "support@2")}
    assert own.shared.counts(1) == (len(candidates), 0)
    assert own.shared.counts(0) == (24 - len(candidates), 0)
    line.close()


def test_an_engines_own_timings_do_not_reach_the_client(own, upstream):
    arms = (arm(upstream.url, "llama", engine=True),)
    own.publish(snapshot({"support": Channel(arms=arms)}))
    own.start()
    line = Line(own.port)
    _, headers, body = line.send(ask(chat("support"))).answer()
    assert set(json.loads(body)) == {"id", "object", "created", "model", "choices", "usage"}
    assert b"timings" not in call_of(own, headers["x-volano-trace"]).response
    wants = {"stream": True, "stream_options": {"include_usage": True}}
    _, _, body = line.send(ask(chat("support", **wants))).answer()
    rows = events_of(body)
    assert rows[-1] == "[DONE]"
    assert json.loads(rows[-2])["usage"]
    assert "timings" not in body.decode()
    line.close()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("lacks", "told"),
    [
        ("BIG_KEY", "the variable `BIG_KEY`, which should hold its key, is not set"),
        ("A:B:C", "the variables `A` and `B`, which should hold its key, are not both set"),
    ],
)
def test_a_target_whose_key_is_missing_is_not_asked(own, upstream, streamed, lacks, told):
    found = arm(upstream.url, "ok")
    target = msgspec.structs.replace(found.targets[0], lacks=lacks)
    arms = (msgspec.structs.replace(found, targets=(target,)),)
    own.publish(snapshot({"support": Channel(arms=arms)}))
    own.start()
    asked = len(upstream.seen)
    line = Line(own.port)
    status, headers, body = line.send(ask(chat("support", stream=streamed))).answer()
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (502, "upstream_key_missing")
    assert told in error["message"]
    assert "`volano model keys`" in error["message"]
    assert call_of(own, headers["x-volano-trace"]).outcome == "error"
    assert len(upstream.seen) == asked
    line.close()
