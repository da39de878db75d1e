"""KPIs of the business: what voices and outcomes say, of the same calls that are paid."""

import json
import shutil

import pytest

from support.databases import sqlite_url
from support.feedback_room import ANNA, JUDGE, Office
from volano.feedback import sink
from volano.monitor.drift.script import script
from volano.monitor.errors import NotSettableError, UnfitMetricError, UnknownDimensionError
from volano.monitor.kpi import KPIS
from volano.monitor.scorecard import ALL, Scorecard, step
from volano.monitor.series import Series
from volano.monitor.worth import WORTH, Answer
from volano.stats.intervals import wilson
from volano.store.db import Database
from volano.traces import Call, Kind, Recorder, encode

HOUR, DAY = 3_600_000_000, 86_400_000_000


class Shop(Office):
    """A shop that sells by answers: calls with tags, languages and prices; voices days later."""

    def __init__(self, folder, db):
        super().__init__(folder, db)
        self.recorder = Recorder(
            folder / "spool", self.hot, {Kind.FEEDBACK: sink}, clock=self.clock
        )
        self.scorecard = Scorecard(
            db=db, ledger=self.ledger, series=Series(self.traces), traces=self.traces,
            feedbacks=self.feedbacks, metrics=self.metrics, clock=self.clock, detect=script,
        )  # fmt: skip

    def ask(self, n, text="Where is my order?", *, ago_us=HOUR, **more):
        body = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
        at = self.clock.now_us() - ago_us
        given = {
            "channel": "support", "release": "support@1", "key_id": "k1", "model": "m1",
            "cost_nano": 2_000_000, "cost_currency": "EUR", "tags": {"order": str(n)}, "status": 200,
        } | more  # fmt: skip
        call = Call(id=f"{n:032x}", span_id=f"{n:016x}", began_us=at - 1000, ended_us=at,
                    request=body, **given)  # fmt: skip
        self.spool.append(Kind.CALL, encode(call))
        return call.id

    def show(self, name, **asked):
        self.read()
        return self.scorecard.show(name, **{"window": "1d"} | asked)

    def by(self, name, by, **asked):
        return {row[by]: row["value"] for row in self.show(name, by_what=by, **asked)}


@pytest.fixture
def shop(migrated, tmp_path):
    shutil.copy(migrated, tmp_path / "catalog.db")
    db = Database(sqlite_url(tmp_path))
    made = Shop(tmp_path, db)
    made.clock.advance(400 * 86_400)
    yield made
    made.close()
    db.close()


def test_what_is_not_measured_says_why_and_is_never_nought(shop):
    [row] = shop.show("satisfaction")
    assert (row["value"], row["shown"]) == (None, "not measured: no call")
    now = shop.clock.now_us()
    none = shop.scorecard.board(since_us=now - DAY, until_us=now).cards
    assert [n for n, card in none.items() if card.now.value is not None] == ["requests"]
    shop.ask(1, cost_nano=None, cost_currency="")
    why = {name: shop.show(name)[0]["shown"] for name in (*WORTH, "cost", "cost_per_request")}
    assert why == {
        "satisfaction": "not measured: nobody judged",
        "task_completion": "not measured: no outcome says whether a task is done",
        "cost_per_success": "not measured: no outcome says whether a task is done",
        "revenue": "not measured: no outcome is of money",
        "revenue_per_request": "not measured: no outcome is of money",
        "margin": "not measured: no outcome is of money",
        "return": "not measured: no outcome is of money",
        "cost": "not measured: no price is known",
        "cost_per_request": "not measured: no price is known",
    }


def test_outcomes_days_later_count_with_the_calls_they_are_of(shop):
    shop.metrics.define("sale", type="boolean", outcome=True, by=ANNA)
    shop.metrics.define("paid", type="money", outcome=True, currency="EUR", by=ANNA)
    shop.metrics.define("refund", type="money", outcome=True, direction="less", by=ANNA)
    for n in range(10):
        shop.ask(n, release=f"support@{1 + n % 2}", ago_us=3 * DAY)
    for n in range(8):
        shop.give(f"order:{n}", name="sale", value=n % 2 == 0)
    shop.give("order:0", name="paid", value="12.50 EUR")
    shop.give("order:2", name="paid", value="7.50")
    shop.give("order:1", name="refund", value="5 EUR")
    shop.give("order:99", name="paid", value="1000")  # its trace is not there
    assert shop.show("revenue")[0]["value"] is None  # nothing of the last day
    week = {"window": "7d"}
    [done] = shop.show("task_completion", **week)
    assert (done["value"], done["calls"]) == (0.5, 8)
    assert (done["low"], done["high"]) == wilson(4, 8)
    assert shop.show("cost_per_success", **week)[0]["value"] == 10 * 2_000_000 / 4
    assert shop.show("revenue", **week)[0]["shown"] == "15 EUR"
    assert shop.by("revenue", "release", **week) == {"support@1": 20e9, "support@2": -5e9}
    assert shop.by("task_completion", "release", **week) == {"support@1": 1, "support@2": 0}
    assert shop.show("margin", **week)[0]["value"] == 15e9 - 20_000_000
    assert shop.show("return", **week)[0]["value"] == 15e9 / 20_000_000
    now = shop.clock.now_us()
    board = shop.scorecard.board(
        since_us=now - 7 * DAY, until_us=now, where={"release": "support@1"}
    )
    assert board.cards["revenue"].now == Answer(20e9, 2, currency="EUR")
    assert board.cards["revenue"].before.value is None
    assert [v for _, v in board.cards["requests"].line if v] == [5]
    assert board.waiting == 1


def test_a_voice_taken_back_is_not_counted_and_a_task_counts_once(shop):
    shop.metrics.define("task", type="category", categories=["solved", "open"], good=["solved"],
                        outcome=True, by=ANNA)  # fmt: skip
    trace = shop.ask(1)
    shop.give(trace, name="task", value="open")
    shop.give("order:1", name="task", value="solved")  # the same task, told anew
    said = shop.give(trace, name="thumbs", value=0)
    shop.give(trace, name="helpful", value=1)
    shop.give(trace, name="helpful", value=0, by=JUDGE)  # a program's word is no satisfaction
    shop.read()
    shop.feedbacks.retract(said.id, by=ANNA)
    assert shop.show("task_completion")[0] | {"low": 0, "high": 0} == {
        "value": 1.0, "shown": "100% (20.65% to 100%)", "low": 0, "high": 0, "calls": 1,
    }  # fmt: skip
    [row] = shop.show("satisfaction")
    assert (row["value"], row["calls"]) == (1.0, 1)


def test_the_owner_says_what_a_kpi_is_made_of(shop):
    shop.metrics.define("stars", type="number", low=1, high=5, level="session", by=ANNA)
    shop.metrics.define("sale", type="boolean", outcome=True, by=ANNA)
    shop.metrics.define("reopened", type="boolean", direction="less", outcome=True, by=ANNA)
    shop.ask(1, session="s1")
    shop.ask(2, session="s2")
    shop.give("session:s1", name="stars", value=4)
    shop.give("session:s2", name="stars", value=3)
    shop.give("order:1", name="reopened", value="no")
    assert "several outcomes could say it" in shop.show("task_completion")[0]["shown"]
    shop.scorecard.set("satisfaction", metrics=["stars"], by=ANNA)
    shop.scorecard.set("task_completion", metrics=["reopened@1"], by=ANNA)
    assert shop.show("satisfaction")[0]["value"] == 0.5
    assert shop.show("task_completion")[0]["value"] == 1.0
    made = {row["name"]: row["made_of"] for row in shop.scorecard.list()}
    assert (made["satisfaction"], made["task_completion"]) == ("stars", "reopened")
    for kpi, metric in (("task_completion", "stars"), ("revenue", "sale")):
        with pytest.raises(UnfitMetricError):
            shop.scorecard.set(kpi, metrics=[metric], by=ANNA)
    with pytest.raises(NotSettableError):
        shop.scorecard.set("cost", metrics=["sale"], by=ANNA)
    shop.scorecard.clear("satisfaction", by=ANNA)
    assert shop.show("satisfaction")[0]["value"] is None
    assert [e.verb for e in shop.ledger.list(subject="kpi/satisfaction")] == ["clear", "set"]


def test_every_kpi_by_every_dimension(shop):
    for n, (text, team) in enumerate((("Where is it?", "red"), ("Hol van?", "red"),
                                      ("Где заказ?", "blue"), ("订单在哪里？", "blue"))):  # fmt: skip
        trace = shop.ask(n + 1, text, tags={"team": team, "region": "eu"}, key_id=f"k{n}",
                         outcome="ok" if n else "error", first_us=shop.clock.now_us() - HOUR - 500,
                         streamed=True)  # fmt: skip
        shop.give(trace, name="thumbs", value=n % 2)
    assert shop.by("satisfaction", "language") == {"cyrillic": 0, "han": 1, "latin": 0.5}
    assert shop.by("requests", "language") == {"cyrillic": 1, "han": 1, "latin": 2}
    assert shop.by("error_rate", "tag.team") == {"blue": 0, "red": 0.5}
    assert shop.by("satisfaction", "key") == {"k0": 0, "k1": 1, "k2": 0, "k3": 1}
    assert shop.by("latency_p95", "region", where=["language=latin"]) == {
        "eu": pytest.approx(1000, rel=0.01)
    }
    assert shop.by("satisfaction", "tag.team", where=["key=k3"]) == {"blue": 1}
    now, each = shop.clock.now_us(), {}
    for by in ("model", "region"):  # from the rollups, and from rows: the same
        found = shop.scorecard.ask([*KPIS.values()], by=[by], since_us=now - DAY, until_us=now)
        each[by] = next(iter(found.values()))
    assert each["model"] == each["region"]
    for wrong, name in (("planet", "requests"), ("outcome", "satisfaction"), ("tag.", "cost")):
        with pytest.raises(UnknownDimensionError):
            shop.show(name, by_what=wrong)
    slices = shop.scorecard.slices(
        "outcome", ["satisfaction", "cost"], since_us=now - DAY, until_us=now
    )
    assert [(name, [*answers]) for name, answers in slices.rows] == [
        ("ok", ["requests", "cost"]), ("error", ["requests", "cost"]),
    ]  # fmt: skip


def test_several_currencies_are_not_summed(shop):
    shop.metrics.define("paid", type="money", outcome=True, by=ANNA)
    shop.ask(1)
    shop.ask(2, cost_currency="USD")
    shop.give("order:1", name="paid", value="1 EUR")
    assert shop.show("cost")[0]["why"] == "it is in several currencies: EUR, USD"
    assert shop.show("margin")[0]["why"] == "it is in several currencies: EUR, USD"
    [row] = shop.show("margin", where=["tag.order=2"])
    assert row["why"] == "no amount was told"
    assert shop.show("margin", where=["tag.order=1"])[0]["value"] == 1e9 - 2_000_000


def test_lines_have_steps_that_the_rollups_have():
    for span in (10_000_000, HOUR, DAY, 7 * DAY, 30 * DAY, 400 * DAY):
        assert span / step(span) <= 60
        assert step(span) % 10_000_000 == 0
    assert {one.kind for one in ALL.values()} == {"technical", "business"}
    assert all(one.says.endswith(".") and one.formula for one in ALL.values())
