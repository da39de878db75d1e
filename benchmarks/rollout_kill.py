"""kill -9 of control at random moments of rollouts under load: does a rollout stay what it was?

    python benchmarks/rollout_kill.py [--kills 50] [--rate 60] [--seed 8]

A real `volano up` with two workers, a provider on loopback, sticky users who call at their time
and judge half of their answers. Rollouts of six steps follow one another: to releases that are as
good, that fail often, and that answer badly. Control is killed by turns at any moment, in the
moment in which a step (or the end) was just written and nobody was told of it yet, once more while
it comes back, and while a rollout is begun. After each restart the users pause until all is
recorded. Checked:

- evidence: what control that came back knows equals what one reading of all traces and feedback gives;
- shares: the workers follow what is written; each share that ever was in a trace is one of the
  plan, they only grow at each worker, and each call was of the arm that its share says;
- steps: the events of each rollout are its plan's steps, each once, in order;
- ledger: it has each of these events once, and is whole;
- calls: none failed but where the release itself did, and all are recorded, once.
"""

import argparse
import os
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle, groupby
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
from volano.core.errors import VolanoError
from volano.gateway import snapshot
from volano.gateway.choose import position
from volano.releases.gates import ARMS, Evidence
from volano.releases.plan import WHOLE, Plan
from volano.traces.keeper import Traces
from volano.traces.trace import Trace

PLAN = "15%,25%,40%,60%,80%,100%"
MARGINS = {"errors": 0.25, "quality": 0.25}
BASE, WORKERS = "good-1", 2
CANDIDATES = ("good-2", "flaky-1", "good-3", "weak-1")
WAYS = ("any moment", "just written", "coming back", "just written", "any moment", "begun")
ENDS = {"back": "rollout.back", "arrived": "rollout.arrived"}
FOLLOW_S, EQUAL_S, AIM_S = 5.0, 5.0, 6.0


class Bench:
    """One `volano up`, its rollouts, and what is wrong with them."""

    def __init__(self, running: Platform, users: Users, seed: int):
        self.running, self.users, self.random = running, users, random.Random(seed)
        self.rollouts: list[str] = []
        self.problems: list[str] = []
        self.back_s: list[float] = []
        self.equal = self.over = 0
        self.ways: Counter[str] = Counter()
        settings = running.settings
        self.traces = Traces(settings.path("records", "hot.db"))
        self._records = settings.path("records", "hot.db")
        self._catalog = settings.path("catalog.db")
        self._snapshot = settings.path("run").resolve() / "snapshot.json"

    def moves(self) -> str | None:
        """Return the id of the rollout under way."""
        found = self.running.say("GET", f"/channels/{CHANNEL}")["rollout_id"]
        return None if found is None else str(found)

    def begin(self, ref: str, *, kill: bool) -> None:
        """Promote a release; killed on the way, it is there wholly or not at all."""
        if not kill:
            promote(self.running, ref, plan=PLAN, margins=MARGINS, require=["errors", "quality"])
            return
        asking = threading.Thread(target=self._try, args=(ref,), daemon=True)
        asking.start()
        time.sleep(self.random.uniform(0.0, 0.06))
        self.kill("begun")
        asking.join(30)
        if self.moves() is None:
            self.begin(ref, kill=False)

    def _try(self, ref: str) -> None:
        with suppress(VolanoError, OSError, EOFError):
            self.begin(ref, kill=False)

    def kill(self, way: str) -> None:
        """Kill control; wait until another one answers."""
        if way == "just written":
            self._aim()
            time.sleep(self.random.choice((0.0, 0.0, 0.005, 0.02)))
        elif way != "begun":
            time.sleep(self.random.uniform(0.1, 3.0))
        pid, at = self._kill(way), time.monotonic()
        if way == "coming back":
            wait_for("another control", lambda: self._pid() not in (None, pid))
            time.sleep(self.random.uniform(0.1, 2.5))
            pid, at = self._kill(way), time.monotonic()
        wait_for("control is back", lambda: self._answers(pid))
        self.back_s.append(time.monotonic() - at)

    def _kill(self, way: str) -> int:
        pid = self._pid()
        assert pid is not None, "it is killed when it is there"
        os.kill(pid, signal.SIGKILL)
        self.ways[way] += 1
        return pid

    def _pid(self) -> int | None:
        return self.running.processes()["control"]

    def _aim(self) -> None:
        """Wait until a step or an end is written, if one comes."""
        conn = sqlite3.connect(f"file:{self._catalog}?mode=ro", uri=True, isolation_level=None)
        query = "SELECT count(*) FROM rollout_events WHERE kind NOT IN ('holds', 'applied')"
        before = conn.execute(query).fetchone()
        until = time.monotonic() + AIM_S
        while conn.execute(query).fetchone() == before and time.monotonic() < until:
            time.sleep(0.0005)
        conn.close()

    def _answers(self, killed: int) -> bool:
        try:
            if self._pid() in (None, killed):
                return False
            self.running.say("GET", f"/channels/{CHANNEL}")
        except (VolanoError, OSError, EOFError, KeyError):
            return False
        return True

    def look(self) -> None:
        """Compare what control knows with what is written, while nobody calls."""
        self.users.pause()
        self._follows()
        rollout = self.moves()
        if rollout is None:
            self.over += 1
        elif self._within(EQUAL_S, lambda: self._knows(rollout)):
            self.equal += 1
        elif self.moves() != rollout:
            self.over += 1
        else:
            self.problems.append(f"{rollout}: the evidence is another one after a restart")
        self.users.begin()

    def _knows(self, rollout: str) -> bool:
        known = self.running.say("GET", f"/channels/{CHANNEL}/status")["evidence"]
        due = self._read(rollout_of(self.running, rollout))
        return known is not None and {name: known.get(name) for name in due} == due

    def _read(self, rollout: dict[str, Any]) -> Any:
        """Read the evidence of a rollout in one go."""
        evidence = Evidence(Plan.from_dict(rollout["plan"]))
        for trace in self.of(rollout["id"]):
            if trace.arm in ARMS and trace.outcome in ("ok", "error", "cut"):
                evidence.observe_call(trace.unit, trace.arm, _share(trace), trace.failed)
        scores = self._scores()
        found = self.traces.by_ids(trace_id for trace_id, _ in scores)
        for trace_id, value in scores:
            on = found.get(trace_id)
            if on is not None and on.rollout == rollout["id"] and on.arm in ARMS:
                evidence.observe_score(on.unit, on.arm, _share(on), value)
        return evidence.to_dict()

    def _scores(self) -> list[tuple[str, float]]:
        conn = sqlite3.connect(f"file:{self._records}?mode=ro", uri=True)
        try:
            return conn.execute(
                "SELECT trace_id, value FROM feedback WHERE value IS NOT NULL ORDER BY seq"
            ).fetchall()
        finally:
            conn.close()

    def of(self, rollout: str) -> list[Trace]:
        """Return all traces of a rollout, in the order of recording."""
        return list(self.traces.since(0, rollout=rollout, limit=1_000_000))

    def _follows(self) -> None:
        """The workers' snapshot has the share that is written, soon after control is back."""

        def holds() -> bool:
            served = snapshot.read(self._snapshot).channels[CHANNEL].arms
            written = self.running.say("GET", f"/channels/{CHANNEL}")
            share = sum(arm.share for arm in served if arm.arm == "candidate")
            return share == (written["share"] if written["rollout_id"] else 0)

        if not self._within(FOLLOW_S, holds):
            self.problems.append("the workers do not follow what is written")

    @staticmethod
    def _within(seconds: float, holds: Callable[[], bool]) -> bool:
        until = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def check(self) -> tuple[int, int]:
        """Look at all rollouts, the ledger and all calls; return how many steps and calls there were."""
        ledger = self.running.say("GET", "/audit", subject=f"channel/{CHANNEL}", limit=10_000)
        steps = 0
        self.rollouts = [one["id"] for one in self.running.say("GET", "/rollouts", limit=10_000)]
        for rollout in (rollout_of(self.running, one) for one in self.rollouts):
            if rollout["baseline"] is not None:
                mine = [
                    one
                    for one in reversed(ledger)
                    if one["content"].get("rollout") == rollout["id"]
                ]
                steps += self._check_steps(rollout, mine)
                self._check_shares(rollout)
        found = self.running.say("GET", "/audit/verify")
        self.problems += [f"ledger: {problem}" for problem in found["problems"]]
        self._check_calls()
        return steps, len(self.users.told)

    def _check_steps(self, rollout: dict[str, Any], ledger: list[dict[str, Any]]) -> int:
        """No step is skipped or done twice, and the ledger tells the same."""
        events = events_of(self.running, rollout["id"])
        shares = [e["content"]["share"] for e in events if e["kind"] == "advanced"]
        ends = [e["kind"] for e in events if e["kind"] in ENDS]
        plan = rollout["plan"]["steps"]
        due = plan[:-1] if rollout["state"] == "arrived" else plan[: len(shares)]
        if shares != due or len(ends) != (rollout["ended_us"] is not None):
            self.problems.append(f"{rollout['id']}: steps {shares}, ends {ends} of {plan}")
        told = [one["content"]["share"] for one in ledger if one["verb"] == "rollout.advance"]
        others = [one["verb"] for one in ledger if one["verb"] != "rollout.advance"]
        if told != shares or others != ["release.promote", *(ENDS[end] for end in ends)]:
            self.problems.append(f"{rollout['id']}: the ledger has {told}, {others}")
        return len(shares)

    def _check_shares(self, rollout: dict[str, Any]) -> None:
        """As the workers' traces have it: shares of the plan, growing, and each call in its arm."""
        known = {0, *rollout["plan"]["steps"]}
        calls = sorted(self.of(rollout["id"]), key=lambda one: (one.worker, one.began_us))
        for worker, mine in groupby(calls, key=lambda one: one.worker):
            shares = [share for share, _ in groupby(map(_share, mine))]
            if shares != sorted(set(shares)) or not known.issuperset(shares):
                self.problems.append(f"{rollout['id']}: shares {shares} at {worker}")
        for one in calls:
            at = position(rollout["salt"], one.unit) * WHOLE >> 64
            if (one.arm == "candidate") != (at < _share(one)):
                self.problems.append(f"{rollout['id']}: {one.unit} at {_share(one)} is {one.arm}")

    def _check_calls(self) -> None:
        """Each call was answered but for the errors of the provider, and is recorded once."""
        lost = [
            one for one in self.users.told
            if one.status != 200 and not (one.status == 500 and "out of memory" in one.text)
        ]  # fmt: skip
        self.problems += [f"a call failed: {one.status} {one.text[:200]}" for one in lost]
        ids = [one.trace for one in self.users.told]
        stored = Counter(one.id for one in self.traces.since(0, limit=10_000_000))
        missing = sum(stored[one] != 1 for one in ids)
        if missing:
            self.problems.append(f"{missing} of {len(ids)} calls are not recorded once")


def _share(trace: Trace) -> int:
    """Return the candidate's share when this call was assigned."""
    return trace.share if trace.arm == "candidate" else WHOLE - trace.share


def spend(bench: Bench, refs: Iterator[str], kills: int) -> None:
    """Kill so often, by turns in each way, with rollouts following one another."""
    ways = cycle(WAYS)
    while (done := bench.ways.total()) < kills:
        way = next(ways)
        if way == "begun":
            wait_for("the end of a rollout", lambda: bench.moves() is None, 120)
            bench.begin(next(refs), kill=True)
        else:
            if bench.moves() is None:
                bench.begin(next(refs), kill=False)
            bench.kill(way)
        bench.look()
        print(
            f"{done + 1:3} {way:12}  back in {bench.back_s[-1]:.2f} s", file=sys.stderr, flush=True
        )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=50)
    options.add_argument("--rate", type=float, default=100.0)
    options.add_argument("--seed", type=int, default=8)
    given = options.parse_args()
    provider = Provider(
        errors={"flaky-1": 0.4},
        poor={"weak-1": 0.5, **dict.fromkeys((BASE, "good-2", "good-3"), 0.02)},
    )
    begun = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="volano-kill-") as name,
        moving(Path(name) / "work", provider, workers=WORKERS) as (running, key),
    ):
        promote(running, cut(running, BASE))
        refs = [cut(running, model) for model in CANDIDATES]
        users = Users(running.port, key, given.rate, judged=0.5, seed=given.seed)
        bench = Bench(running, users, given.seed)
        wait_for("the channel", lambda: bench.moves() is None)
        users.begin()
        spend(bench, _others(bench, cycle(refs)), given.kills)
        wait_for("the end of the last rollout", lambda: bench.moves() is None, 120)
        users.pause()
        time.sleep(0.5)
        steps, calls = bench.check()
        states = Counter(rollout_of(running, one)["state"] for one in bench.rollouts[:-1])
        users.stop()
    provider.stop()
    ways = ", ".join(f"{n} {way}" for way, n in bench.ways.items())
    print(
        f"{bench.ways.total()} kills ({ways}) in {time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}"
    )
    print(f"rollouts: {dict(states)}, {steps} steps; calls: {calls}")
    print(
        f"control was back in {statistics.median(bench.back_s):.2f} s (median), {max(bench.back_s):.2f} s at most"
    )
    print(
        f"evidence equal after {bench.equal} restarts; {bench.over} came after the end of a rollout"
    )
    print(f"problems: {len(bench.problems)} (bar 0)", *bench.problems[:20], sep="\n  ")
    return 1 if bench.problems else 0


def _others(bench: Bench, refs: Iterator[str]) -> Iterator[str]:
    """Yield the releases that the channel does not serve already."""
    for ref in refs:
        if bench.running.say("GET", f"/channels/{CHANNEL}")["stable_ref"] != ref:
            yield ref


if __name__ == "__main__":
    sys.exit(main())
