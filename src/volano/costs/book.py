"""The book of prices: own prices first, then what `genai-prices` knows. Neither: unknown.

The list of providers' prices comes with the package and is never fetched: the
lock file says which list it is, and its version stands on each trace. A model
that is priced by something nobody counts here (generated images, hours of
sound, pages) has no price in it: a wrong cost is worse than an unknown one.
Fees for searches that a provider makes by itself are not counted.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from volano.core.lazy import lazy
from volano.costs.price import Price, Rates, Tier

if TYPE_CHECKING:
    from genai_prices import data_snapshot as snapshots
    from genai_prices import types as listed_types
else:
    snapshots = lazy("genai_prices.data_snapshot")
    listed_types = lazy("genai_prices.types")

LIST = f"genai-prices {importlib.metadata.version('genai-prices')}"
_RATES = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cached",
    "cache_write_mtok": "cache_write",
    "cache_write_5m_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "input_audio_mtok": "audio_input",
    "output_reasoning_mtok": "reasoning",
    "output_audio_mtok": "audio_output",
}
_UNCOUNTED = {"web_searches_kcount", "storage_searches_kcount", "cache_audio_read_mtok"}
_REQUESTS = "requests_kcount"
_EMBEDS = "embed"
"""Stands in the name of every listed model that makes vectors."""
_NANO = Decimal(10**9)
_LISTED_AS = {"gemini": "google", "bedrock": "aws", "xai": "x-ai"}
"""Names of providers here, and in the list."""
_MOST_NAMED = 4096
OURS = "engine"
"""The provider of engines that run here."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class OwnPrice(Struct, frozen=True):
    """What the owner says a model costs, from a moment on: at a target, or at a provider."""

    model: str
    price: Price
    target: str = ""
    provider: str = ""
    from_us: int = 0

    def fits(self, *, target: str, provider: str, model: str, at_us: int) -> bool:
        """Whether this is a price of the call. `*` is any model."""
        if at_us < self.from_us or self.model not in ("*", model):
            return False
        return self.target == target if self.target else self.provider == provider


class Book:
    """Finds prices. Immutable: a change makes a new book."""

    def __init__(self, own: Iterable[OwnPrice] = ()):
        self.own = tuple(sorted(own, key=lambda p: (p.target != "", p.model != "*", p.from_us)))
        self._listed: dict[int, Price | None] = {}
        self._named: dict[tuple[str, str, str], tuple[str, listed_types.ModelInfo] | None] = {}
        self._lasting: dict[tuple[str, str, str], Price | None] = {}

    def find(
        self, model: str, *, at_us: int, target: str = "", provider: str = "", url: str = ""
    ) -> Price | None:
        """Return the price of a model at that moment; None: it is not known.

        The owner's word on the target goes first, then on the provider, each time the
        newest; then the list, by the provider's name or by the address it is called at.
        A model is never priced by its name alone: others may serve it too.
        """
        for own in reversed(self.own):
            if own.fits(target=target, provider=provider, model=model, at_us=at_us):
                return own.price
        if provider == OURS and not url:
            return None  # nobody lists what runs here, and reading the list takes a moment
        return self._list(model, provider, url, at_us) if provider or url else None

    def billed_as(self, model: str, *, provider: str = "", url: str = "") -> str:
        """Return under which name a model's price is found again where its address is not known.

        A server of another name at a listed provider's address is that provider.
        """
        name = _LISTED_AS.get(provider, provider)
        prices: snapshots.DataSnapshot = snapshots.get_snapshot()
        if any(by.id == name for by in prices.providers):
            return provider
        try:
            return prices.find_provider_model(model, None, None, url)[0].id if url else provider
        except LookupError:
            return provider

    def _list(self, model: str, provider: str, url: str, at_us: int) -> Price | None:
        asked = (model, provider, url)
        if asked in self._lasting:
            return self._lasting[asked]
        if asked not in self._named:
            if len(self._named) >= _MOST_NAMED:
                self._named.clear()
                self._lasting.clear()
            self._named[asked] = _named(*asked)
        answer = self._named[asked]
        if answer is None:
            self._lasting[asked] = None
            return None
        by, found = answer
        listed = found.get_prices(_EPOCH + timedelta(microseconds=at_us))
        if id(listed) not in self._listed:
            self._listed[id(listed)] = price_of(
                listed, f"{LIST} {by}/{found.id}", found.context_window
            )
        price = self._listed[id(listed)]
        if listed is found.prices:  # it has one price, at all times
            self._lasting[asked] = price
        return price


def _named(model: str, provider: str, url: str) -> tuple[str, listed_types.ModelInfo] | None:
    """Return the list's provider and model; each search takes longer than all else about a price."""
    prices: snapshots.DataSnapshot = snapshots.get_snapshot()
    name = _LISTED_AS.get(provider, provider)
    try:
        if not any(by.id == name for by in prices.providers):
            name = ""
        if not name and not url:
            return None
        by, found = prices.find_provider_model(model, None, name or None, url or None)
    except LookupError:
        return None
    return by.id, found


def price_of(
    listed: listed_types.ModelPrice, source: str, context: int | None = None
) -> Price | None:
    """Return a listed price in our units; None where it prices what is not counted here."""
    given = {name: value for name, value in vars(listed).items() if value is not None}
    if given.keys() - _RATES.keys() - _UNCOUNTED - {_REQUESTS}:
        return None
    if _EMBEDS in source and "input_mtok" in given:
        given.setdefault("output_mtok", Decimal(0))  # vectors are no tokens: it has no such price
    if not {"input_mtok", "output_mtok"} <= given.keys():
        return None
    steps = sorted(
        {tier.start for value in given.values() if isinstance(value, listed_types.TieredPrices) for tier in value.tiers}
    )  # fmt: skip
    request = given.get(_REQUESTS, Decimal(0))
    if isinstance(request, listed_types.TieredPrices):
        return None
    return Price(
        _rates(given, 0),
        tuple(Tier(start, _rates(given, start + 1)) for start in steps),
        request=nano(request / 1000),
        source=source,
        context=context,
    )


def nano(amount: Decimal) -> int:
    """Return an amount in nano-units, to the nearest."""
    return int((amount * _NANO).to_integral_value(ROUND_HALF_EVEN))


def _rates(given: dict[str, Decimal | listed_types.TieredPrices], input_tokens: int) -> Rates:
    rates = {_RATES[n]: nano(_at(v, input_tokens)) for n, v in given.items() if n in _RATES}
    return Rates(**rates)


def _at(value: Decimal | listed_types.TieredPrices, input_tokens: int) -> Decimal:
    if not isinstance(value, listed_types.TieredPrices):
        return value
    found = value.base
    for tier in value.tiers:
        if input_tokens > tier.start:
            found = tier.price
    return found


class Shelf:
    """The book that control writes for the recorder: `run/prices.json`, whole or not at all."""

    def __init__(self, path: Path):
        self._path = path
        self._seen: tuple[int, int] | None = None
        self._book = Book()

    def write(self, own: Iterable[OwnPrice]) -> None:
        """Put the owner's prices there. Control only."""
        beside = self._path.with_name(self._path.name + ".new")
        beside.write_bytes(msgspec.json.encode([*own]))
        beside.replace(self._path)

    def book(self) -> Book:
        """Return the newest book; the list alone where nothing was written."""
        try:
            stat = os.stat(self._path)  # noqa: PTH116 - asked for every call and span
            seen = stat.st_mtime_ns, stat.st_ino
            if seen != self._seen:
                own = msgspec.json.decode(self._path.read_bytes(), type=list[OwnPrice])
                self._book, self._seen = Book(own), seen
        except FileNotFoundError:
            pass
        return self._book
