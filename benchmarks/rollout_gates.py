"""The gates of a rollout beside errors: how often do they take a harmless release back, what do they find?

    python benchmarks/rollout_gates.py [--rollouts 400] [--found 40] [--seed 0]

Simulated traffic goes through the real evidence (`releases.gates.Evidence`), looked at after every
request. 3,000 users are sticky, come again and again, and differ: each has a rate, a taste, a length of
questions and a speed of its own. The plan has three steps before the last (5 %, 25 %, 50 %), each of so many
requests whatever the gates say, with a baseline cohort of the candidate's size beside 5 % and 25 %.

1. No difference: how often is a rollout taken back by each gate alone, with all of alpha_harm for
   itself, and by all of them together? What is tolerated is set to no difference at all (scores and ratios: 0),
   which is harder than a plan's own setting, where harm is what lies beyond the margin. Bar: at most 5 %.
2. How often is a harmful release taken back, after how many units of the candidate (median)? And, for
   comparison, half of that effect.
3. How often would the gate of the 25 % step let a release pass that is exactly as much worse as its margin? Looked
   at every 50 requests. Bar: at most 5 %. And one that is not worse at all.

The figures depend on this traffic: it is said here so that it can be argued with.
"""

import argparse
import math
import random
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from volano.releases import gates
from volano.releases.experiment.measure import Measure
from volano.releases.gates import Arm, Evidence
from volano.releases.plan import Plan
from volano.stats.intervals import wilson

STEPS = (50_000, 250_000, 500_000)
USERS = 3_000
JUDGE = Measure("judge", "score", "mean", "more")


@dataclass(frozen=True, slots=True)
class User:
    """What one user's calls are like."""

    name: str
    place: float
    rate: float
    taste: float
    length: float
    speed: float


Value = Callable[[random.Random, User, float], float]


@dataclass(frozen=True, slots=True)
class Watched:
    """A measure: what a call of it is, given an effect; its margin, and the effects that are told."""

    name: str
    margin: float
    effects: tuple[float, float]
    value: Value
    edge: float
    told: str


def _rate(base: float) -> Value:
    def value(draw: random.Random, user: User, effect: float) -> float:
        return float(draw.random() < min(1.0, base * user.rate * effect))

    return value


def _score(draw: random.Random, user: User, effect: float) -> float:
    return min(1.0, max(0.0, user.taste + 0.15 * (draw.random() - 0.5) + effect))


def _time(draw: random.Random, user: User, effect: float) -> float:
    return 1e6 * user.speed * draw.lognormvariate(0, 0.4) * effect


def _cost(draw: random.Random, user: User, effect: float) -> float:
    return 0.002 * user.length * draw.lognormvariate(0, 0.8) * effect


def _capped(draw: random.Random, user: User, effect: float) -> float:
    return min(1.0, _cost(draw, user, effect) / 0.05)


WATCHED = (
    Watched("refusals", 0.05, (2.0, 4.0), _rate(0.03), 0.0, "times as often"),
    Watched("schema", 0.05, (2.0, 4.0), _rate(0.02), 0.0, "times as often"),
    Watched("latency:2s", 0.05, (1.5, 2.0), _rate(0.08), 0.0, "times as often"),
    Watched("judge", 0.05, (-0.03, -0.06), _score, -0.05, "points"),
    Watched("p50", 0.15, (1.25, 1.5), _time, 1.15, "times"),
    Watched("p95", 0.2, (1.4, 1.8), _time, 1.2, "times"),
    Watched("cost", 0.15, (1.3, 1.6), _cost, 1.15, "times"),
    Watched("cost:0.05 EUR", 0.15, (1.3, 1.6), _capped, 1.15, "times"),
)
BY_NAME = {one.name: one for one in WATCHED}
NONE = {"judge": 0.0}


def planned(names: tuple[str, ...], *, strict: bool) -> Plan:
    """Return a plan that watches these; `strict` tolerates no difference at all."""
    said = {
        name: {"margin": BY_NAME[name].margin}
        | ({"tolerance": 0.0} if strict and BY_NAME[name].value not in _RATES else {})
        for name in names
    }
    return Plan.parse("5%,25%,50%,100%", gates=said, meanings={"judge": JUDGE})


_RATES = tuple(one.value for one in WATCHED[:3])


def users(draw: random.Random) -> list[User]:
    """Return users who are unlike each other."""
    return [
        User(
            f"u{n}", draw.random() * 1e6, draw.gammavariate(0.5, 2.0), draw.betavariate(8, 2),
            draw.lognormvariate(0, 1.0), draw.lognormvariate(0, 0.3),
        )
        for n in range(USERS)
    ]  # fmt: skip


def arm_of(user: User, share: int, *, cohort: bool) -> Arm:
    """Return the arm of a user: the candidate's places from 0 up, the cohort's from the end down."""
    if user.place < share:
        return "candidate"
    return "baseline" if cohort and user.place >= 1e6 - share else "stable"


def rollout(
    seed: str, names: tuple[str, ...], effect: float | None, each: int, strict: bool
) -> int | None:
    """Return after how many of the candidate's units it was taken back; None if never."""
    draw, plan = random.Random(seed), planned(names, strict=strict)
    evidence, people = Evidence(plan), users(draw)
    stages, at = plan.stages, 0
    for stage in stages[:-1]:
        for _ in range(each):
            at += 1
            user = people[int(draw.random() * USERS)]
            arm = arm_of(user, stage.share, cohort=stage.cohort)
            hour = 1 + 0.3 * math.sin(at / 500)
            for name in names:
                one = BY_NAME[name]
                plain = NONE.get(one.name, 1.0)
                moved = effect if effect is not None and arm == "candidate" else plain
                value = one.value(draw, user, moved)
                evidence.observe(
                    name, user.name, arm, stage.share, value * (hour if value > 1e3 else 1)
                )
            if any(evidence.harm[name].rejected for name in names):
                return max(one.units for one in map(evidence.step, STEPS))
    return None


def edge(seed: str, name: str, *, edge: bool, units: int) -> int | None:
    """Return after how many units of the candidate a step at 25 % opens to it; None if it stays shut."""
    draw, one, plan = random.Random(seed), BY_NAME[name], planned((name,), strict=False)
    evidence, share = Evidence(plan), STEPS[1]
    plain = NONE.get(name, 1.0)
    for n in range(units):
        [user] = [User(f"u{n}", draw.random() * 1e6, 1.0, draw.betavariate(8, 2),
                       draw.lognormvariate(0, 1.0), draw.lognormvariate(0, 0.3))]  # fmt: skip
        arm = arm_of(user, share, cohort=True)
        worse = edge and arm == "candidate"
        value = one.value(draw, user, (one.edge or plain) if worse else plain)
        if worse and one.value in _RATES:  # its margin is absolute: so many points more
            value = max(value, float(draw.random() < one.margin / (1 - 0.08)))
        evidence.observe(name, user.name, arm, share, value)
        if n % 50 == 49 and gates.promotion(plan, name, evidence, share).outcome == "pass":
            return evidence.step(share).units
    return None


def told(found: list[int | None]) -> str:
    n, taken = len(found), [one for one in found if one is not None]
    low, high = wilson(len(taken), n)
    middle = f"{statistics.median(taken):,.0f}" if 2 * len(taken) > n else "–"
    return f"{100 * len(taken) / n:5.1f} % ({100 * low:.1f} to {100 * high:.1f})   median {middle}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--rollouts", type=int, default=400)
    parser.add_argument("--found", type=int, default=40)
    parser.add_argument("--each", type=int, default=3_000, help="requests of a step")
    parser.add_argument("--units", type=int, default=6_000, help="users at the edge of a margin")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    names = [one.name for one in WATCHED]
    with ProcessPoolExecutor(2) as pool:

        def many(n: int, what: str, *rest: object) -> list[int | None]:
            seeds = [f"{args.seed}/{what}/{rest}/{k}" for k in range(n)]
            return list(pool.map(rollout, seeds, *map(repeat, rest), chunksize=4))  # type: ignore[arg-type]

        print(f"no difference, {args.rollouts} rollouts: taken back (bar: at most 5 %)", flush=True)
        for name in names:
            print(
                f"  {name:<16}{told(many(args.rollouts, name, (name,), None, args.each, True))}",
                flush=True,
            )
        together = many(args.rollouts, "all", tuple(names), None, args.each, True)
        print(f"  {'all together':<16}{told(together)}", flush=True)
        print(f"\na worse candidate, {args.found} rollouts: taken back", flush=True)
        for one in WATCHED:
            for effect in one.effects:
                found = many(args.found, one.name, (one.name,), effect, args.each, False)
                size = f"{one.name} {effect:g} {one.told}"
                print(f"  {size:<32}{told(found)}", flush=True)
        print(f"\nthe step at 25 %, {args.found} each, {args.units:,} users: lets pass", flush=True)
        for name in names:
            for worse in (True, False):
                jobs = [pool.submit(edge, f"{args.seed}/{name}/{k}", name, edge=worse, units=args.units)
                        for k in range(args.found)]  # fmt: skip
                size = f"{name} {'at its margin (bar: 5 %)' if worse else 'as ever'}"
                print(f"  {size:<42}{told([job.result() for job in jobs])}", flush=True)
    print("\nmedian: units of the candidate until then")


if __name__ == "__main__":
    main()
