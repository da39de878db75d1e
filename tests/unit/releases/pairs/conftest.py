"""A channel whose calls are copied to a candidate, and a judge behind HTTP."""

import json

import pytest
from tests.unit.monitor.evaluators.conftest import Live, live, server

from support.judges import PAIRWISE
from support.workspace import ANNA
from volano.monitor.drift.script import script
from volano.monitor.evaluators.book import Book
from volano.monitor.evaluators.looking import Around
from volano.monitor.evaluators.voice import Voice
from volano.releases.pairs.judging import PairJudging
from volano.releases.pairs.listing import Pairings

__all__ = ["live", "server"]
PLAN = "shadow 20% {pairs} pairs{judge}, 25%, 100%"


class Mirror:
    """A rollout in its shadow step. `pair` records a call and its copy."""

    def __init__(self, live: Live):
        self.live, self.street = live, live.street
        self.shop = live.workspace
        self.n = 0

    def begin(self, pairs=50, judge="", margins=None, plan="", **given):
        release = self.shop.cut()
        said = plan or PLAN.format(pairs=pairs, judge=f" judge {judge}" if judge else "")
        self.rollout = self.shop.releases.promote(
            release.ref, channel="support", plan=said, by=ANNA, **given
        )
        self.street.tick()
        self.restart()
        return self.rollout

    def restart(self):
        """Control as it is after a crash."""
        live = self.live
        book = Book(live.db, self.shop.ledger, live.clock, day=lambda _us: "whole")
        around = Around(
            traces=self.street.traces, spans=live.spans, kept=lambda _kind, ref: live.judges.kept(ref),
            open=live.open, price_of=lambda _name: live.price, price_of_call=lambda _call: None,
            again=live.ask_again, detect=script,
        )  # fmt: skip
        voice = Voice(live.feedbacks, live.metrics, live.clock)
        self.book = book
        self.judging = PairJudging(self.shop.releases, book, around, voice, live.judges, live.clock)
        self.pairings = Pairings(
            self.shop.releases, self.street.traces, live.feedbacks, self.judging.trouble
        )
        self.street.reconciler = self.street.fresh()

    def pairwise(self, model="judge"):
        text = PAIRWISE.replace("model: m", f'model: "sim:{model}"')
        return self.live.judges.save(text=text, name="better", by=ANNA)

    def call(self, arm, answer, *, asked=None, outcome="ok", **more):
        body = asked or {"messages": [{"role": "user", "content": "Wo ist mein Paket?"}]}
        choice = {"message": {"content": answer}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 10}
        said = {"choices": [choice], "usage": usage} if outcome == "ok" else {"error": {}}
        return self.street.call(
            "support", arm, outcome=outcome, request=json.dumps(body).encode(),
            door="openai.chat", response=json.dumps(said).encode(), **more,
        )  # fmt: skip

    def pair(self, original="It is there. [good]", copy="It is there. [good]", *, unit="",
             asked=None, outcomes=("ok", "ok"), copied=None, told=None):  # fmt: skip
        """Record a call and its copy, and the scores that a program gave both; return their ids."""
        self.n += 1
        unit = unit or f"user-{self.n}"
        first = copied or self.call("stable", original, asked=asked, outcome=outcomes[0], unit=unit)
        second = self.call(
            "shadow", copy, asked=asked, outcome=outcomes[1], unit=unit, tags={"shadow": first}
        )
        for id_, value in zip((first, second), told or (), strict=bool(told)):
            self.street.say(id_, value, name="exact")
        return first, second

    def tick(self, seconds=0.1):
        self.street.tick(seconds=seconds)

    def judge(self):
        self.street.recorder.drain()
        judged = self.judging.once()
        self.tick()
        return judged

    @property
    def state(self):
        found = self.shop.releases.rollout(self.rollout.id)
        return found.state, found.step

    def verdicts(self, gate=None):
        self.tick()
        found = self.street.reconciler.status("support")["decision"]["verdicts"]
        return [one for one in found if gate in (None, one["evidence"]["gate"])]

    @property
    def evidence(self):
        self.tick()
        return self.street.reconciler.status("support")["evidence"]["pairs"]


@pytest.fixture
def mirror(live):
    return Mirror(live)
