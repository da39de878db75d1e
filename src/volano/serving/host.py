"""Which engines run on this host when not all of them fit: pure.

Wanted engines need memory: what was measured when they ran last, else a guess
from the size of their files. The most recently used come first; what is left
over is not run, and is loaded when somebody asks for it. An engine that serves
traffic now is never put out for one that is only wanted, unless its owner said
that it may be loaded on demand. A spare replica, of a model that has others, runs
in what all others leave: it never takes the place of another model's only engine.
One that is put out may hold its memory for a while, and what is to be loaded waits for it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

NEVER = -1.0


@dataclass(frozen=True, slots=True)
class Need:
    """A wanted engine: the bytes it takes, when it was used last, whether it runs now."""

    name: str
    needs_bytes: int
    used_s: float = NEVER
    """When it was asked last (any clock, the same for all); `NEVER` for never."""
    running: bool = False
    serving: bool = False
    """Whether it has had traffic just now."""
    on_demand: bool = False
    """Whether it may be put out while it serves."""
    spare: bool = False
    """Whether it only helps others of the same model, which come first."""

    @property
    def held(self) -> bool:
        """Whether it is not put out for another."""
        return self.running and self.serving and not (self.on_demand or self.spare)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: `keep` and `load` run in the end; `unload` and `wait` do not."""

    keep: tuple[str, ...] = ()
    load: tuple[str, ...] = ()
    unload: tuple[str, ...] = ()
    wait: tuple[str, ...] = ()
    too_large: tuple[str, ...] = ()
    """Those that would not fit even alone."""

    @property
    def run(self) -> tuple[str, ...]:
        """Those that run in the end."""
        return self.keep + self.load


def plan(needs: Iterable[Need], *, limit_bytes: int) -> Plan:
    """Say which engines run. A limit of 0 is none: all do.

    Order of precedence: those that serve and are not on demand; then others
    that are not spare; then spare ones. Among those of each kind by last use, the latest first; among equals those that run already (nothing moves
    without a reason), then the smaller, then by name.
    """
    wanted = list(needs)
    if limit_bytes <= 0:
        return _told(wanted, {need.name for need in wanted}, ())
    too_large = [need.name for need in wanted if need.needs_bytes > limit_bytes]
    left, chosen = limit_bytes, set()
    for need in sorted(wanted, key=_precedence):
        if need.needs_bytes <= left or need.held:
            chosen.add(need.name)
            left -= need.needs_bytes
    return _told(wanted, chosen, [name for name in too_large if name not in chosen])


def begin(
    needs: Iterable[Need], made: Plan, *, leaving: Collection[str], limit_bytes: int
) -> tuple[str, ...]:
    """Return which of those to load fit already beside those that run and those that still leave.

    One that leaves and is wanted again holds its memory: it is taken back before others begin.
    """
    if limit_bytes <= 0 or not leaving:
        return made.load
    wanted = sorted(needs, key=_precedence)
    staying = {*made.keep, *leaving}
    left = limit_bytes - sum(need.needs_bytes for need in wanted if need.name in staying)
    begun = [name for name in made.load if name in staying]
    for need in wanted:
        if need.name in made.load and need.name not in staying and need.needs_bytes <= left:
            begun.append(need.name)
            left -= need.needs_bytes
    return tuple(sorted(begun))


def _precedence(need: Need) -> tuple[bool, bool, float, bool, int, str]:
    return (not need.held, need.spare, -need.used_s, not need.running, need.needs_bytes, need.name)


def _told(wanted: list[Need], chosen: set[str], too_large: Iterable[str]) -> Plan:
    def names(*, running: bool, run: bool) -> tuple[str, ...]:
        return tuple(
            sorted(n.name for n in wanted if n.running is running and (n.name in chosen) is run)
        )

    waits = set(names(running=False, run=False)) - set(too_large)
    return Plan(
        keep=names(running=True, run=True),
        load=names(running=False, run=True),
        unload=names(running=True, run=False),
        wait=tuple(sorted(waits)),
        too_large=tuple(sorted(too_large)),
    )
