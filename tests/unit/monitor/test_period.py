"""A period tells what ran, changed, broke and was worth, and nothing of another time or channel."""

import pytest

from support.workspace import ANNA
from volano.app import App
from volano.app import folder as folders
from volano.feedback.recording import recorder
from volano.monitor.errors import BadPeriodError
from volano.monitor.period import Period
from volano.settings import load
from volano.traces import Call, Kind, Spool, encode
from volano.web.api.plain import plain
from volano.web.pages import paper

HOUR, DAY = 3_600_000_000, 86_400_000_000


def test_a_period_is_told_and_read_back_and_drawn(tmp_path):
    settings = load(tmp_path)
    folders.make(settings)
    with App(settings) as app:
        now = app.clock.now_us()
        with Spool(settings.path("spool"), "w1") as spool:
            for n in range(1, 13):
                at = now - (2 * HOUR if n % 2 else 9 * DAY)
                bad = n in (1, 2)
                call = Call(
                    id=f"{n:032x}", span_id=f"{n:016x}", began_us=at - 5000, ended_us=at,
                    channel="<b>shop" if n > 10 else "support", release="support@1", model="m", status=502 if bad else 200,
                    outcome="error" if bad else "ok", target="openai", cost_nano=1_000_000,
                    cost_currency="EUR", tags={"order": str(n)},
                )  # fmt: skip
                spool.append(Kind.CALL, encode(call))
        app.metrics.define("saving", type="money", currency="EUR", outcome=True, by=ANNA)
        app.feedbacks.outcome("saving", subject="order:3", value="2.50", by=ANNA)
        app.furnish()
        app.finish(None)
        with recorder(settings.path("spool"), settings.path("records", "hot.db")) as own:
            own.drain()
        found = app.periods.show(since="7d")
        cards = found.board.cards
        assert cards["requests"].now.value == 6
        assert cards["revenue"].now.value == 2.5e9
        assert cards["requests"].before.value == 6
        assert [(f.outcome, f.status, f.target, f.calls) for f in found.failures] == [
            ("error", "502", "openai", 1)
        ]
        assert {one.verb for one in found.changes} >= {"rollout.arrived", "record"}
        assert all(one.subject.startswith(("release/", "channel/")) for one in found.changes)
        assert [value for value, _ in found.slices["channel"].rows] == ["support", "<b>shop"]
        again = Period.read(plain(found))
        assert again.board.cards == cards
        page = paper.html(again, workspace="shop", now_us=now)
        assert "<b>shop" not in page
        assert "http" not in page.replace("https://", "").split("<body>")[0]
        assert "src=" not in page
        assert "<script" not in page
        assert "brought 2.50" in page
        one = app.periods.show(since="7d", channel="support")
        assert one.board.cards["requests"].now.value == 5
        assert not [c for c in one.changes if c.subject == "channel/ticket-router"]
        for since, until in (("tomorrow", ""), ("1d", "2d"), ("2090-01-01", "")):
            with pytest.raises(BadPeriodError):
                app.periods.show(since=since, until=until)
