from pathlib import Path

import pytest

from support.desk import AT_US, DAY_US, Desk
from support.workspace import ANNA
from volano.core.money import Money
from volano.costs.book import Shelf
from volano.costs.errors import (
    BadAmountError,
    BadPriceError,
    BadSubjectError,
    BadTimeError,
    NoBudgetError,
)
from volano.costs.purse import LATER, Hold, Purse, Spent
from volano.store import Database
from volano.traces import Kind, encode
from volano.traces.frame import Begin
from volano.wire.exchange import Usage


@pytest.fixture
def desk(database: Database, tmp_path: Path):
    found = Desk(tmp_path, database)
    yield found
    found.costs.close()


def test_history_is_priced_anew(desk):
    with desk.spool() as spool:
        desk.call(spool, model="gpt-4o-mini", provider="openai")
        desk.call(spool, model="own", target="gpu")
        desk.call(spool, model="own", target="gpu", began_us=AT_US - DAY_US)
        desk.call(spool, response=b"", outcome="left", held_nano=900, cost_currency="USD")
        desk.call(spool, outcome="refused", response=b"")
    desk.record()
    before = {
        (r["cost"], r["calls"], r["unpriced"])
        for r in desk.spending.show("model", since="2025-06-01")
    }
    assert ("unknown", 2, 2) in before
    desk.costs.set_price("own", target="gpu", input="2", output="3", currency="EUR",
                         since="2025-06-01", by=ANNA)  # fmt: skip
    day = "2025-06-15"  # AT_US is of that day
    found = desk.costs.reprice(day, until="2025-06-16", by=ANNA)
    assert found == {"since": "2025-06-15T00:00:00Z", "until": "2025-06-16T00:00:00Z"}
    desk.record()
    refused, held, old, new, listed = desk.traces.list()
    assert (new.cost_nano, new.cost_currency) == (1000 * 2000 + 100 * 3000, "EUR")
    assert new.priced_by == "own price for target gpu own"
    assert (old.cost_nano, refused.cost_nano, held.cost_nano) == (None, 0, 900)
    assert listed.cost_nano == 1000 * 150 + 100 * 600
    assert listed.provider == "openai"
    rows = {(r["model"], r["cost"]): r for r in desk.spending.show("model", since="2025-06-01")}
    assert sum(r["calls"] for r in rows.values()) == 4
    [priced] = [r for (model, cost), r in rows.items() if model == "own" and cost != "unknown"]
    assert (priced["calls"], priced["unpriced"], priced["prompt_tokens"]) == (1, 0, 1000)
    assert rows["own", "unknown"]["calls"] == 1
    with pytest.raises(BadTimeError):
        desk.costs.reprice("yesterday", by=ANNA)


def test_a_trace_bears_its_cost_and_says_by_whom(desk):
    with desk.spool() as spool:
        desk.call(spool)
        desk.call(spool, model="nobody/knows")
        desk.call(spool, cost_nano=77, cost_currency="EUR", priced_by="the gateway")
        desk.call(spool, outcome="refused", response=b"")
        desk.call(spool, response=b"", outcome="left", held_nano=900, cost_currency="USD")
        desk.call(spool, response=b"", outcome="error")
    desk.record()
    priced, unknown, settled, refused, left, failed = reversed(desk.traces.list())
    assert (priced.cost_nano, priced.cost_currency) == (1000 * 150 + 100 * 600, "USD")
    assert priced.priced_by.startswith("genai-prices 0.")
    assert (priced.cached_tokens, priced.reasoning_tokens) == (0, 0)
    assert (unknown.cost_nano, unknown.cost_currency, unknown.priced_by) == (None, None, None)
    assert (settled.cost_nano, settled.cost_currency) == (77, "EUR")
    assert (refused.cost_nano, refused.priced_by) == (0, "not asked")
    assert (left.cost_nano, left.cost_currency, left.priced_by) == (900, "USD", "held")
    assert failed.cost_nano is None


def test_calls_of_every_door_bear_their_cost(desk):
    usage = b'{"input_tokens":600,"output_tokens":100,"cache_read_input_tokens":400}'
    start = b'{"type":"message_start","message":{"usage":%b}}' % usage
    end = (
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":100}}'
    )
    said = b'{"input_tokens":1000,"output_tokens":100,"input_tokens_details":{"cached_tokens":400}}'
    claude = {"door": "anthropic.messages", "model": "anthropic/claude-sonnet-4-5"}
    with desk.spool() as spool:
        desk.call(spool, response=b'{"type":"message","usage":%b}' % usage, **claude)
        desk.call(spool, response=b"data: %b\n\ndata: %b\n\n" % (start, end), **claude)
        desk.call(
            spool, response=b"data: %b\n\n" % start, outcome="cut", held_nano=900,
            cost_currency="USD", **claude,
        )  # fmt: skip
        desk.call(spool, response=b'{"status":"completed","usage":%b}' % said,
                  door="openai.responses")  # fmt: skip
        desk.call(spool, response=b'{"data":[],"usage":{"prompt_tokens":1000,"total_tokens":1000}}',
                  door="openai.embeddings", model="openai/text-embedding-3-small")  # fmt: skip
        desk.call(spool, response=b'{"input_tokens":1000}',
                  **claude | {"door": "anthropic.count_tokens"})  # fmt: skip
    desk.record()
    plain, streamed, cut, responded, embedded, counted = reversed(desk.traces.list())
    assert plain.cost_nano == 600 * 3000 + 400 * 300 + 100 * 15_000
    assert (plain.prompt_tokens, plain.completion_tokens, plain.cached_tokens) == (1000, 100, 400)
    assert streamed.cost_nano == plain.cost_nano
    assert (cut.cost_nano, cut.priced_by, cut.prompt_tokens) == (900, "held", 1000)
    assert responded.cost_nano == 600 * 150 + 400 * 75 + 100 * 600
    assert embedded.cost_nano == 1000 * 20
    assert counted.cost_nano == 0


def test_a_stream_that_broke_off_costs_what_its_tokens_do(desk):
    start = b'data: {"type":"message_start","message":{"usage":{"input_tokens":0}}}\n\n'
    broken = {"response": b"", "streamed": True, "outcome": "cut", "estimated": True}
    with desk.spool() as spool:
        desk.call(spool, **broken, usage=Usage(input=1000, output=100), tags={"team": "α"})
        desk.call(spool, **broken | {"response": start, "outcome": "left"},
                  door="anthropic.messages", usage=Usage(input=12, output=3))  # fmt: skip
        desk.call(spool, **broken, usage=Usage(input=7, output=5), cost_nano=900,
                  cost_currency="USD", priced_by="held")  # fmt: skip
        desk.call(spool, **broken | {"estimated": False}, usage=Usage(input=7, output=5),
                  model="own", target="gpu")  # fmt: skip
        desk.call(spool, **broken, usage=Usage(input=7), model="nobody/knows")
    desk.record()
    cut, left, held, told, unknown = reversed(desk.traces.list())
    assert (cut.cost_nano, cut.cost_currency) == (1000 * 150 + 100 * 600, "USD")
    assert cut.priced_by.startswith("genai-prices 0.")
    assert cut.tags == {"team": "α", "tokens": "estimated"}
    assert (left.prompt_tokens, left.completion_tokens) == (12, 3)
    assert (held.cost_nano, held.priced_by, held.prompt_tokens) == (900, "held", 7)
    assert [t.estimated for t in (cut, left, held, told, unknown)] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert told.cost_nano is unknown.cost_nano is None
    rows = {
        r["tag:tokens"]: r["calls"]
        for r in desk.spending.show("tag:tokens")
        if r["cost"] != "unknown"
    }
    assert rows == {"estimated": 3}
    desk.costs.set_price("own", target="gpu", input="2", output="3", since="2025-06-01", by=ANNA)
    desk.costs.reprice("2025-06-15", until="2025-06-16", by=ANNA)
    desk.record()
    assert desk.traces.get(told.id).cost_nano == 7 * 2000 + 5 * 3000
    assert desk.traces.get(cut.id).cost_nano == cut.cost_nano


def test_a_call_without_an_answer_cost_nothing_and_is_not_unknown(desk):
    with desk.spool() as spool:
        desk.call(spool, response=b"", outcome="error", cost_nano=0, priced_by="no answer")
    desk.record()
    [row] = desk.spending.show()
    assert (row["cost"], row["calls"], row["unpriced"]) == ("0.00", 1, 0)
    [compared, *_] = desk.spending.what_if("openai:gpt-4o", since="2025-06-01")
    assert (compared["compared"], compared["no_usage"]) == (1, 0)
    assert desk.spending.energy()[0]["unknown"] == 0


def test_a_stream_whose_worker_died_costs_what_it_held(desk):
    with desk.spool() as spool:
        begin = Begin(
            id="a" * 32, span_id="b" * 16, began_us=AT_US, key_id="k1", channel="support",
            held=[3], held_nano=500, cost_currency="USD",
        )  # fmt: skip
        spool.append(Kind.BEGIN, encode(begin))
    desk.record()
    trace = desk.traces.get("a" * 32)
    assert (trace.outcome, trace.cost_nano, trace.priced_by) == ("cut", 500, "held")
    [row] = desk.costs._recorded.spend(0, 1 << 62)
    assert (row.nano, row.held) == (500, frozenset({3}))
    assert row.life.startswith("w-")


def test_spend_is_summed_by_what_one_asks_and_the_unknown_is_told(desk):
    with desk.spool() as spool:
        desk.call(spool)
        desk.call(spool, key_id="k2")
        desk.call(spool, key_id="k2", model="nobody/knows")
        desk.call(spool, key_id="k3", model="nobody/knows")
        desk.call(spool, began_us=AT_US - 40 * DAY_US)
    desk.record()
    assert [
        (r["key"], r["cost"], r["calls"], r["unpriced"]) for r in desk.spending.show("key")
    ] == [
        ("k1", "0.00021 USD", 1, 0),
        ("k2", "0.00021 USD", 1, 0),
        ("k2", "unknown", 1, 1),
        ("k3", "unknown", 1, 1),
    ]
    assert len(desk.spending.show("day", since="2025-01-01")) == 3
    assert desk.spending.show("day", since="2025-01-01", until="2025-05-30")[0]["calls"] == 1
    with pytest.raises(BadTimeError):
        desk.spending.show(since="yesterday")


def test_a_repeated_frame_is_not_spent_twice(desk):
    with desk.spool() as spool:
        desk.call(spool)
        desk.calls = 0
        desk.call(spool)
    desk.record()
    assert [row["calls"] for row in desk.spending.show()] == [1]


def test_budgets_are_set_changed_and_cleared(desk):
    with desk.spool() as spool:
        desk.call(spool)
    desk.record()
    first = desk.costs.set_budget("group:shop", amount="0.5", window="day", by=ANNA)
    assert (first.amount, first.spent) == (Money(500_000_000), Money(210_000))
    assert first.until == "2025-06-16T00:00:00Z"
    assert first.empty == ""  # at 0.00021 a day it outlasts its window
    tight = desk.costs.set_budget("group:shop", amount="0.000211", window="total", by=ANNA)
    assert tight.empty == "2025-06-15T15:13:31Z"  # 1/210 of a day from now
    desk.costs.clear_budget(tight.id, by=ANNA)
    again = desk.costs.set_budget("group:shop", amount="2", window="day", by=ANNA)
    assert (again.id, again.amount) == (first.id, Money(2_000_000_000))
    desk.costs.set_budget("key:vk_k1", amount="1 EUR", by=ANNA)
    assert [b.subject for b in desk.costs.budgets()] == ["group:shop", "key:k1"]
    assert desk.costs.budgets()[1].spent == Money(0, "EUR")
    desk.costs.clear_budget(first.id, by=ANNA)
    assert [b.subject for b in desk.costs.budgets()] == ["key:k1"]
    with pytest.raises(NoBudgetError):
        desk.costs.clear_budget(first.id, by=ANNA)


@pytest.mark.parametrize("amount", ["", "much", "-1", "1e40", "NaN", "1 Euro", "1e999999"])
def test_what_is_no_amount_is_refused(desk, amount):
    with pytest.raises(BadAmountError):
        desk.costs.set_budget("group:*", amount=amount, by=ANNA)


@pytest.mark.parametrize("subject", ["", "shop", "release:x", "key:", "group:\n"])
def test_what_is_no_subject_is_refused(desk, subject):
    with pytest.raises(BadSubjectError):
        desk.costs.set_budget(subject, amount="1", by=ANNA)


def test_own_prices_go_first_and_reach_the_recorder(desk):
    desk.costs.set_price("gpt-4o-mini", provider="openai", input="1", output="2", by=ANNA)
    found = desk.costs.book().find("gpt-4o-mini", provider="openai", at_us=AT_US)
    assert found.rates.input == 1_000_000_000
    before = desk.costs.book().find("gpt-4o-mini", provider="openai", at_us=AT_US - 1)
    assert before.rates.input == 150_000_000
    desk.costs.set_price("*", target="t", second="0.0001", since="2025-01-01", by=ANNA)
    on_target = Shelf(desk.folder / "run" / "prices.json").book().find("x", target="t", at_us=AT_US)
    assert on_target.second == 100_000
    desk.costs.set_price("y", target="t", input="3", more={"cached": 0.3}, by=ANNA)
    assert desk.costs.book().find("y", target="t", at_us=AT_US).rates.cached == 300_000_000
    assert [(own["input"], own["output"], own["more"]) for own in desk.costs.prices()] == [
        ("3", "0", "cached 0.3"), ("0", "0", "second 0.0001"), ("1", "2", ""),
    ]  # fmt: skip
    assert desk.published == 3


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"target": "t", "provider": "p"},
        {"target": "t", "input": "-1"},
        {"target": "t", "currency": "Euro"},
        {"target": "t", "more": {"colour": 1}},
        {"target": "t", "input": "dear"},
    ],
)
def test_what_is_no_price_is_refused(desk, given):
    with pytest.raises(BadPriceError):
        desk.costs.set_price("m", **given, by=ANNA)


def test_budgets_hold_from_the_sentence_to_the_purse(desk):
    with desk.spool("old") as spool:
        desk.call(spool)
    desk.record()
    desk.costs.set_budget("group:shop", amount="0.001", window="total", by=ANNA)
    desk.costs.start()
    [allotment] = desk.costs.allotments()
    assert allotment.covers(key_id="k9", group="shop/sales", channel="other")
    assert not allotment.covers(key_id="k9", group="shops", channel="other")
    purse = Purse(desk.folder / "run" / "budgets.bin", "w-1")

    def hold(nano):
        import time

        end = time.monotonic() + 10
        while time.monotonic() < end:
            found = purse.hold(purse.pockets([allotment.slot]), nano, AT_US)
            if found is not LATER:
                return found
            time.sleep(0.002)
        return LATER

    assert isinstance(hold(1_000_000), Spent)
    held = hold(790_000)
    assert isinstance(held, Hold)
    [standing] = desk.costs.budgets()
    assert (standing.spent, standing.held, standing.left) == (
        Money(210_000),
        Money(790_000),
        Money(0),
    )
    purse.cancel(held)
    purse.close()
