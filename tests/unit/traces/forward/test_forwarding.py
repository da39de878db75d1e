"""What was recorded goes on, in order and at least once, whatever the other backend does."""

import json
import threading

import pytest

from simulators.door import Door
from support.otlp import NOW_US, as_protobuf, span
from volano.adapters.otlp import Sender
from volano.core.clock import ManualClock
from volano.traces import Call, HotStore, Kind, Recorder, Spool, encode
from volano.traces.forward import Forwarder
from volano.traces.forward.forwarder import HOUR_US, forwarding
from volano.traces.forward.place import load
from volano.traces.frame import Spans as SpansFrame
from volano.traces.sealed.records import Records
from volano.traces.sealed.sealer import Sealer


class Forwarding:
    def __init__(self, folder, url):
        self.folder, self.url, self.clock = folder, url, ManualClock(NOW_US)
        self.hot, self.spool = HotStore(folder / "hot.db"), Spool(folder / "spool", "w")
        self.recorder = Recorder(folder / "spool", self.hot)
        self.records = Records(folder / "hot.db")
        self.senders = []

    def forwarder(self, *, timeout_s=20.0, **more):
        environment = {"KEYS": "authorization=Bearer%20abc,x-team=a"}
        sender = Sender(self.url + "/v1/traces", "KEYS", environment=environment,
                        timeout_s=timeout_s)  # fmt: skip
        self.senders.append(sender)
        return Forwarder(self.records, self.folder / "forward.json", sender, clock=self.clock,
                         chance=lambda: 0.0, **more)  # fmt: skip

    def calls(self, *numbers, **more):
        for n in numbers:
            call = {"id": f"{n:032x}", "span_id": f"{n:016x}", "began_us": NOW_US,
                    "ended_us": NOW_US + 5, "model": "small", "door": "openai.chat"}  # fmt: skip
            self.spool.append(Kind.CALL, encode(Call(**call | more)))
        self.recorder.drain()

    def spans(self, *spans):
        frame = SpansFrame(received_us=NOW_US, body=as_protobuf(*spans))
        self.spool.append(Kind.SPANS, encode(frame))
        self.recorder.drain()

    def place(self):
        return load(self.folder / "forward.json")

    def close(self):
        self.recorder.close()
        self.spool.close()
        self.hot.close()
        self.records.close()
        for sender in self.senders:
            sender.close()


@pytest.fixture
def door():
    with Door() as door:
        yield door


@pytest.fixture
def room(tmp_path, door):
    room = Forwarding(tmp_path, door.url)
    yield room
    room.close()


def numbers(door):
    return [int(one.trace_id, 16) for one in door.spans]


def test_calls_and_spans_go_on_as_the_conventions_say(room, door):
    body = {"messages": [{"role": "user", "content": "szia"}]}
    answer = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}],
              "usage": {"prompt_tokens": 3, "completion_tokens": 2}}  # fmt: skip
    room.calls(1, provider="openai", session="s", unit="u", tags={"order": "7"}, environment="test",
               request=json.dumps(body).encode(), response=json.dumps(answer).encode())  # fmt: skip
    room.calls(2, outcome="error", status=503, error="away")
    said = {"a": 1, "b": [True, 2.5], "c": "ő", "d": {"e": "f"}}
    room.spans(span("step", said, trace="ab" * 16, parent="cd" * 8, status=2, message="no",
                    events=[("seen", 5, {"x": "y"})]))  # fmt: skip
    room.forwarder().step()
    call, failed, sent = door.wait(spans=3)
    assert (call.name, call.resource) == (
        "chat small", {"service.name": "volano", "deployment.environment.name": "test"})  # fmt: skip
    assert call.attributes["gen_ai.usage.input_tokens"] == 3
    assert call.attributes["gen_ai.conversation.id"] == "s"
    assert call.attributes["volano.tag.order"] == "7"
    assert json.loads(call.attributes["gen_ai.input.messages"])[0]["parts"][0]["content"] == "szia"
    assert (failed.status, failed.message, failed.attributes["error.type"]) == (2, "away", "503")
    assert (sent.name, sent.parent, sent.resource) == ("step", "cd" * 8, {"service.name": "shop"})
    assert (sent.status, sent.message, sent.events) == (2, "no", [{"name": "seen", "x": "y"}])
    assert sent.attributes["a"] == 1
    assert sent.attributes["b"] == [True, 2.5]
    headers = door.seen[0].headers
    assert (headers["authorization"], headers["x-team"]) == ("Bearer abc", "a")
    assert headers["content-encoding"] == "gzip"


def test_a_backend_that_is_away_gets_all_in_order_when_it_is_back(room, door):
    room.calls(1, 2)
    forwarder = room.forwarder(first_wait_s=2.0)
    door.answers += [(503, {"retry-after": "7"}, b""), (500, {}, b"<html>"), (401, {}, b"")]
    assert [forwarder.step() for _ in range(3)] == [7.0, 4.0, 8.0]
    assert room.place().trouble == "it answered 401"
    assert forwarder.step() == 0.0
    room.calls(3)
    door.answers.append((200, {}, b"garbage"))
    assert forwarder.step() == 0.0
    assert forwarder.step() > 0
    assert (numbers(door), room.place().sent, room.place().trouble) == ([1, 2], 3, "")
    assert room.forwarder().step() > 0, "one that starts again goes on behind"


def test_a_backend_that_hangs_or_is_gone_is_asked_again(room, door):
    room.calls(1)
    door.hang.clear()
    forwarder = room.forwarder(timeout_s=0.2)
    assert forwarder.step() == 1.0
    assert "Timeout" in room.place().trouble
    door.hang.set()
    forwarder.step()
    assert 1 in numbers(door)
    room.url = "http://127.0.0.1:9"
    room.calls(2)
    assert room.forwarder().step() == 1.0
    assert room.place().calls == 1


def test_what_is_refused_is_one_row_and_the_others_go_on(room, door):
    room.calls(1, 2, 3, 4)
    forwarder = room.forwarder()
    door.answers += [(413, {}, b""), (400, {}, b""), (400, {}, b"")]
    for _ in range(6):
        forwarder.step()
    assert (numbers(door), room.place().refused, room.place().sent) == ([2, 3, 4], 1, 3)
    room.calls(5, 6)
    door.answers.append((200, {}, b'{"partialSuccess": {"rejectedSpans": "1"}}'))
    forwarder.step()
    assert (room.place().refused, room.place().sent) == (2, 4)


def test_what_is_too_old_is_skipped_and_counted_and_sealed_rows_go_on(room, door):
    room.calls(1, 2, ended_us=NOW_US - 3 * HOUR_US, began_us=NOW_US - 3 * HOUR_US)
    room.calls(3, 4)
    Sealer(room.hot, room.clock).seal_all(keep=1)
    forwarder = room.forwarder(hours=2)
    forwarder.step()
    assert (numbers(door), room.place().skipped, room.place().sent) == ([3, 4], 2, 2)


def test_one_that_is_ended_between_sending_and_noting_sends_again(room, door, tmp_path):
    room.calls(1)
    before = room.forwarder()
    (tmp_path / "forward.json.new").mkdir()
    with pytest.raises(OSError, match=r"forward\.json"):
        before.step()
    (tmp_path / "forward.json.new").rmdir()
    with forwarding(room.forwarder()):
        door.wait(spans=2)
    assert numbers(door) == [1, 1]


def test_records_that_were_restored_from_an_older_copy_go_on(room, door, tmp_path):
    (tmp_path / "forward.json").write_bytes(b'{"calls": 100}')
    room.calls(1, 2)
    forwarder = room.forwarder()
    forwarder.step()
    room.calls(3)
    forwarder.step()
    assert numbers(door) == [3]


def test_recording_waits_for_nothing(room, door):
    door.hang.clear()
    room.calls(1)
    stop = threading.Event()
    thread = threading.Thread(target=room.forwarder(timeout_s=1.0).run, args=[stop])
    thread.start()
    room.calls(2, 3)
    assert room.records.bounds("calls") == (1, 3)
    stop.set()
    door.hang.set()
    thread.join(10)
    assert not thread.is_alive()
