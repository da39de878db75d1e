"""Energy and CO2e of calls: always a range, never one figure.

A provider's model (Wh; e is the energy of an output token of the model's size):

    E = (output + input_share x (input - cached) + cached_share x cached) x e x PUE

An own engine, from how long calls lasted on this machine:

    E = seconds / 3600 x threads x W per thread x PUE / calls at once

A call alone in its engine has all of its threads (high); with all slots busy it has one slot's
part (low); the root of the slots is taken in between. And CO2e = E x grid. Not in it: training,
making the machines, networks, the client. Constants and their sources: `factors`.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from volano.costs import factors
from volano.costs.errors import UnknownGridError
from volano.costs.factors import Range
from volano.costs.price import NO_ANSWER, NOT_ASKED
from volano.costs.repricing import CACHED

NOTHING = Range(0.0, 0.0, 0.0)
_MARKS = re.compile(r"[^a-z0-9.]+")
_BILLIONS = re.compile(r"-([0-9]+(?:\.[0-9]+)?)b-")
OWN = "engine"
"""What calls of own engines have as their provider."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Watt-hours and grams of CO2e; `basis` says what it was reckoned from."""

    wh: Range
    g: Range
    basis: str


class Meter:
    """Reckons footprints, with what the owner knows better than the tables.

    `grid` is where the own machines stand, `provider_grid` where providers' do: an ISO 3166
    code, grams per kWh, `world`, or empty for unknown. `core_watts` and `pue` are zero where
    nobody measured. `threads` and `slots` are those of an own engine.

    Raises:
        UnknownGridError: a grid is none of these.
    """

    def __init__(
        self,
        *,
        grid: str = "",
        provider_grid: str = "",
        core_watts: float = 0.0,
        pue: float = 0.0,
        threads: int = 1,
        slots: int = 1,
    ):
        self._own_grid, self._provider_grid = grid_of(grid), grid_of(provider_grid)
        watts = (
            Range(core_watts, core_watts, core_watts) if core_watts else factors.CORE_WATTS.value
        )
        own_pue = Range(pue, pue, pue) if pue else factors.OWN_PUE.value
        shared = Range(1 / slots, 1 / math.sqrt(slots), 1.0)
        self._own_watts = watts * float(threads) * shared * own_pue

    def of(
        self,
        *,
        model: str,
        provider: str,
        input_tokens: int | None,
        output_tokens: int | None,
        cached_tokens: int | None = 0,
        latency_us: int = 0,
        priced_by: str | None = None,
    ) -> Footprint | None:
        """Return the footprint of a call, or of many of one model; None: its usage is not known."""
        if priced_by in (CACHED, NOT_ASKED, NO_ANSWER):
            return Footprint(NOTHING, NOTHING, "no model answered")
        if provider == OWN:
            wh = self._own_watts * (latency_us / 3.6e9)
            return _footprint(wh, self._own_grid, "seconds on an own engine")
        if input_tokens is None or output_tokens is None:
            return None
        size = size_of(model)
        cached = min(cached_tokens or 0, input_tokens)
        share = factors.INPUT_SHARE.value * float(input_tokens - cached)
        share = share.plus(factors.CACHED_SHARE.value * float(cached))
        tokens = share.plus(Range(1.0, 1.0, 1.0) * float(output_tokens))
        wh = tokens * factors.OUTPUT[size].value * (1 / 1000) * factors.PROVIDER_PUE.value
        return _footprint(wh, self._provider_grid, f"tokens of a {size} model")


def total(footprints: Iterable[Footprint]) -> Footprint:
    """Return all together, bound by bound: their errors are taken to be of one kind."""
    wh, g = NOTHING, NOTHING
    for each in footprints:
        wh, g = wh.plus(each.wh), g.plus(each.g)
    return Footprint(wh, g, "")


def figure(value: float) -> str:
    """Return a number with two digits that matter: more would be made up."""
    return f"{float(f'{value:.2g}'):,.9f}".rstrip("0").rstrip(".")


def size_of(model: str) -> str:
    """Return small, medium, large or unknown, guessed from the model's name."""
    name = f"-{_MARKS.sub('-', model.casefold())}-"
    if told := _BILLIONS.search(name):
        billions = float(told[1])
        if billions <= factors.SMALL_MOST_B:
            return "small"
        return "medium" if billions <= factors.MEDIUM_MOST_B else "large"
    for size, parts in factors.SIZES:
        if any(part in name for part in parts):
            return size
    return "unknown"


def grid_of(name: str) -> Range:
    """Return the grams of CO2e per kWh of a grid.

    Raises:
        UnknownGridError: it is no known grid, and no number.
    """
    if not name:
        return factors.WORLD
    known = factors.GRID.get(name) or factors.GRID.get(name.upper())
    if known is not None:
        return factors.GRID_SPREAD * float(known)
    try:
        grams = float(name)
    except ValueError as error:
        raise UnknownGridError(grid=ascii(name)[1:-1][:40]) from error
    if not 0 <= grams <= 3000:
        raise UnknownGridError(grid=ascii(name)[1:-1][:40])
    return Range(grams, grams, grams)


def _footprint(wh: Range, grid: Range, basis: str) -> Footprint:
    return Footprint(wh, wh * grid * (1 / 1000), basis)
