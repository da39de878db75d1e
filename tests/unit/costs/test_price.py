import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from volano.costs.price import (
    MARGIN_TOKENS,
    MOST_NANO,
    Price,
    Rates,
    Tier,
    check,
    cost,
    worst_case,
)
from volano.wire.exchange import Usage

USD = 1_000_000_000
MINI = Price(Rates(input=150_000_000, output=600_000_000, cached=75_000_000))
SONNET = Price(
    Rates(
        input=3 * USD,
        output=15 * USD,
        cached=300_000_000,
        cache_write=3_750_000_000,
        cache_write_1h=6 * USD,
    ),
    tiers=(Tier(200_000, Rates(input=6 * USD, output=22_500_000_000, cached=600_000_000)),),
)


def test_tokens_are_priced_by_their_kind():
    usage = Usage(input=1000, output=500, cached=400)
    assert cost(MINI, usage) == 600 * 150 + 400 * 75 + 500 * 600
    written = Usage(input=1000, output=0, cached=100, cache_written=300, cache_written_1h=200)
    assert cost(SONNET, written) == 600 * 3000 + 100 * 300 + 100 * 3750 + 200 * 6000


def test_a_tier_prices_all_tokens_once_it_is_passed():
    assert cost(SONNET, Usage(input=200_000, output=10)) == 200_000 * 3000 + 10 * 15_000
    assert cost(SONNET, Usage(input=200_001, output=10)) == 200_001 * 6000 + 10 * 22_500


def test_reasoning_and_audio_fall_back_to_the_plain_rate():
    usage = Usage(input=100, output=50, reasoning=30, audio_input=20)
    assert cost(MINI, usage) == 100 * 150 + 50 * 600
    dear = Price(Rates(input=1000, output=2000, reasoning=3000, audio_input=10_000))
    thousands = Usage(input=100_000, output=50_000, reasoning=30_000, audio_input=20_000)
    assert cost(dear, thousands) == 80 + 200 + 40 + 90


def test_a_cost_is_rounded_up_once():
    cheap = Price(Rates(input=1, output=1))
    assert cost(cheap, Usage(input=1)) == 1
    assert cost(cheap, Usage(input=500_000, output=500_000)) == 1
    assert cost(cheap, Usage(input=500_000, output=500_001)) == 2
    assert cost(cheap, Usage()) == 0


def test_a_call_an_image_and_a_second_have_their_price():
    price = Price(Rates(0, 0), request=5_000, image=700, second=10_000_000)
    assert cost(price, Usage(), images=2, duration_us=1_500_000) == 5_000 + 1_400 + 15_000_000


def test_no_upstream_can_say_more_than_a_sum_can_hold():
    assert cost(MINI, Usage(input=2**80, output=2**80)) == MOST_NANO
    assert cost(SONNET, Usage(input=2**80, cached=2**80)) == MOST_NANO


def test_without_a_bound_there_is_no_worst_case():
    assert worst_case(MINI, 100, None) is None
    assert worst_case(MINI, 100, 10, unseen=True) is None
    assert worst_case(MINI, 100, None, context_tokens=8000) == (100 + MARGIN_TOKENS) * 150 + (
        8000 * 600
    )
    assert worst_case(MINI, 100, 10, unseen=True, context_tokens=8000) == 8000 * 150 + 10 * 600


def test_impossible_prices_are_refused():
    for bad in (
        Price(Rates(-1, 0)),
        Price(Rates(0, 0), currency="dollars"),
        Price(Rates(0, 0), tiers=(Tier(5, Rates(0, 0)), Tier(5, Rates(0, 0)))),
    ):
        with pytest.raises(ValueError):
            check(bad)
    check(SONNET)


def test_a_price_travels_in_a_snapshot():
    assert msgspec.json.decode(msgspec.json.encode(SONNET), type=Price) == SONNET


rate = st.none() | st.integers(0, 100 * USD)
rates = st.builds(
    Rates,
    input=st.integers(0, 100 * USD),
    output=st.integers(0, 100 * USD),
    cached=rate,
    cache_write=rate,
    cache_write_1h=rate,
    audio_input=rate,
    reasoning=rate,
    audio_output=rate,
)
prices = st.builds(
    Price,
    rates=rates,
    tiers=st.lists(st.builds(Tier, st.integers(0, 5000), rates), max_size=2, unique_by=lambda t: t.above)
    .map(lambda tiers: tuple(sorted(tiers, key=lambda t: t.above))),
    request=st.integers(0, USD),
    image=st.integers(0, USD),
    second=st.integers(0, USD),
)  # fmt: skip
tokens = st.integers(0, 6000)
usages = st.builds(
    Usage,
    input=tokens,
    output=tokens,
    cached=tokens,
    cache_written=tokens,
    cache_written_1h=tokens,
    reasoning=tokens,
    audio_input=tokens,
    audio_output=tokens,
)


@given(prices, usages, st.integers(0, 3), st.integers(0, 10_000_000), st.integers(1, 3))
def test_no_call_costs_more_than_its_worst_case(price, usage, images, duration_us, n):
    """Also when the provider's counts contradict each other."""
    most = worst_case(
        price,
        usage.input,
        -(-usage.output // n),
        n=n,
        images=images,
        audio=True,
        max_us=duration_us,
    )
    assert most is not None
    assert 0 <= cost(price, usage, images=images, duration_us=duration_us) <= most
