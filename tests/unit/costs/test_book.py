import subprocess
import sys
from decimal import Decimal

import pytest
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice

from volano.costs.book import Book, nano, price_of
from volano.costs.budget import covers, span
from volano.costs.price import check, cost
from volano.wire.exchange import Usage

NOW = 1_790_000_000_000_000


def test_a_listed_price_is_found_by_provider_or_address():
    book = Book()
    found = book.find("gpt-4o-mini", provider="openai", at_us=NOW)
    assert found.rates.input == 150_000_000
    assert found == book.find("gpt-4o-mini", url="https://api.openai.com/v1", at_us=NOW)
    assert found is book.find("gpt-4o-mini", provider="openai", at_us=NOW)
    assert "openai/gpt-4o-mini" in found.source


def test_what_nobody_lists_is_unknown_and_not_free():
    book = Book()
    assert book.find("gpt-4o-mini", at_us=NOW) is None
    assert book.find("no-such-model", provider="openai", at_us=NOW) is None
    assert book.find("gpt-4o-mini", provider="my-cellar", at_us=NOW) is None
    assert book.find("gemini-2.5-flash-image", provider="google", at_us=NOW) is None


def test_tiers_are_taken_over():
    found = Book().find("claude-sonnet-4-5", provider="anthropic", at_us=NOW)
    assert cost(found, Usage(input=200_000)) == 200_000 * 3_000
    assert cost(found, Usage(input=200_001)) == 200_001 * 6_000


def test_all_listed_prices_can_be_read():
    priced = 0
    for provider in get_snapshot().providers:
        for model in provider.models:
            prices = model.prices if isinstance(model.prices, list) else None
            for listed in [p.prices for p in prices] if prices else [model.prices]:
                found = price_of(listed, "test")
                if found is not None:
                    check(found)
                    priced += 1
    assert priced > 1000


def test_our_arithmetic_is_that_of_the_list():
    """Where our count has all that the list prices, the cost is the list's, rounded up."""
    usage = Usage(input=1000, output=300, cached=200, cache_written=100)
    from genai_prices import Usage as Listed

    theirs = Listed(input_tokens=1000, output_tokens=300, cache_read_tokens=200, cache_write_tokens=100)  # fmt: skip
    compared = 0
    for name in ("anthropic", "openai", "google", "mistral", "deepseek"):
        provider = next(p for p in get_snapshot().providers if p.id == name)
        for model in provider.models:
            found = Book().find(model.id, provider=name, at_us=NOW)
            if found is None or not isinstance(model.prices, ModelPrice):
                continue
            listed = model.prices.calc_price(theirs)["total_price"]
            assert 0 <= cost(found, usage) - listed * 10**9 < Decimal(2)
            compared += 1
    assert compared > 50


def test_prices_are_found_without_a_network():
    code = (
        "import socket\n"
        "def no(*a, **k): raise RuntimeError('network')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = no\n"
        "from volano.costs.book import Book\n"
        f"print(Book().find('gpt-4o-mini', provider='openai', at_us={NOW}).rates.input)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "150000000"


def test_a_worker_does_not_load_the_list():
    code = (
        "import sys, volano.costs.purse, volano.costs.price; print('genai_prices' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_decimals_become_nano():
    assert nano(Decimal("0.15")) == 150_000_000
    assert nano(Decimal("0.09999999999999999")) == 100_000_000


@pytest.mark.parametrize(
    ("window", "start", "days"),
    [("day", 1_750_032_000, 1), ("week", 1_750_032_000, 7), ("month", 1_748_736_000, 30)],
)
def test_windows_are_the_calendars(window, start, days):
    at = 1_750_032_000_000_000 + 5  # Monday 16 June 2025, just after midnight
    assert span(window, at) == (start * 10**6, (start + days * 86_400) * 10**6)


def test_a_group_covers_what_is_below_it():
    assert covers("group", "shop", key_id="", group="shop/support", channel="")
    assert covers("group", "shop", key_id="", group="shop", channel="")
    assert not covers("group", "shop", key_id="", group="shopping", channel="")
    assert covers("key", "*", key_id="x", group="", channel="")
    assert not covers("channel", "faq", key_id="faq", group="faq", channel="support")
