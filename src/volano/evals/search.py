"""Search: few trials that find nearly the front that all would give.

A space is a list of configurations: what is known of each before it is tried
(its bytes), and features in [0, 1], each turned so that more of it is never
worse for the score (bits, share of weights kept, steps of recovery). A trial
makes one and measures it on a part of the rows. The search then

1. sets aside, without a trial, what breaks a limit by what is known,
2. tries corners and places far apart; of two of one shape (same bytes, same speed) the weaker
   one, such as less recovery, waits for the stronger,
3. guesses the rest by a Gaussian process, held between what weaker and
   stronger configurations got, and tries next where the front, and the wish
   under the target, can be expected to gain most (expected hypervolume
   improvement: Emmerich et al. 2006; by sampling),
4. races: each trial begins on a part of the rows, and ends there when even the
   upper end of its interval could neither join the front nor keep the target.

Each trial is in the journal before it counts; none is run twice.
"""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from volano.core.errors import UnavailableError, VolanoError
from volano.evals.errors import BadTrialsError, NothingKeepsError
from volano.evals.front import Axes, Point, ends, hypervolume
from volano.evals.journal import Journal
from volano.evals.measures import spelt
from volano.evals.target import Target
from volano.stats.surrogate import Surrogate

FIDELITIES = (0.25, 1.0)
LEAST = 3
SAMPLES = 32
SLACK = 0.01
"""So much better a weaker configuration may score than a stronger one, at least: chance of rows
and of tuning. Half of what its interval allows, where that is more."""


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration: its name, what makes it, its features, and what is known beforehand.

    Those of one `shape` have the same bytes and the same speed, so that the one with more of the
    features costs nothing. The empty shape is like no other.
    """

    name: str
    settings: Mapping[str, Any]
    features: tuple[float, ...]
    known: Mapping[str, float] = field(default_factory=dict)
    shape: str = ""

    def is_weaker(self, other: "Config") -> bool:
        """Whether the other has the same shape, and more of what is never worse for the score."""
        return (
            bool(self.shape)
            and self.shape == other.shape
            and self.features != other.features
            and all(a <= b for a, b in zip(self.features, other.features, strict=True))
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What a trial found on `n` rows. `reach` holds 95 % intervals; `error`: why there is nothing.

    `slices` holds for each slice its score and the parent's (each a share);
    `paired` the difference to the parent's score on the same rows, with its interval.
    """

    values: Mapping[str, float]
    reach: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    n: int = 0
    slices: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    paired: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> "Measured":
        """Read `dataclasses.asdict` back."""
        reach = {name: (low, high) for name, (low, high) in raw["reach"].items()}
        return cls(**{**raw, "reach": reach})


class Trial(Protocol):
    """Makes a configuration and measures it."""

    def __call__(self, config: Config, fidelity: float) -> Measured:
        """Return what was measured on this share of the rows.

        Raises:
            VolanoError: it cannot be made; the search notes why and goes on.
            UnavailableError: nothing can be tried now; the search stops, to go on later.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tried:
    """A configuration and what was found; `full` when all rows were asked."""

    config: Config
    measured: Measured
    full: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is searched: the axes of the front, the target, and the parent's values."""

    axes: Axes
    target: Target
    parent: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Found:
    """All trials in their order, and what was set aside without one."""

    tried: Sequence[Tried]
    aside: Sequence[Config]

    def points(self) -> list[Point]:
        """Return what was measured on all rows."""
        return [
            Point(one.config.name, one.measured.values, one.measured.reach)
            for one in self.tried
            if one.full and not one.measured.error
        ]


def search(
    space: Sequence[Config],
    trial: Trial,
    question: Question,
    *,
    trials: int,
    journal: Journal,
    seed: int = 0,
    fidelities: Sequence[float] = FIDELITIES,
    progress: Callable[[int, int], None] | None = None,
) -> Found:
    """Try at most `trials` configurations of the space and return what was found.

    A configuration counts once, on however many rows it was tried. The same
    space, question and seed try the same ones in the same order.

    Raises:
        BadTrialsError: fewer than 3 trials.
        NothingKeepsError: by what is known beforehand, nothing keeps the target.
        UnavailableError: the trial cannot be run now; the journal keeps the rest.
    """
    if trials < LEAST:
        raise BadTrialsError(least=LEAST, given=trials)
    open_, aside = divide(space, question.target, question.parent)
    race = _Race(trial, question, journal, fidelities)
    tried: list[Tried] = []
    begin = _corners(open_, min(trials, _beginning(trials, open_)), seed)
    most = min(trials, len(open_))
    while len(tried) < most:
        at = len(tried)
        config = begin[at] if at < len(begin) else _next(open_, tried, question, seed)
        tried.append(race.run(config, tried))
        if progress is not None:
            progress(len(tried), most)
    return Found(tried, aside)


def reference(config: Config, trial: Trial, journal: Journal) -> Measured:
    """Return what the parent itself gets on all rows; in the journal, so that it is asked once."""
    nothing = Question((), Target((), "score"), {})
    return _Race(trial, nothing, journal, FIDELITIES).reference(config)


def divide(
    space: Sequence[Config], target: Target, parent: Mapping[str, float]
) -> tuple[list[Config], list[Config]]:
    """Return what may keep a target, and what breaks it by what is known beforehand.

    Raises:
        NothingKeepsError: all break it.
    """
    good = [config for config in space if not target.broken(config.known, parent)]
    if not good:
        limits = " and ".join(str(limit) for limit in target.limits)
        sizes = [config.known["size"] for config in space if "size" in config.known]
        least = f": the smallest has about {spelt('size', min(sizes))}" if sizes else ""
        raise NothingKeepsError(count=len(space), limits=limits or "the target", least=least)
    names = {config.name for config in good}
    return good, [config for config in space if config.name not in names]


def _beginning(trials: int, space: Sequence[Config]) -> int:
    """Return how many are tried before anything is guessed."""
    return min(len(space), max(LEAST, math.ceil(trials / 3)))


def _corners(space: Sequence[Config], count: int, seed: int) -> list[Config]:
    """Return the strongest, the weakest, and then always what is farthest from all of these."""
    rng = random.Random(f"search:{seed}")
    shuffled = rng.sample(list(space), len(space))
    chosen = [max(shuffled, key=lambda one: sum(one.features))]
    while len(chosen) < count:
        left = _leading([one for one in shuffled if one not in chosen])
        chosen.append(max(left, key=lambda one: min(_apart(one, other) for other in chosen)))
    return chosen


def _leading(left: Sequence[Config]) -> list[Config]:
    """Return those that no other one left is stronger than at the same cost."""
    shapes: dict[str, list[Config]] = {}
    for one in left:
        shapes.setdefault(one.shape, []).append(one)
    return [one for one in left if not (one.shape and any(map(one.is_weaker, shapes[one.shape])))]


def _apart(a: Config, b: Config) -> float:
    return math.dist(a.features, b.features)


class _Race:
    """Runs one configuration up the rungs, or takes what the journal has of it."""

    def __init__(
        self, trial: Trial, question: Question, journal: Journal, fidelities: Sequence[float]
    ):
        self._trial = trial
        self._question = question
        self._journal = journal
        self._fidelities = fidelities
        self._done = {
            (line["config"], line["fidelity"]): Measured.from_dict(line["measured"])
            for line in journal.done
        }

    def run(self, config: Config, before: Sequence[Tried]) -> Tried:
        """Measure on more and more rows, as long as it may still matter."""
        last = self._fidelities[-1]
        known = (config.name, last) in self._done
        for fidelity in [last] if known else self._fidelities:
            measured = self._once(config, fidelity)
            hopeless = measured.error or not _may_matter(measured, before, self._question)
            if fidelity == last or hopeless:
                break
        return Tried(config, measured, fidelity == last)

    def reference(self, config: Config) -> Measured:
        """Measure one on all rows, whatever it is good for."""
        return self._once(config, self._fidelities[-1])

    def _once(self, config: Config, fidelity: float) -> Measured:
        key = (config.name, fidelity)
        if key not in self._done:
            try:
                found = self._trial(config, fidelity)
            except UnavailableError:
                raise
            except VolanoError as error:
                found = Measured({}, error=f"{error.code}: {error.message}"[:500])
            self._done[key] = found
            line = {"config": config.name, "fidelity": fidelity, "measured": asdict(found)}
            self._journal.append([line])
        return self._done[key]


def _may_matter(measured: Measured, before: Sequence[Tried], question: Question) -> bool:
    """Whether, at the best end of its intervals, nothing tried before is better on all axes."""
    if any(name not in measured.values for name, _ in question.axes):
        return True
    hoped = _hoped(measured, question.axes)
    return not any(
        all(
            other.measured.values[name] >= hoped[name]
            if bigger
            else other.measured.values[name] <= hoped[name]
            for name, bigger in question.axes
        )
        for other in before
        if other.full and not other.measured.error
    )


def _hoped(measured: Measured, axes: Axes) -> dict[str, float]:
    return {
        name: measured.reach.get(name, (measured.values[name],) * 2)[bigger]
        for name, bigger in axes
    }


def _next(space: Sequence[Config], tried: Sequence[Tried], question: Question, seed: int) -> Config:
    """Return the configuration from which most can be expected."""
    seen = {one.config.name for one in tried}
    left = _leading([config for config in space if config.name not in seen])
    good = [one for one in tried if not one.measured.error]
    rng = np.random.default_rng([seed, len(tried)])
    if len(good) < LEAST:
        return left[int(rng.integers(len(left)))]
    draws = _draws(left, good, question, rng)
    gains = _Gains(good, question)
    worth = [math.fsum(gains.of(draw) for draw in draws[at]) for at in range(len(left))]
    return left[max(range(len(left)), key=lambda at: (worth[at], -at))]


def _draws(
    left: Sequence[Config], good: Sequence[Tried], question: Question, rng: np.random.Generator
) -> list[list[dict[str, float]]]:
    """Return, for each configuration, samples of what it may turn out to be."""
    names = dict.fromkeys([*(name for name, _ in question.axes), *question.target.measures()])
    drawn = [[dict[str, float]() for _ in range(SAMPLES)] for _ in left]
    for name in names:
        if not all(name in one.measured.values for one in good):
            continue
        column = _column(name, left, good, rng)
        for at, config in enumerate(left):
            for number, draw in enumerate(drawn[at]):
                draw[name] = config.known.get(name, float(column[at, number]))
    return drawn


def _column(
    name: str, left: Sequence[Config], good: Sequence[Tried], rng: np.random.Generator
) -> Any:
    """Return samples of one measure: configurations by samples."""
    bend, unbend = _BENDS.get(name, _BENDS[""])
    values = [bend(one.measured.values[name]) for one in good]
    noise = [_noise(name, one.measured, bend) for one in good]
    features = [one.config.features for one in good]
    model = Surrogate(features, values, noise, chance=not any(noise))
    mean, spread = model.guess([config.features for config in left])
    column = unbend(mean[:, None] + spread[:, None] * rng.standard_normal((len(left), SAMPLES)))
    if name == "score":
        for at, config in enumerate(left):
            low, high = _between(config, good)
            column[at] = np.clip(column[at], low, high)
    return column


def _between(config: Config, good: Sequence[Tried]) -> tuple[float, float]:
    """Return between what a score must lie: stronger ones are not worse, weaker not better."""
    low, high = 0.0, 1.0
    for one in good:
        score = one.measured.values["score"]
        mine, theirs = config.features, one.config.features
        least, most = one.measured.reach.get("score", (score, score))
        slack = max(SLACK, (most - least) / 4)
        if all(a <= b for a, b in zip(mine, theirs, strict=True)):
            high = min(high, score + slack)
        if all(a >= b for a, b in zip(mine, theirs, strict=True)):
            low = max(low, score - slack)
    return (low, max(low, high))


def _noise(name: str, measured: Measured, bend: Callable[[float], float]) -> float:
    """Return the variance that a 95 % interval tells of."""
    low, high = measured.reach.get(name, (measured.values[name],) * 2)
    return ((bend(high) - bend(low)) / 4) ** 2


def _angle(share: float) -> float:
    """Bend a share so that chance moves it as far at 0.99 as at 0.5 (arcsine of the root)."""
    return math.asin(math.sqrt(min(1.0, max(0.0, share))))


_BENDS: Mapping[str, tuple[Callable[[float], float], Callable[[Any], Any]]] = {
    "score": (_angle, lambda x: np.sin(np.clip(x, 0, math.pi / 2)) ** 2),
    "agreement": (_angle, lambda x: np.sin(np.clip(x, 0, math.pi / 2)) ** 2),
    "": (lambda x: math.log(max(x, 1e-12)), np.exp),
    "flips": (_angle, lambda x: np.sin(np.clip(x, 0, math.pi / 2)) ** 2),
    "slices": (lambda x: x, lambda x: x),
}


class _Gains:
    """What a sample would add: to the front's volume, and to the wish under the target."""

    def __init__(self, good: Sequence[Tried], question: Question):
        self._question = question
        seen = [one.measured.values for one in good]
        axes = question.axes
        worst, best = ends(seen, axes)
        # A little below the worst, so that an end of the front is worth something too.
        self._worst = {
            name: worst[name] - 0.1 * ((best[name] - worst[name]) or abs(best[name]) or 1.0)
            for name, _ in axes
        }
        self._front = [
            values for values in seen if not any(_beats(other, values, axes) for other in seen)
        ]
        self._volume = hypervolume(self._front, axes, self._worst)
        kept = [v for v in seen if question.target.kept(v, question.parent)]
        wish = question.target.wished
        self._best = (
            (max if wish.bigger else min)(v[wish.name] for v in kept if wish.name in v)
            if any(wish.name in v for v in kept)
            else None
        )

    def of(self, draw: Mapping[str, float]) -> float:
        """Return the relative gain of both together."""
        return self._by_volume(draw) + self._by_wish(draw)

    def _by_volume(self, draw: Mapping[str, float]) -> float:
        axes = self._question.axes
        if any(name not in draw for name, _ in axes):
            return 0.0
        if any(_as_good(other, draw, axes) for other in self._front):
            return 0.0
        volume = hypervolume([*self._front, draw], axes, self._worst)
        return (volume - self._volume) / self._volume if self._volume else 1.0

    def _by_wish(self, draw: Mapping[str, float]) -> float:
        target, wish = self._question.target, self._question.target.wished
        if wish.name not in draw or not target.kept(draw, self._question.parent):
            return 0.0
        if self._best is None:
            return 1.0
        gain = draw[wish.name] - self._best
        return max(0.0, gain if wish.bigger else -gain) / (abs(self._best) or 1.0)


def _as_good(a: Mapping[str, float], b: Mapping[str, float], axes: Axes) -> bool:
    return all(a[name] >= b[name] if bigger else a[name] <= b[name] for name, bigger in axes)


def _beats(a: Mapping[str, float], b: Mapping[str, float], axes: Axes) -> bool:
    return _as_good(a, b, axes) and any(a[name] != b[name] for name, _ in axes)
