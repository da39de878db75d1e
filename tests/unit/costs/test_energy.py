"""Energy and CO2e against figures worked out by hand from the tables."""

import pytest

from volano.costs import factors
from volano.costs.energy import Meter, figure, grid_of, size_of, total
from volano.costs.errors import UnknownGridError
from volano.costs.factors import Range


def test_a_call_of_a_large_model_by_hand():
    found = Meter(provider_grid="FR").of(
        model="gpt-4o", provider="openai", input_tokens=3000, cached_tokens=1000, output_tokens=500
    )
    # tokens: 500 + 2000 x (0.02, 0.1, 0.4) + 1000 x (0, 0.01, 0.04) = 540, 710, 1340
    assert found.wh == pytest.approx((0.540 * 0.15 * 1.08, 0.710 * 0.6 * 1.2, 1.340 * 3.0 * 1.56))
    assert found.g == pytest.approx(
        (0.08748 * 56 * 0.7 / 1000, 0.5112 * 56 / 1000, 6.2712 * 56 * 1.3 / 1000)
    )
    assert found.basis == "tokens of a large model"


def test_a_call_of_an_own_engine_by_hand():
    meter = Meter(grid="120", core_watts=10, pue=1.5, threads=2, slots=4)
    found = meter.of(model="router", provider="engine", input_tokens=None, output_tokens=None,
                     latency_us=36_000_000)  # fmt: skip
    # 36 s = 0.01 h, of 2 threads of 10 W, times 1.5: 0.3 Wh alone, a quarter of it with 4 slots busy
    assert found.wh == pytest.approx((0.075, 0.15, 0.3))
    assert found.g == pytest.approx((0.009, 0.018, 0.036))
    assert total([found, found]).wh == pytest.approx((0.15, 0.3, 0.6))


def test_what_is_not_known_is_none_and_a_cached_answer_takes_nothing():
    given = {"model": "gpt-4o", "provider": "openai", "output_tokens": 5}
    assert Meter().of(**given, input_tokens=None) is None
    assert Meter().of(**given, input_tokens=9, priced_by="cache").wh == (0, 0, 0)
    with pytest.raises(UnknownGridError):
        grid_of("the moon")
    assert grid_of("de") == pytest.approx((266.7, 381, 495.3))


def test_figures_have_two_digits_that_matter():
    assert [figure(x) for x in (0, 0.0000854, 0.0412, 31.4, 4789)] == [
        "0", "0.000085", "0.041", "31", "4,800",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("gpt-4.1-nano", "small"), ("gpt-4o-mini", "medium"), ("gemini-2.5-pro", "large"),
        ("google/gemini-2.5-flash-lite", "small"), ("claude-haiku-4-5", "small"),
        ("Llama-3.1-8B-Instruct", "small"), ("llama-3.3:70b", "large"), ("qwen3-32b", "medium"),
        ("o4-mini", "medium"), ("gpt-5.1", "large"), ("客服", "unknown"),
    ],
)  # fmt: skip
def test_sizes_are_guessed_from_names(model, size):
    assert size_of(model) == size


def test_every_constant_is_a_range_with_a_source():
    named = [*factors.OUTPUT.values(), factors.INPUT_SHARE, factors.CACHED_SHARE,
             factors.PROVIDER_PUE, factors.OWN_PUE, factors.CORE_WATTS]  # fmt: skip
    for factor in named:
        assert factor.value.low < factor.value.central < factor.value.high
        assert factor.source
    assert Range(1, 2, 3) * Range(2, 2, 2) == (2, 4, 6)
