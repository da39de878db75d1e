"""What a client cannot set, and what it hears when no more calls may wait for an engine."""

import json

import pytest
from msgspec import structs

from simulators.line import Line, ask, call_of, chat
from simulators.workers import Channel, Workers, arm, snapshot, until
from volano.wire.openai import with_fields

LORA = {"lora": [{"id": 2, "scale": 1.0}]}


@pytest.fixture
def own(tmp_path):
    made = Workers(tmp_path / "state", retry_s=0.3)
    yield made
    made.close()


def serve(own, upstream, act, **changes):
    found = arm(upstream.url, act)
    target = structs.replace(found.targets[0], engine=True, **changes)
    own.publish(snapshot({"support": Channel(arms=(structs.replace(found, targets=(target,)),))}))
    own.start()


SAID = ('"lora":[{"id":0}],', '"lor\\u0061":[{"id":0}],', '"lora":1,"lora":2,', "")


def test_which_adapter_answers_is_not_the_clients_to_say(own, upstream):
    serve(own, upstream, "ok", fields=LORA)
    words = json.dumps(chat("support")["messages"])
    line = Line(own.port)
    for said in SAID:
        for streamed in ("true", "false"):
            body = f'{{{said}"stream":{streamed},"model":"support","messages":{words}}}\n'
            assert line.send(ask(body.encode())).answer()[0] == 200
            _, heard = upstream.seen[-1]
            assert heard["lora"] == LORA["lora"]
            assert heard["messages"] == chat("support")["messages"]
    line.close()


def test_fields_replace_what_the_body_says_of_them_and_touch_nothing_else():
    tail = {"lora": b"[]"}
    assert with_fields(b'{"a": 1 } ', tail) == b'{"a": 1 ,"lora":[]}'
    assert json.loads(with_fields(b'{"lora":[1],"a":"lora"}', tail)) == {"a": "lora", "lora": []}


def test_calls_beyond_the_queue_are_refused_at_once_and_the_others_answered(own, upstream):
    serve(own, upstream, "held", capacity=1, queue=2)
    lines = [Line(own.port).send(ask(chat("support"))) for _ in range(3)]
    until(lambda: upstream.held == 3)
    extra = Line(own.port)
    status, headers, body = extra.send(ask(chat("support"))).answer()
    assert status == 503
    assert int(headers["retry-after"]) >= 1
    assert json.loads(body)["error"]["code"] == "overloaded"
    assert call_of(own, headers["x-volano-trace"]).outcome == "refused"
    upstream.release()
    assert [line.answer()[0] for line in lines] == [200, 200, 200]
    for line in (*lines, extra):
        line.close()
