from pathlib import Path

import pytest

from support.desk import AT_US, DAY_US, Desk
from support.workspace import ANNA
from volano.costs.errors import BadDimensionError, BadOnlyError, BadRatioError, NoPriceError
from volano.store import Database

HOUR_US = DAY_US // 24
CALL_NANO = 1000 * 150 + 100 * 600


@pytest.fixture
def desk(database: Database, tmp_path: Path):
    found = Desk(tmp_path, database)
    yield found
    found.costs.close()


def told(rows, *names):
    return [tuple(row[name] for name in (*names, "cost", "calls", "unpriced")) for row in rows]


def test_money_is_summed_by_any_dimension_and_two_at_once(desk):
    with desk.spool() as spool:
        desk.call(spool, tags={"team": "α", "cache": "miss"}, target="eu")
        desk.call(spool, group="shop/sales", target="us")
        desk.call(spool, group="shop", cost_nano=7, cost_currency="EUR", priced_by="own")
        desk.call(spool, group="shopping", model="nobody/knows")
        desk.call(spool, group="shop", outcome="refused", response=b"")
    desk.record()
    show = desk.spending.show
    assert told(show("group-tree"), "group-tree") == [
        ("shop", "0.00042 USD", 2, 0),
        ("shop/sales", "0.00021 USD", 1, 0),
        ("shop/support", "0.00021 USD", 1, 0),
        ("shop", "0.000000007 EUR", 1, 0),
        ("shopping", "unknown", 1, 1),
    ]
    assert told(show("target", then="tag:team", of="group:shop"), "target", "tag:team") == [
        ("eu", "α", "0.00021 USD", 1, 0),
        ("us", "", "0.00021 USD", 1, 0),
        ("t", "", "0.000000007 EUR", 1, 0),
    ]
    assert told(show("day", then="hour", of="tag:team=α"), "day", "hour") == [
        ("2025-06-15", "2025-06-15T15:00", "0.00021 USD", 1, 0)
    ]
    by_channel = desk.spending.sums(["channel"])
    by_target = desk.spending.sums(["target"])
    assert sum(s.nano for _, s in by_channel) == sum(s.nano for _, s in by_target)
    assert show("channel", since="1h")[0]["calls"] == 2
    for odd in ("it's", '"', "]", "a.b", "✓"):
        assert {row[f"tag:{odd}"] for row in show(f"tag:{odd}")} == {""}
        assert show(of=f"tag:{odd}=x") == []
    for bad in ("colour", "tag:"):
        with pytest.raises(BadDimensionError):
            show(bad)
    with pytest.raises(BadOnlyError):
        show(of="shop")


def test_another_model_is_priced_on_the_recorded_tokens(desk):
    cached = (
        b'{"usage":{"prompt_tokens":1000,"completion_tokens":100,'
        b'"prompt_tokens_details":{"cached_tokens":400}}}'
    )
    huge = b'{"usage":{"prompt_tokens":300000,"completion_tokens":1}}'
    vectors = b'{"data":[],"usage":{"prompt_tokens":1000,"total_tokens":1000}}'
    with desk.spool() as spool:
        desk.call(spool)
        desk.call(spool, response=cached)
        desk.call(spool, response=huge)
        desk.call(spool, response=b"", outcome="left", held_nano=900, cost_currency="USD")
        desk.call(spool, response=vectors, door="openai.embeddings",
                  model="openai/text-embedding-3-small")  # fmt: skip
        desk.call(spool, channel="own", model="nobody/knows")
        desk.call(spool, began_us=AT_US - 40 * DAY_US)
    desk.record()
    desk.costs.set_price(
        "m", provider="acme", input="1", output="2", more={"cached": "0.1"}, by=ANNA
    )
    support, own, *totals = desk.spending.what_if("openai:gpt-4o")
    # gpt-4o: 2.50 in, 1.25 cached, 10.00 out a million; its context is 128,000
    assert (
        support["would"] == "0.0065 USD"
    )  # 2 x 1000 x 2.5 + 2 x 100 x 10, less 400 x 1.25, in millionths
    assert support["uncached"] == "0.007 USD"
    assert support["was"] == "0.00039 USD"  # 2 x 0.00021 less 400 x 0.075 millionths
    assert support["change"] == "+1566.7%"
    counted = ("calls", "compared", "unpriced", "no_usage", "too_long", "no_text")
    assert [support[name] for name in counted] == [5, 2, 0, 1, 1, 1]
    assert (own["was"], own["calls"], own["unpriced"], own["compared"]) == ("unknown", 1, 1, 1)
    assert (own["would"], own["change"]) == ("0.0035 USD", "")
    assert [row["channel"] for row in totals] == ["all channels"] * 2
    priced = desk.spending.what_if("acme:m", token_ratio=1.5, of="channel:support")[0]
    # no context is known of it: the long one is compared too; 1.5 tokens for one, rounded up
    uncached = 2 * (1500 * 1000 + 150 * 2000) + 450_000 * 1000 + 2 * 2000
    assert priced["uncached"] == f"{uncached / 1e9:.9f}".rstrip("0") + " USD"
    for wrong in ("gpt-4o", "openai:no-such", ""):
        with pytest.raises(NoPriceError):
            desk.spending.what_if(wrong)
    with pytest.raises(BadRatioError):
        desk.spending.what_if("openai:gpt-4o", token_ratio=0)


def test_history_is_forecast_and_a_key_that_moved_is_named(desk):
    with desk.spool() as spool:
        for hours in range(1, 24 * 36):
            busy = 5 if hours == 3 else 1
            for key, n in (("k1", 1), ("k2", busy * 2)):
                usage = b'{"usage":{"prompt_tokens":%d,"completion_tokens":%d}}'
                tokens = usage % (n * (900 + hours * 7919 % 200), 10)
                desk.call(spool, key_id=key, response=tokens, began_us=AT_US - hours * HOUR_US)
        desk.call(spool, key_id="new", cost_nano=10**9, cost_currency="USD",
                  began_us=AT_US - HOUR_US)  # fmt: skip
    desk.record()
    month, days = desk.spending.forecast()
    assert (month.span, days.span) == ("month to 2025-06-30", "30 days to 2025-07-14")
    assert month.spent.nano < month.low.nano <= month.expected.nano <= month.high.nano
    assert days.answer == "forecast"
    keys = {(one.what, one.answer) for one in desk.spending.forecast("key")}
    assert ("new", "not enough history: 0 of 21 whole days") in keys
    found = {(one.what, one.name, one.kind): one for one in desk.spending.watch().found}
    moved = found["key", "k2", "more"]
    assert (moved.since, moved.until) == ("2025-06-15T12:00:00Z", "2025-06-15T13:00:00Z")
    assert moved.cost.nano > 4 * moved.expected.nano
    assert found["key", "new", "new"].cost.nano == 10**9
    assert ("key", "k1", "more") not in found
    [row] = [row for row in desk.spending.energy("channel") if row["channel"] == "support"]
    assert float(row["wh"].split(" – ")[0]) < float(row["wh_central"])


def test_without_history_there_is_no_answer(desk):
    with desk.spool() as spool:
        desk.call(spool)
    desk.record()
    assert {one.answer for one in desk.spending.forecast()} == {
        "not enough history: 0 of 21 whole days"
    }
    assert desk.spending.anomalies()[0]["what"] == "no answer"
