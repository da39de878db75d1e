"""A release that answers only errors, at 5 % of 200 requests a second: for how long do people get them?

    python benchmarks/rollout_gross.py [--times 10] [--alone 3] [--rate 200] [--users 2000]

A real `volano up` with four workers, a provider on loopback, calls of sticky users that come at
their time. Each time the same release that answers nothing but errors is promoted, and goes back
by itself. Measured:

- from the first bad answer that a user got to the last one: the bar is 1.5 s;
- from the decision (the moment of the rollout's event) to the last call that any worker still
  sent to the bad target, as the provider saw it arrive: the bar is 100 ms.

Beside it, how many bad answers there were, how many people got one, and what took it back: mostly
the test for harm, to which three people without an answer are proof. At last the same with the
recorder stopped, so that there is no evidence and the count guard stands alone: it wants 20 failures
of 25 calls, and the release gets ten calls a second. That is shown, and has no bar.
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rolling import (
    CHANNEL,
    Provider,
    Users,
    cut,
    events_of,
    moving,
    promote,
    rollout_of,
    wait_for,
)  # fmt: skip

from volano.cli.demo.platform import Platform

ANSWERS_S, SENDS_MS = 1.5, 100.0
WORKERS = 4
AFTER_S = 1.0
GOOD, BAD = "good-1", "bad-1"


def once(running: Platform, provider: Provider, users: Users, bad: str) -> dict[str, Any]:
    """Promote the bad release; return what people got until it was back."""
    users.told.clear()
    provider.arrived.clear()
    rollout = promote(running, bad, plan="5%,25%,100%")
    wait_for("the end of the rollout", lambda: rollout_of(running, rollout)["ended_us"])
    time.sleep(AFTER_S)  # a worker that did not follow would still send
    ended = rollout_of(running, rollout)
    assert ended["state"] == "back", ended
    decided_us = next(e["at_us"] for e in events_of(running, rollout) if e["kind"] == "back")
    told = list(users.told)
    failed = sorted(one.ended for one in told if one.status != 200)
    if {one.release for one in told if one.status == 200} - {f"{CHANNEL}@1"}:
        raise SystemExit("the bad release gave a good answer")
    return {
        "answers_s": failed[-1] - failed[0],
        "sends_ms": (max(provider.arrived[BAD]) - decided_us) / 1000,
        "bad": len(failed),
        "people": len({one.user for one in told if one.status != 200}),
        "calls": len(told),
        "why": ended["outcome"]["reason"],
    }


def show(n: int, row: dict[str, Any]) -> None:
    """Print one time."""
    print(
        f"{n:3}  bad answers for {row['answers_s']:.2f} s; last call to the bad target "
        f"{row['sends_ms']:+.0f} ms after the decision; {row['bad']} bad answers to "
        f"{row['people']} people, of {row['calls']} calls   {row['why']}", flush=True,
    )  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--times", type=int, default=10)
    options.add_argument("--alone", type=int, default=3)
    options.add_argument("--rate", type=float, default=200.0)
    options.add_argument("--users", type=int, default=2000)
    given = options.parse_args()
    provider = Provider(errors={BAD: 1.0})
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="volano-gross-") as name,
        moving(Path(name) / "work", provider, workers=WORKERS) as (running, key),
    ):
        promote(running, cut(running, GOOD))
        bad = cut(running, BAD)
        users = Users(running.port, key, given.rate, users=given.users)
        wait_for("the channel", lambda: not _moves(running))
        users.begin()
        time.sleep(2)
        for n in range(given.times):
            rows.append(row := once(running, provider, users, bad))
            show(n + 1, row)
        recorder = running.processes()["recorder"]
        os.kill(recorder, signal.SIGSTOP)
        try:
            for n in range(given.alone):
                show(n + 1, once(running, provider, users, bad))
        finally:
            os.kill(recorder, signal.SIGCONT)
        users.pause()
        users.stop()
    provider.stop()
    answers, sends = [r["answers_s"] for r in rows], [r["sends_ms"] for r in rows]
    print(
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {WORKERS} workers, {given.rate:g} a second"
    )
    print(
        f"bad answers: median {statistics.median(answers):.2f} s, longest {max(answers):.2f} s (bar {ANSWERS_S} s)"
    )
    print(f"decision to last send: median {statistics.median(sends):.0f} ms, longest {max(sends):.0f} ms (bar {SENDS_MS:.0f} ms)")  # fmt: skip
    return 1 if max(answers) >= ANSWERS_S or max(sends) >= SENDS_MS else 0


def _moves(running: Platform) -> bool:
    return running.say("GET", f"/channels/{CHANNEL}")["rollout_id"] is not None


if __name__ == "__main__":
    sys.exit(main())
