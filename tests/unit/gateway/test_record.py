"""The frame of a call says of each field what the call says; each call leaves one."""

import asyncio
import os
from types import SimpleNamespace

import pytest

from volano.gateway import answer
from volano.gateway.budgets import Budgets
from volano.gateway.call import Call
from volano.gateway.door import CHAT
from volano.gateway.health import Health, RetryBudget
from volano.gateway.record import close, record, record_soon
from volano.gateway.routes import Route, Way
from volano.gateway.snapshot import Arm, Key, Target
from volano.gateway.vitals import Vitals
from volano.traces.frame import Call as Frame
from volano.traces.frame import decode_call
from volano.traces.trace import STOPPED
from volano.wire.exchange import Usage
from volano.wire.peek import peek_chat


class Clock:
    def monotonic_us(self):
        return 1_700


class Slot:
    def __init__(self):
        self.counted = []

    def count(self, slot, *, error):
        self.counted.append((slot, error))


class Batch:
    def __init__(self):
        self.added = []

    def add(self, payload, then):
        self.added.append((payload, then))


class State:
    name = "w3"

    def __init__(self, region=""):
        self.routes = SimpleNamespace(snapshot=SimpleNamespace(region=region))
        self.retries = RetryBudget()
        self.budgets = Budgets()
        self.vitals = Vitals()
        self.pulse = self.vitals.claim(os.getpid(), self.name)
        self.clock, self.slot, self.batch, self.kept = Clock(), Slot(), Batch(), []

    def keep(self, kind, payload):
        self.kept.append((kind, payload))
        return True


class Origin:
    host = "h"


CHAT_BODY = b'{"model":"support","messages":[{"role":"user","content":"?"}]}'
TARGET = Target(name="t1", url="http://h:1", model="router")
ARM = Arm(release="support@2", release_digest="sha256:ab", targets=(TARGET,), share=250_000,
          arm="candidate", rollout="r1", slot=5)  # fmt: skip


def call(**more) -> Call:
    way = Way(TARGET, Origin(), Health())
    fields = {
        "state": State(), "request": None, "door": CHAT, "began_us": 5_000_000, "began_at_us": 1_000,
        "first_at_us": 1_200, "key": Key(id="k1", group="team/a"), "trace": "a" * 32,
        "span": "b" * 16, "parent": "c" * 16, "body": b"{ask}", "streamed": True,
        "channel": "support", "unit": "ügyfél-7", "route": Route(ARM, [way]), "way": way,
        "status": 200, "outcome": "ok", "error": "why", "response": b"{answer}",
    }  # fmt: skip
    return Call(**{**fields, **more})


def test_the_frame_of_a_call():
    made = call()
    assert decode_call(close(made)) == Frame(
        id="a" * 32, span_id="b" * 16, parent_span_id="c" * 16, began_us=5_000_000,
        ended_us=5_000_700, first_us=5_000_200, key_id="k1", group="team/a", channel="support",
        release="support@2", release_digest="sha256:ab", share=250_000, arm="candidate",
        rollout="r1", unit="ügyfél-7", door="openai.chat", target="t1", model="router",
        streamed=True, status=200, outcome="ok", error="why", request=b"{ask}",
        response=b"{answer}", worker="w3",
    )  # fmt: skip
    assert made.state.slot.counted == [(5, False)]


def test_the_frame_of_a_call_that_was_refused_early():
    made = call(route=None, way=None, first_at_us=0, outcome="refused", status=404)
    frame = decode_call(close(made))
    assert (frame.release, frame.share, frame.arm, frame.rollout) == ("", 0, "", None)
    assert (frame.target, frame.model, frame.first_us) == ("", "", None)
    assert made.state.slot.counted == []


@pytest.mark.parametrize(("outcome", "bad"), [("error", True), ("cut", True), ("left", False)])
def test_what_counts_as_an_error(outcome, bad):
    made = call(outcome=outcome)
    close(made)
    assert made.state.slot.counted == [(5, bad)]


@pytest.mark.parametrize("outcome", ["error", "cut"])
def test_what_our_own_shutdown_ends_is_no_call_of_the_release(outcome):
    made = call(outcome=outcome, error=STOPPED)
    assert decode_call(close(made)).error == STOPPED
    assert made.state.slot.counted == []


@pytest.mark.parametrize(
    ("told", "opening", "produced", "usage", "estimated"),
    [
        (None, None, 3, Usage(input=10, output=3), True),
        (None, None, 0, Usage(input=10), True),
        (None, Usage(input=12, output=1, cached=4), 3, Usage(input=12, output=3, cached=4), True),
        (None, Usage(input=12, output=4), 3, Usage(input=12, output=4), True),
        (Usage(input=7, output=5), Usage(input=9), 6, Usage(input=7, output=5), False),
        (Usage(input=12), None, 2, Usage(input=12, output=2), True),
        (Usage(input=12), None, 0, Usage(input=12), False),
    ],
)
@pytest.mark.parametrize("outcome", ["cut", "left"])
def test_the_tokens_of_a_stream_that_broke_off(outcome, told, opening, produced, usage, estimated):
    made = call(
        outcome=outcome, body=b"x" * 43, usage=told, opening=opening, produced=produced
    )  # fmt: skip
    frame = decode_call(close(made))
    assert (frame.usage, frame.estimated) == (usage, estimated)


def test_the_tokens_of_a_plain_answer_that_broke_off_are_not_known():
    frame = decode_call(close(call(outcome="left", streamed=False)))
    assert (frame.usage, frame.estimated) == (None, False)


def test_the_frame_of_a_whole_answer_leaves_its_tokens_to_its_bodies():
    assert decode_call(close(call(usage=Usage(input=7, output=5)))).usage is None


def test_a_call_without_an_answer_costs_nothing_unless_money_was_lost_on_it():
    free = decode_call(close(call(outcome="error", unanswered=True)))
    assert (free.cost_nano, free.priced_by) == (0, "no answer")
    lost = call(outcome="error", unanswered=True, cost_nano=9, priced_by="held")
    assert decode_call(close(lost)).cost_nano == 9
    assert decode_call(close(call(outcome="error"))).cost_nano is None


def test_a_call_is_recorded_once():
    made, heard = call(), []
    record_soon(made, heard.append)
    record_soon(made, heard.append)
    assert record(made)
    assert heard == [True]  # of the second; the first waits for its write
    assert len(made.state.batch.added) == 1
    assert made.state.kept == []


def test_a_call_without_a_key_leaves_nothing():
    made, heard = call(key=None), []
    assert record(made)
    record_soon(made, heard.append)
    assert heard == [True]
    assert made.state.kept == made.state.batch.added == []


def test_a_call_whose_client_leaves_at_once_is_recorded_and_its_upstream_never_asked():
    async def story():
        made = call(streamed=False, body=CHAT_BODY, peek=peek_chat(CHAT_BODY))
        made.state.loop = asyncio.get_running_loop()
        begun = answer.begin(made, made.route.ways)
        begun.left()
        await asyncio.sleep(0)  # the stand-in of an origin has no `send`: asking would raise
        assert begun.detour is None
        return made

    loop = asyncio.new_event_loop()
    raised = []
    loop.set_exception_handler(lambda _, context: raised.append(context))
    made = loop.run_until_complete(story())
    loop.close()
    assert raised == []
    ((_, payload),) = made.state.kept
    frame = decode_call(payload)
    assert (frame.outcome, frame.cost_nano, frame.priced_by) == ("left", 0, "not asked")
    assert (frame.usage, frame.estimated) == (Usage(), False)


def test_a_call_that_breaks_the_gateway_is_answered_all_the_same(caplog):
    class Client:
        fields, answers = {}, []

        def respond(self, status, headers, body):
            self.answers.append((status, body))

    async def story():
        made = call(request=Client(), streamed=False, body=CHAT_BODY, peek=peek_chat(CHAT_BODY))
        made.state.loop = asyncio.get_running_loop()
        answer.begin(made, made.route.ways)
        await asyncio.sleep(0)  # the stand-in of a state lacks what asking needs
        return made

    loop = asyncio.new_event_loop()
    made = loop.run_until_complete(story())
    loop.close()
    ((status, body),) = made.request.answers
    assert (status, b"fault" in body) == (500, True)
    ((_, payload),) = made.state.kept
    assert (decode_call(payload).outcome, decode_call(payload).status) == ("refused", 500)
    assert "could not be put to its target" in caplog.text


@pytest.mark.parametrize("outcome", ["ok", "error"])
def test_what_is_asked_again_is_marked_and_not_counted(outcome):
    one = call(outcome=outcome, replayed="ab" * 16)
    assert decode_call(close(one)).tags["replay"] == "ab" * 16
    assert one.state.slot.counted == []


@pytest.mark.parametrize(
    ("here", "said", "kept"),
    [
        ("eu", {"plan": "pro"}, {"plan": "pro", "region": "eu"}),
        ("eu", {"region": "us"}, {"region": "us"}),
        ("", {}, {}),
    ],
)
def test_a_call_is_of_its_own_region_else_of_the_gateways(here, said, kept):
    one = call(state=State(here), tags=said)
    assert decode_call(close(one)).tags == kept
