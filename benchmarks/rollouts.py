"""Rollouts: does a harmless release stay, and how soon is a bad one found? Beside what others do.

    python benchmarks/rollouts.py [--rollouts 2000] [--found 200] [--seed 0]

Simulated traffic goes through the real evidence (`releases.gates.Evidence`), looked at after every
request. Users are sticky and unlike each other: their own error rates are drawn from a Beta
distribution with intra-class correlation 0.3, so a few users make most of the errors. The plan has
five steps (1 %, 5 %, 25 %, 50 %, 100 %); each lasts so many requests whatever the gates say, so that
shares change, and the hour's error rate swings by half.

1. No difference: of so many rollouts, how many are taken back? Bar: at most 5 %.
2. Errors rise from 1 % to 2 %, and ten-fold, at 10 % share, each call a user of its own: how many
   requests of the candidate until it is taken back? Bars: median at most 1,200, and 60.
3. The same streams, judged every 1,200 requests ("a minute") as others do:
   - Kayenta's manner: Mann-Whitney U over the error rates of the minutes so far, confidence 0.98,
     tolerance 0.25 of the Hodges-Lehmann estimate; fails where the candidate is High
     (NetflixACAJudge as documented: "high" is a failure of an error metric).
   - Argo Rollouts' manner: the candidate's error rate of the last minute above twice the usual
     rate fails a measurement; more than `failureLimit` of them take it back. Limits 0 and 3.
   - a z-test of two proportions, looked at every minute, p < 0.05.

Written from their documentation, not with their code. The figures depend on the traffic above: it
is said here so that it can be argued with.
"""

import argparse
import math
import random
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat

from volano.releases.gates import Arm, Evidence
from volano.releases.plan import Plan
from volano.stats.intervals import wilson

STEPS = (10_000, 50_000, 250_000, 500_000)
EACH = 3_000
USERS = 4_000
ICC = 0.3
BASE = 0.01
MINUTE = 1_200
LIMIT = 60_000


@dataclass(frozen=True, slots=True)
class Request:
    user: str
    arm: Arm
    share: int
    failed: bool


@dataclass(slots=True)
class Seen:
    """Counts of one minute, and of all of them, by arm."""

    calls: dict[str, int]
    errors: dict[str, int]


def plan_traffic(draw: random.Random, factor: float) -> Iterator[Request]:
    """Yield the requests of a rollout of four steps; users are sticky, and unlike each other."""
    a, b = BASE * (1 - ICC) / ICC, (1 - BASE) * (1 - ICC) / ICC
    users = [(f"u{n}", draw.random() * 1e6, draw.betavariate(a, b)) for n in range(USERS)]
    at = 0
    for share in STEPS:
        for _ in range(EACH):
            at += 1
            name, place, rate = users[int(draw.random() * USERS)]
            swing = 1 + 0.5 * math.sin(at / 700)
            chosen = place < share
            chance = min(1.0, rate * swing * (factor if chosen else 1.0))
            yield Request(name, "candidate" if chosen else "stable", share, draw.random() < chance)


def lone_traffic(draw: random.Random, factor: float) -> Iterator[Request]:
    """Yield requests at 10 % share, each a user of its own."""
    for at in range(LIMIT):
        chosen = draw.random() < 0.1
        failed = draw.random() < BASE * (factor if chosen else 1.0)
        yield Request(f"u{at}", "candidate" if chosen else "stable", 100_000, failed)


def ours(requests: Iterator[Request]) -> int | None:
    """Return after how many of the candidate's requests it was taken back; None if never."""
    evidence = Evidence(Plan.parse("1%,5%,25%,50%,100%"))
    for one in requests:
        evidence.observe_call(one.user, one.arm, one.share, one.failed)
        harmed = one.failed and any(test.rejected for test in evidence.harm.values())
        if harmed or evidence.guard_tripped:
            return evidence.calls["candidate"]
    return None


def by_minute(
    judge: Callable[[list[Seen], Seen], bool],
) -> Callable[[Iterator[Request]], int | None]:
    """Return what looks at the end of each minute, at the minutes so far and at all of it."""

    def look(requests: Iterator[Request]) -> int | None:
        minutes: list[Seen] = []
        whole = Seen({"stable": 0, "candidate": 0}, {"stable": 0, "candidate": 0})
        now = Seen({"stable": 0, "candidate": 0}, {"stable": 0, "candidate": 0})
        for at, one in enumerate(requests, 1):
            for seen in (whole, now):
                seen.calls[one.arm] += 1
                seen.errors[one.arm] += one.failed
            if at % MINUTE == 0:
                minutes.append(now)
                now = Seen({"stable": 0, "candidate": 0}, {"stable": 0, "candidate": 0})
                if judge(minutes, whole):
                    return whole.calls["candidate"]
        return None

    return look


def kayenta(minutes: list[Seen], _: Seen) -> bool:
    """Whether Mann-Whitney U calls the candidate High, of at least 5 minutes with data."""
    rates = {
        arm: [m.errors[arm] / m.calls[arm] for m in minutes if m.calls[arm]]
        for arm in ("stable", "candidate")
    }
    mine, theirs = rates["candidate"], rates["stable"]
    if min(len(mine), len(theirs)) < 5 or mine == theirs:
        return False
    differences = sorted(x - y for x in mine for y in theirs)
    shift = statistics.median(differences)
    low = _lower(differences, len(mine), len(theirs))
    return low > 0.25 * abs(shift)


def _lower(differences: list[float], n: int, m: int, confidence: float = 0.98) -> float:
    """Return the lower limit of the Hodges-Lehmann shift by the normal approximation of U."""
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    rank = math.floor(n * m / 2 - z * math.sqrt(n * m * (n + m + 1) / 12))
    return differences[rank] if rank >= 0 else -math.inf


def argo(limit: int) -> Callable[[list[Seen], Seen], bool]:
    """Return the judge by a threshold of twice the usual rate; more than `limit` failures are one."""

    def judge(minutes: list[Seen], _: Seen) -> bool:
        failed = sum(
            m.errors["candidate"] > 2 * BASE * m.calls["candidate"]
            for m in minutes
            if m.calls["candidate"]
        )
        return failed > limit

    return judge


def peeked(_: list[Seen], whole: Seen) -> bool:
    """Whether a one-sided z-test of all requests so far says that the candidate is worse."""
    n, m = whole.calls["candidate"], whole.calls["stable"]
    if min(n, m) < 30 or not (total := sum(whole.errors.values())):
        return False
    p = total / (n + m)
    spread = math.sqrt(p * (1 - p) * (1 / n + 1 / m))
    gap = whole.errors["candidate"] / n - whole.errors["stable"] / m
    return spread > 0 and gap / spread > 1.645


WAYS: dict[str, Callable[[Iterator[Request]], int | None]] = {
    "volano": ours,
    "Kayenta's manner": by_minute(kayenta),
    "Argo's manner, limit 0": by_minute(argo(0)),
    "Argo's manner, limit 3": by_minute(argo(3)),
    "z-test, each minute": by_minute(peeked),
}
TRAFFIC = {"plan": plan_traffic, "lone": lone_traffic}


def one(seed: int, kind: str, factor: float) -> list[int | None]:
    """Return what each way says of the same stream."""
    return [way(TRAFFIC[kind](random.Random(seed), factor)) for way in WAYS.values()]


def many(
    pool: ProcessPoolExecutor, n: int, seed: int, kind: str, factor: float
) -> list[list[int | None]]:
    seeds = [f"{seed}/{kind}/{factor}/{k}" for k in range(n)]
    return [*zip(*pool.map(one, seeds, repeat(kind), repeat(factor), chunksize=4), strict=True)]  # type: ignore[list-item]


def told(found: list[int | None]) -> str:
    n, taken = len(found), [one for one in found if one is not None]
    low, high = wilson(len(taken), n)
    middle = f"{statistics.median(taken):,.0f}" if 2 * len(taken) > n else "–"
    return f"{100 * len(taken) / n:6.1f} % ({100 * low:.1f} to {100 * high:.1f})   median {middle}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--rollouts", type=int, default=2000)
    parser.add_argument("--found", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with ProcessPoolExecutor(2) as pool:
        for title, n, kind, factor, bar in (
            (f"no difference, {len(STEPS)} shares, sticky users, ICC {ICC}", args.rollouts, "plan", 1.0,
             "taken back: at most 5 %"),
            ("errors x 3, the same traffic", args.found, "plan", 3.0, "as often as others, or more"),
            ("no difference, 10 %, lone calls", args.found, "lone", 1.0, "taken back: at most 5 %"),
            ("errors 1 % to 2 %, 10 %, lone calls", args.found, "lone", 2.0, "median at most 1,200"),
            ("errors x 10, 10 %, lone calls", args.found, "lone", 10.0, "median at most 60"),
        ):  # fmt: skip
            print(f"\n{title}, {n} rollouts   ({bar})", flush=True)
            for name, found in zip(WAYS, many(pool, n, args.seed, kind, factor), strict=True):
                print(f"  {name:<24} taken back {told(list(found))}", flush=True)
    print("\nmedian: requests of the candidate until it was taken back")


if __name__ == "__main__":
    main()
