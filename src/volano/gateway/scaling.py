"""Scaling: how many replicas of a model run, by what waits and by the time to first token.

One more starts when calls wait at those there are, or when the first words of streams come late,
and it was so at two looks in a row; one fewer runs when the others had room to spare, and words
came in good time, for a while without a break. What starts is given its time: nothing more
starts until all that are wanted answer. So what waits for a moment moves nothing, and what was
started for a rush does not go in the first pause of it.

A stream tells when its first words came once it has ended. Where answers are slow, few end
between two looks: they are gathered until there are enough for a mean.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

UP_S = 5.0
"""Calls must wait, or words be late, at least so long."""
ROOM = 0.5
"""The part of the slots of one replica fewer that may be in use when one goes."""
EARLY = 0.5
"""The part of the bound that the time to first token has to keep to when one goes."""
ENOUGH = 3
"""Streams that ended since the last mean, at least, so that the next says something."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Between which numbers, and at what. `most` at or below `least`: nothing is scaled."""

    least: int = 1
    most: int = 1
    queue: int = 4
    """Calls that wait for a slot, for each replica; from here on one more is started."""
    first_s: float = 0.0
    """Mean time to first token of streams above which one more is started; 0: not looked at."""
    calm_s: float = 60.0
    """How long there must have been room before one ends."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a model's replicas have to do. Streams that ended count since the platform is up."""

    in_flight: int = 0
    first_s: float = 0.0
    streams: int = 0

    def __add__(self, other: "Load") -> "Load":
        return Load(
            self.in_flight + other.in_flight,
            self.first_s + other.first_s,
            self.streams + other.streams,
        )


@dataclass(frozen=True, slots=True)
class State:
    """How many of one model are wanted, and since when that is too few or too many."""

    wanted: int
    last: Load | None = None
    """What there was when streams were counted last; None before the first look."""
    last_s: float = 0.0
    first_s: float | None = None
    """Mean time to first token, as of then."""
    short_s: float | None = None
    roomy_s: float | None = None


def look(
    state: State, load: Load, bounds: Bounds, *, slots: int, complete: bool, now_s: float
) -> tuple[State, str]:
    """Return the state after a look, and why the number changed; empty where it did not.

    Args:
        state: as the look before left it.
        load: of all replicas together.
        bounds: see there.
        slots: answers that one replica gives at a time.
        complete: whether all that are wanted answer.
        now_s: monotonic.
    """
    state = _gathered(state, load, bounds, now_s)
    waits, late = _waits(state.wanted, load.in_flight, bounds, slots), _late(state.first_s, bounds)
    why = waits or late
    if why and complete and state.wanted < bounds.most:
        since = now_s if state.short_s is None else state.short_s
        told = waits or state.last is load  # no mean is taken for two
        if now_s - since < UP_S or not told:
            return replace(state, short_s=since, roomy_s=None), ""
        return State(state.wanted + 1, load, now_s), why
    if why or not _roomy(state.wanted, load.in_flight, state.first_s, bounds, slots):
        return replace(state, short_s=None, roomy_s=None), ""
    since = now_s if state.roomy_s is None else state.roomy_s
    if now_s - since < bounds.calm_s:
        return replace(state, short_s=None, roomy_s=since), ""
    return State(state.wanted - 1, load, now_s), f"there was room for {bounds.calm_s:g} s"


def loads(in_flight: Mapping[str, int], firsts: Mapping[str, tuple[float, int]]) -> dict[str, Load]:
    """Return the load of each target, from calls in flight and from sums and counts of streams."""
    return {
        name: Load(in_flight.get(name, 0), *firsts.get(name, (0.0, 0)))
        for name in {*in_flight, *firsts}
    }


def _gathered(state: State, load: Load, bounds: Bounds, now_s: float) -> State:
    """Return the state with the mean time to first token, as of the last streams that were enough.

    It is forgotten where nothing is in flight, or no more of them end for as long as calm takes.
    """
    last = state.last
    if last is None or load.streams < last.streams or load.first_s < last.first_s:
        # the first look, or an engine's count went with it
        return replace(state, last=load, last_s=now_s, first_s=None)
    streams = load.streams - last.streams
    if streams >= ENOUGH:
        mean_s = (load.first_s - last.first_s) / streams
        return replace(state, last=load, last_s=now_s, first_s=mean_s)
    holds = load.in_flight and now_s - state.last_s < bounds.calm_s
    return state if holds else replace(state, first_s=None)


def _waits(wanted: int, in_flight: int, bounds: Bounds, slots: int) -> str:
    waiting = in_flight - wanted * slots
    return f"{waiting} calls wait" if waiting >= bounds.queue * wanted else ""


def _late(first_s: float | None, bounds: Bounds) -> str:
    if bounds.first_s and first_s is not None and first_s > bounds.first_s:
        return f"first tokens come after {first_s:.2f} s"
    return ""


def _roomy(wanted: int, in_flight: int, first_s: float | None, bounds: Bounds, slots: int) -> bool:
    if wanted <= bounds.least or in_flight > ROOM * (wanted - 1) * slots:
        return False
    return not bounds.first_s or first_s is None or first_s <= EARLY * bounds.first_s
