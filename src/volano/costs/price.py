"""What a call costs, and what it can cost at most. Pure integer arithmetic.

One unit is used for all rates: **nano-units of the currency per million
tokens** (nano per Mtok), as price lists say "0.15 USD per million". A price of
0.15 USD/Mtok is 150_000_000; the smallest step, 0.000000001 USD/Mtok, is far
below what any provider charges, where one nano per token (0.001 USD/Mtok)
would be too coarse. A cost is rounded once for a call, up to the next nano: a
sum of costs is never below the truth, and above it by less than a nano a call.
"""

from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from volano.wire.exchange import Usage

MTOK = 1_000_000
SECOND_US = 1_000_000
MARGIN_TOKENS = 1024
"""What a provider may add by itself: role marks, a hidden system prompt for tools."""
HELD = "held"
"""What stands in `priced_by` where a call costs what was held for it."""
NOT_ASKED = "not asked"
NO_ANSWER = "no answer"
"""What stands there where no target answered: the call cost nothing."""
IMAGE_TOKENS = 50_000
"""No provider counts more tokens for one image (48,169: OpenAI's gpt-4o-mini, high detail)."""


class Rates(Struct, frozen=True):
    """Nano-units per million tokens of each kind. None: as `input`, or as `output`.

    `cached` is read from the provider's cache, `cache_write` written to it for
    five minutes, `cache_write_1h` for an hour.
    """

    input: int
    output: int
    cached: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    audio_input: int | None = None
    reasoning: int | None = None
    audio_output: int | None = None


class Tier(Struct, frozen=True):
    """All tokens of a call cost these rates when its input has more than `above` tokens."""

    above: int
    rates: Rates


class Price(Struct, frozen=True):
    """The price of a model at a target; goes to the workers in their snapshot.

    `request` and `image` are nano-units for each call and each image in it;
    `second` nano-units for each second that a call lasts (own engines: the cost of
    the machine, divided by the calls it answers at once). `source` says where it
    is from, and stands on each trace as `priced_by`. `context` is the most tokens that
    the model can read and write in one call, where that is known.
    """

    rates: Rates
    tiers: tuple[Tier, ...] = ()
    request: int = 0
    image: int = 0
    second: int = 0
    currency: str = "USD"
    source: str = ""
    context: int | None = None

    def at(self, input_tokens: int) -> Rates:
        """Return the rates of a call with this much input."""
        found = self.rates
        for tier in self.tiers:
            if input_tokens > tier.above:
                found = tier.rates
        return found


MOST_NANO = 10**15
"""A million units. A call that seems to cost more was counted wrongly by its upstream: no such
number may run over a sum."""


def check(price: Price) -> None:
    """Make sure that a price can be used. Raises ValueError: it cannot, and why."""
    everything = [price.rates, *(tier.rates for tier in price.tiers)]
    numbers = [n for rates in everything for n in _numbers(rates) if n is not None]
    if min(*numbers, price.request, price.image, price.second) < 0:
        raise ValueError("a price below zero")
    if any(a.above >= b.above for a, b in pairwise(price.tiers)):
        raise ValueError("tiers must rise")
    if not (len(price.currency) == 3 and price.currency.isascii() and price.currency.isupper()):
        raise ValueError(f"`{price.currency}` is no currency (ISO 4217, such as USD)")


def cost(price: Price, usage: Usage, *, images: int = 0, duration_us: int = 0) -> int:
    """Return what a call cost, in nano-units of `price.currency`, rounded up.

    `usage.input` and `usage.output` are the sums; the other counts are parts of
    them (`cache_written_1h` a part of `cache_written`). Where the parts of a
    provider overlap (cached audio), a token counts once: as audio first, then as
    written, then as cached. So no count is charged beyond the sum.
    """
    rates = price.at(usage.input) if price.tiers else price.rates
    if not (
        usage.cached or usage.cache_written or usage.reasoning
        or usage.audio_input or usage.audio_output
    ):  # fmt: skip
        total = max(0, usage.input) * rates.input + max(0, usage.output) * rates.output
        if not (price.second or price.image):
            return min(MOST_NANO, -(-total // MTOK) + price.request)
        return _whole(price, total, images, duration_us)
    left, total = max(0, usage.input), 0
    for tokens, rate in (
        (usage.audio_input, rates.audio_input),
        (usage.cache_written_1h, _or(rates.cache_write_1h, rates.cache_write)),
        (usage.cache_written - usage.cache_written_1h, rates.cache_write),
        (usage.cached, rates.cached),
    ):
        if tokens > 0:
            tokens = min(tokens, left)
            left -= tokens
            total += tokens * (rates.input if rate is None else rate)
    total += left * rates.input
    left = max(0, usage.output)
    for tokens, rate in (
        (usage.audio_output, rates.audio_output),
        (usage.reasoning, rates.reasoning),
    ):
        if tokens > 0:
            tokens = min(tokens, left)
            left -= tokens
            total += tokens * (rates.output if rate is None else rate)
    total += left * rates.output
    return _whole(price, total, images, duration_us)


def _whole(price: Price, total: int, images: int, duration_us: int) -> int:
    total += max(0, duration_us) * price.second  # both are millionths, as Mtok and µs agree
    found = -(-total // MTOK) + price.request + max(0, images) * price.image
    return min(MOST_NANO, found)


def worst_case(
    price: Price,
    prompt_bytes: int,
    max_tokens: int | None,
    *,
    n: int = 1,
    images: int = 0,
    audio: bool = False,
    unseen: bool = False,
    context_tokens: int | None = None,
    max_us: int = 0,
) -> int | None:
    """Return the most that a call can cost, before it is made; None where there is no bound.

    Input: a token of a byte-level tokenizer stands for at least one byte, so there
    are no more tokens than bytes in the body that goes upstream (`prompt_bytes`,
    JSON marks included, which pay for the role marks), plus `MARGIN_TOKENS`, plus
    `IMAGE_TOKENS` an image: a small file may be a large picture. Base64 audio and
    files have more bytes than tokens. `unseen` says that the body names content
    that is not in it (a file's id, a url that is no image): only the model's
    `context_tokens` then bounds it. All input is taken at its dearest kind and the
    dearest tier within reach; `audio` says that there is some.

    Output: `max_tokens` for each of `n` answers, else `context_tokens`; with
    neither there is no bound. `max_us` is the longest the call may last, for
    prices by the second.
    """
    output = context_tokens if max_tokens is None else max_tokens
    bound = prompt_bytes + MARGIN_TOKENS + images * IMAGE_TOKENS
    tokens = context_tokens if unseen else bound
    if output is None or tokens is None:
        return None
    if context_tokens is not None:
        tokens = min(tokens, context_tokens)
    dearest_in, dearest_out = _dearest(price.rates, audio)
    for tier in price.tiers:
        if tokens > tier.above:
            more_in, more_out = _dearest(tier.rates, audio)
            dearest_in, dearest_out = max(dearest_in, more_in), max(dearest_out, more_out)
    total = tokens * dearest_in + max(1, n) * output * dearest_out
    return _up(total + max_us * price.second) + price.request + images * price.image


def worst_case_of_text(price: Price, prompt_bytes: int, max_tokens: int) -> int:
    """Return what `worst_case` does for one answer to words alone, at a price without tiers."""
    tokens = prompt_bytes + MARGIN_TOKENS
    if price.context is not None and tokens > price.context:
        tokens = price.context
    dearest_in, dearest_out = _dearest(price.rates, False)
    output = max(0, max_tokens)
    return -(-(tokens * dearest_in + output * dearest_out) // MTOK) + price.request


def _up(millionths: int) -> int:
    return -(-millionths // MTOK)


def _or(first: int | None, then: int | None) -> int | None:
    return then if first is None else first


@lru_cache(maxsize=1024)
def _dearest(rates: Rates, audio: bool) -> tuple[int, int]:
    """The dearest kind of input, and of output."""
    read = [rates.input, rates.cached, rates.cache_write, rates.cache_write_1h]
    read += [rates.audio_input] if audio else []
    written = [rates.output, rates.reasoning, rates.audio_output]
    return max(r for r in read if r is not None), max(r for r in written if r is not None)


def _numbers(rates: Rates) -> tuple[int | None, ...]:
    return tuple(getattr(rates, name) for name in rates.__struct_fields__)
