import json
import math

import pytest

from volano.core.clock import ManualClock
from volano.core.errors import InvalidError, TooLargeError
from volano.core.principal import Principal
from volano.feedback import Feedbacks, sink
from volano.feedback.errors import BadValueError, EmptyFeedbackError, NoSpoolError
from volano.traces import Call, HotStore, Kind, Recorder, Spool, encode
from volano.traces.segment import Segment, segment_paths

ANNA = Principal("person", "anna", group="acme/support")
TRACE = "ab" * 16


class Desk:
    """Spool, recorder and keeper over one folder."""

    def __init__(self, folder):
        self.clock = ManualClock()
        self.spool = Spool(folder / "spool", "control")
        self.hot = HotStore(folder / "hot.db")
        self.recorder = Recorder(folder / "spool", self.hot, {Kind.FEEDBACK: sink})
        self.feedbacks = Feedbacks(self.spool, folder / "hot.db", self.clock)

    def say(self, trace_id=TRACE, **what):
        self.clock.advance(1)
        return self.feedbacks.add(trace_id, by=ANNA, **what)

    def call(self, trace_id, text, **more):
        body = json.dumps({"messages": [{"role": "user", "content": text}]})
        call = Call(
            id=trace_id, span_id="1" * 16, began_us=1, ended_us=2, request=body.encode(), **more
        )
        self.spool.append(Kind.CALL, encode(call))


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path)
    yield desk
    desk.recorder.close()
    desk.spool.close()
    desk.hot.close()


def test_feedback_is_kept_with_who_said_it(desk):
    said = desk.say(value=1, comment="stimmt, ge\u0301nial", correction="да")
    desk.recorder.drain()
    (found,) = desk.feedbacks.list()
    assert found.id == said.id
    assert (found.by, found.group, found.name) == ("person:anna", "acme/support", "correct")
    assert (found.value, found.comment, found.correction) == (1.0, "stimmt, génial", "да")
    assert found.at_us == desk.clock.now_us()
    assert found.seq == 1


def test_acknowledged_means_on_disk(desk, monkeypatch):
    synced = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    desk.say(value=0)
    assert synced
    (path,) = segment_paths(desk.spool.folder)
    assert len(Segment(path).read(0, dead=False).frames) == 1


@pytest.mark.parametrize(
    "trace", ["", "ab", "0" * 32, "AB" * 16, "zz" * 16, None, "ab" * 16 + "\n"]
)
def test_a_bad_trace_id_is_refused(desk, trace):
    with pytest.raises(InvalidError, match="trace id"):
        desk.say(trace, value=1)


@pytest.mark.parametrize(
    "value",
    [-0.01, 1.01, math.nan, math.inf, -math.inf, "1", 10**5000],
    ids=lambda v: f"{v:.2g}" if isinstance(v, float) else type(v).__name__,
)
def test_a_value_out_of_range_is_refused(desk, value):
    with pytest.raises(BadValueError, match="from 0"):
        desk.say(value=value)


@pytest.mark.parametrize("value", [0, 1, 0.5, True, False])
def test_values_in_range_are_taken(desk, value):
    assert desk.say(value=value).value == float(value)


@pytest.mark.parametrize("what", [{}, {"comment": ""}, {"comment": " \n", "correction": "\t"}])
def test_nothing_said_is_refused(desk, what):
    with pytest.raises(EmptyFeedbackError):
        desk.say(**what)


@pytest.mark.parametrize("name", ["", "Correct", "9", "a" * 65, "a b", None])
def test_a_bad_name_is_refused(desk, name):
    with pytest.raises(InvalidError, match="name"):
        desk.say(name=name, value=1)


def test_texts_have_a_limit_in_bytes_and_must_be_text(desk):
    desk.say(comment="é" * (32 << 10))
    with pytest.raises(TooLargeError, match="65538"):
        desk.say(comment="é" * (32 << 10) + "é")
    for bad in ("\ud800", "a\0b", 7):
        with pytest.raises(InvalidError, match="correction"):
            desk.say(correction=bad)
    desk.recorder.drain()
    assert len(desk.feedbacks.list()) == 1


def test_the_same_id_counts_once(desk):
    for value in (0, 1):
        desk.say(value=value, feedback_id="0198C0DE-0000-7000-8000-000000000001")
    desk.recorder.drain()
    assert [f.value for f in desk.feedbacks.list()] == [0.0]
    with pytest.raises(InvalidError, match="UUID"):
        desk.say(value=1, feedback_id="1; DROP TABLE feedback")


def test_what_was_said_on_many_traces_up_to_a_moment(desk):
    traces = [f"{n + 1:032x}" for n in range(1200)]
    for trace in (traces[7], traces[1100], traces[7], traces[900]):
        desk.say(trace, value=1)
    desk.recorder.drain()
    on = desk.feedbacks.on
    assert [(f.trace_id, f.seq) for f in on(traces, until_seq=3)] == [
        (traces[7], 1), (traces[1100], 2), (traces[7], 3),
    ]  # fmt: skip
    assert [f.seq for f in on(traces[:800], until_seq=4)] == [1, 3]
    assert on([], until_seq=4) == on(traces[1:5], until_seq=4) == ()


def test_lists_narrow_and_page_and_since_goes_on(desk):
    for n in range(6):
        desk.say(f"{n % 2 + 1:032x}", name=("correct", "helpful")[n % 3 == 0], value=n / 10)
    desk.recorder.drain()
    feedbacks = desk.feedbacks
    assert [f.value for f in feedbacks.list(limit=2)] == [0.5, 0.4]
    assert [f.value for f in feedbacks.list(limit=2, before_seq=5)] == [0.3, 0.2]
    assert [f.value for f in feedbacks.list(trace_id=f"{1:032x}")] == [0.4, 0.2, 0.0]
    assert [f.value for f in feedbacks.list(name="helpful")] == [0.3, 0.0]
    assert len(feedbacks.list(since_us=desk.clock.now_us())) == 1
    assert [f.value for f in feedbacks.since(4)] == [0.4, 0.5]
    assert [f.value for f in feedbacks.since(0, name="correct", limit=2)] == [0.1, 0.2]


def test_corrections_come_with_the_question(desk):
    one, two, odd = (f"{n:032x}" for n in (1, 2, 3))
    desk.call(one, "wo ist mein Paket", channel="support", release="support@1")
    desk.call(two, "订单在哪里", channel="other", release="other@1")
    desk.say(one, correction="first try")
    desk.say(one, value=0)
    desk.say(two, correction="shipping")
    desk.say(odd, correction="of an unknown trace")
    since_us = desk.clock.now_us()
    desk.say(one, correction="shipping!")
    desk.recorder.drain()
    pairs = [(c.trace.input_text, c.text) for c in desk.feedbacks.corrections()]
    assert pairs == [("订单在哪里", "shipping"), ("wo ist mein Paket", "shipping!")]
    corrections = desk.feedbacks.corrections
    assert [c.trace.id for c in corrections(channel="support")] == [one]
    assert [c.trace.id for c in corrections(release="other@1")] == [two]
    assert [c.trace.id for c in corrections(since_us=since_us)] == [one]
    assert corrections(channel="none") == ()


def test_before_anything_was_recorded_there_is_nothing(tmp_path):
    feedbacks = Feedbacks(None, tmp_path / "no" / "hot.db")
    assert feedbacks.list() == feedbacks.since(0) == feedbacks.corrections() == ()
    with pytest.raises(NoSpoolError):
        feedbacks.add(TRACE, value=1, by=ANNA)
    HotStore(tmp_path / "hot.db").close()
    assert Feedbacks(None, tmp_path / "hot.db").list() == ()


def test_an_unreadable_feedback_is_set_aside(desk):
    desk.spool.append(Kind.FEEDBACK, b"\xc1")
    desk.say(value=1)
    desk.recorder.drain()
    assert len(desk.feedbacks.list()) == 1
    assert desk.recorder.tally.losses == 1
