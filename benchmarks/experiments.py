"""Are the verdicts of experiments honest? Null streams, looked at after every unit.

    python benchmarks/experiments.py                     2,000 null streams each (some minutes)
    python benchmarks/experiments.py --streams 300       fewer

Users come one after the other and stick to an arm. Each makes one to ten requests; what its
requests show is alike (ICC 0.3), and what is told of it comes late, in one scene also long after
its window. All of it goes through the
evidence and the verdict that a channel's experiment uses (`volano.releases.experiment`), which
look after each unit that enters.

On the same streams the negative control looks after each unit, too, with the z-test that one
finds in most dashboards: unit means, p < 0.05 at any look. Last, how often a real difference
is found, and after how many units.
"""

import argparse
import math
import os
import random
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from volano.releases.experiment.against import Against
from volano.releases.experiment.design import Design
from volano.releases.experiment.evidence import Evidence
from volano.releases.experiment.measure import Measure
from volano.releases.experiment.verdict import decide

BAR, CONTROL_BAR, ICC = 0.05, 0.20, 0.3
Z = 1.959964
SECOND = 1_000_000
HOUR = 3600 * SECOND

SALE = Measure("sale", "yes", "any", "more", zero=True)
THUMBS = Measure("thumbs", "score", "mean", "more")
REVENUE = Measure("revenue", "money", "sum", "more", 100.0, "EUR", zero=True)
FAILED = Measure("errors", "errors", "mean", "less")


@dataclass(frozen=True)
class Scene:
    """What is simulated: the mean of the goal, its lift in the other arms, and the split.

    `late_h`: how many hours after it happened something is told at most.
    """

    name: str
    goal: Measure
    mean: float
    lift: float
    shares: tuple[int, ...] = (500_000, 500_000)
    users: int = 4000
    late_h: int = 0

    def null(self) -> "Scene":
        """The same without any difference."""
        return replace(self, lift=0.0)


SCENES = (
    Scene("conversion 10 %, told up to 24 h late", SALE, 0.10, 0.05),
    Scene("conversion 10 %, told up to 72 h late", SALE, 0.10, 0.05, late_h=72),
    Scene("conversion 3 %, split 80:20", SALE, 0.03, 0.04, (800_000, 200_000)),
    Scene("thumbs of sticky users, half of them silent", THUMBS, 0.70, 0.08),
    Scene("errors of sticky users 3 %", FAILED, 0.03, 0.04),
    Scene("revenue, lognormal, capped", REVENUE, 0.10, 0.08),
    Scene("conversion 10 %, three arms", SALE, 0.10, 0.06, (333_334, 333_333, 333_333)),
)


@dataclass
class Ended:
    """How one stream ended."""

    claimed: bool
    wrong_way: bool
    units: int
    control: bool
    stopped: bool


def stream(scene: Scene, seed: int) -> Ended:
    """Let one experiment run to its end."""
    rng = random.Random(seed)
    design = Design(scene.shares, scene.goal, mature_s=24 * 3600, max_wait_s=1e9)
    evidence, control = Evidence(design), Peeked(evidence_arms=len(scene.shares))
    events: list[tuple[int, int, str, int, float, int]] = []
    for user in range(scene.users):
        for event in journey(scene, rng, user):
            late = rng.randrange(scene.late_h * HOUR) if event[4] >= 2 and scene.late_h else 0
            events.append((event[0] + late, *event[1:], event[0]))
    events.sort()
    first: tuple[Against, int] | None = None
    moments = [(event[0], event) for event in events]
    ends = [(events[-1][0] + hours * HOUR, None) for hours in (25, 50)]
    for at_us, event in (*moments, *ends):
        evidence.mature(at_us)
        if first is None and evidence.settled:
            first = next(
                ((one, one.found_at[0]) for one in evidence.against
                 if one.found in ("better", "worse") and one.found_at), None,
            )  # fmt: skip
        if event is not None:
            tell(evidence, scene, *event[2:])
    control.watch(evidence)
    judged = decide(evidence, [f"support@{arm}" for arm in range(len(scene.shares))])
    ahead = "better" if scene.lift * scene.goal.sign > 0 else "worse"
    return Ended(
        claimed=first is not None,
        wrong_way=any(one.found not in ("", "same", ahead) for one in evidence.against),
        units=first[1] if first is not None else 0,
        control=control.claimed,
        stopped=judged.action == "stop",
    )


def journey(
    scene: Scene, rng: random.Random, user: int
) -> Iterator[tuple[int, int, str, int, float]]:
    """Yield what a user does: calls (a value from 0 on), then what is told of them (2 + value)."""
    arm = rng.choices(range(len(scene.shares)), scene.shares)[0]
    mean = scene.mean + (scene.lift if arm else 0.0)
    own = rng.betavariate(mean * (1 / ICC - 1), (1 - mean) * (1 / ICC - 1))
    at, unit = user * 30 * SECOND + rng.randrange(30 * SECOND), f"user-{user}"
    sticky = min(10, 1 + int(rng.expovariate(0.4)))
    silent = scene.goal == THUMBS and rng.random() < 0.5
    for n in range(sticky):
        value = float(rng.random() < own) if scene.goal == FAILED else 0.0
        yield at, n, unit, arm, value
        if scene.goal == THUMBS and not silent:
            yield at + rng.randrange(6 * HOUR), n, unit, arm, 2.0 + float(rng.random() < own)
        at += int(rng.expovariate(1 / (HOUR / 2)))
    if scene.goal == SALE and rng.random() < mean:
        yield at + rng.randrange(20 * HOUR), sticky, unit, arm, 3.0
    if scene.goal == REVENUE and rng.random() < 2 * mean:
        amount = min(4.0, rng.lognormvariate(-1.4, 1.0))
        yield at + rng.randrange(20 * HOUR), sticky, unit, arm, 2.0 + amount


def tell(evidence: Evidence, scene: Scene, unit: str, arm: int, value: float, at_us: int) -> None:
    """Tell the evidence one thing, as the reader of records does."""
    if value < 2:
        evidence.expose(unit, arm, at_us)
        evidence.call(unit, arm, (value if scene.goal == FAILED else None,), at_us)
    else:
        evidence.judge(unit, 0, f"{unit}-{at_us}", value - 2, at_us)


class Peeked:
    """The negative control: a z-test of the same unit values, looked at after each unit."""

    def __init__(self, evidence_arms: int):
        self.claimed = False
        self._sums = [[0, 0.0, 0.0] for _ in range(evidence_arms)]

    def watch(self, evidence: Evidence) -> None:
        """Look at all units again, in the order in which they entered."""
        units = sorted(evidence._units.values(), key=lambda unit: unit.since_us)  # noqa: SLF001
        for unit in units:
            value = unit.values[0] if unit.values else None
            if value is not None:
                self._take(unit.arm, value)

    def _take(self, arm: int, value: float) -> None:
        mine = self._sums[arm]
        mine[0], mine[1], mine[2] = mine[0] + 1, mine[1] + value, mine[2] + value * value
        (n, s, q), (m, t, r) = self._sums[1], self._sums[0]
        if n < 100 or m < 100:
            return
        error = (q / n - (s / n) ** 2) / n + (r / m - (t / m) ** 2) / m
        self.claimed |= error > 0 and abs(s / n - t / m) > Z * math.sqrt(error)


def streams(scene: Scene, seeds: range) -> list[Ended]:
    """Run several streams."""
    return [stream(scene, seed) for seed in seeds]


def run(scene: Scene, count: int, pool: ProcessPoolExecutor, parts: int) -> list[Ended]:
    """Run many streams on all cores."""
    cuts = [range(part, count, parts) for part in range(parts)]
    return [one for found in pool.map(streams, [scene] * parts, cuts) for one in found]


def main() -> int:
    """Print the table; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    began, missed = time.monotonic(), False
    powered = max(50, given.streams // 10)
    print(
        f"{given.streams} null streams each, {powered} with a lift; 4,000 users, looked at after every one"
    )
    print(
        f"{'':46} {'claims':>7} {'z-test':>7} {'split':>6}   {'found':>6} {'wrong':>6} {'after':>6}  lift"
    )
    with ProcessPoolExecutor(given.processes) as pool:
        for scene in SCENES:
            null = run(scene.null(), given.streams, pool, given.processes)
            real = run(scene, powered, pool, given.processes)
            claims = statistics.fmean(one.claimed for one in null)
            control = statistics.fmean(one.control for one in null)
            stopped = statistics.fmean(one.stopped for one in null)
            found = statistics.fmean(one.claimed for one in real)
            wrong = statistics.fmean(one.wrong_way for one in real)
            after = statistics.median([one.units for one in real if one.claimed] or [0])
            missed |= claims > BAR or control <= CONTROL_BAR
            print(f"{scene.name:46} {claims:7.1%} {control:7.1%} {stopped:6.1%}   {found:6.1%} {wrong:6.1%} "
                  f"{after:6.0f}  {scene.goal.told(scene.lift)}", flush=True)  # fmt: skip
    print(
        f"bars: claims at most {BAR:.0%}, the z-test above {CONTROL_BAR:.0%}; {time.monotonic() - began:.0f} s"
    )
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
