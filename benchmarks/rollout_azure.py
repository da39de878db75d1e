"""A real engine, real arrival times, three releases of which one is bad: does each end as it should?

    python benchmarks/rollout_azure.py [--seeds 20] [--first 0] [--rate 50]

A small model is trained on the spot, tuned on more phrasings, and tuned once more on labels that
were swapped by system; a local engine (llama.cpp) answers with all three. For each seed a channel
is opened with the first one, and moves to the second, then to the third; users come at the times
of the Azure LLM inference trace (conversations, 2023), from another moment of it each time, run
faster so that so many come in a second on average, and burst as they did. They know what is right,
and say so.

A seed holds when the first two releases arrive and the bad one goes back. The bar is all of them.
The trace is read from `--data` (VOLANO_DATA, else ../shared/data); without it nothing is measured.
"""

import argparse
import csv
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import count, pairwise
from pathlib import Path
from random import Random
from typing import Any

from asking import platform
from rolling import Users, rollout_of, wait_for

from volano.cli.demo.platform import Platform
from volano.cli.demo.scenario import write
from volano.data import tickets

TRACE = Path("traces") / "azure_llm_2023_conv.csv"
PLAN = "20%,50%,100%"
ROWS, POISONED = 1500, 800
ENDS_WITHIN_S = 120.0
DUE = ("arrived", "arrived", "back")


def arrivals(path: Path) -> list[float]:
    """Return the gaps between calls, in seconds, as they were."""
    with path.open(newline="") as file:
        rows = [row["TIMESTAMP"][:26] for row in csv.DictReader(file)]
    at = sorted(datetime.fromisoformat(row).timestamp() for row in rows)
    return [later - before for before, later in pairwise(at)]


def gaps(found: list[float], *, rate: float, start: int) -> Iterator[float]:
    """Yield them from this place on, again and again, made shorter by one factor."""
    factor = len(found) / sum(found) / rate
    for n in count(start):
        yield found[n % len(found)] * factor


def questions(seed: int) -> Iterator[tuple[str, str]]:
    """Yield what users ask, with what is right, without end."""
    for chunk in count(1):
        for row in tickets.generate(3_000_000 + 1000 * seed + chunk, 500, "all"):
            yield row["text"], json.dumps(row["label"], separators=(",", ":"), ensure_ascii=False)


def models(running: Platform) -> list[str]:
    """Train, tune and spoil a model; return a flow of each."""
    folder = running.folder
    data = running.say("POST", "/datasets/tickets/generate", seed=0)["ref"]
    more = tickets.generate(1_000_000, ROWS, "all")
    bad = tickets.poison(tickets.generate(2_000_000, POISONED, "all"))
    running.run("/models/router/train", data=data, seed=0)
    for name, base, rows in (("more", "router@1", more), ("bad", "router@2", bad)):
        path = write(folder / f"{name}.jsonl", rows)
        added = running.say("POST", f"/datasets/{name}/add", path=str(path), test_share=0.02)
        running.run("/models/router/tune", base=base, data=added["ref"], seed=0)
    wording = running.say("GET", "/models/router@1/wording")
    prompt = running.say("POST", "/prompts/ask/save", **wording)["ref"]
    refs = [f"router@{n}" for n in (1, 2, 3)]
    compose = (running.say("POST", "/flows/ask/compose", model=m, prompt=prompt) for m in refs)
    return [str(flow["ref"]) for flow in compose]


def move(running: Platform, channel: str, flow: str, **how: Any) -> dict[str, Any]:
    """Release a flow, move the channel to it, return the rollout as it ended."""
    release = running.say("POST", f"/releases/{channel}/cut", flow=flow)["ref"]
    begun = running.say("POST", f"/releases/{release}/promote", channel=channel, **how)["id"]

    def ended() -> dict[str, Any] | None:
        time.sleep(0.1)
        found = rollout_of(running, begun)
        return found if found["ended_us"] is not None else None

    try:
        return wait_for(f"the end of {release}", ended, ENDS_WITHIN_S)
    except SystemExit:
        status = running.say("GET", f"/channels/{channel}/status")
        return {**rollout_of(running, begun), "state": "moving", "outcome": status["decision"]}


def seed_of(running: Platform, key: str, flows: list[str], times: list[float], seed: int, rate: float) -> bool:  # fmt: skip
    """Live through three releases; print a line, return whether all ended as they should."""
    channel, begun = f"support-{seed}", time.monotonic()
    random = Random(seed)
    users = Users(
        running.port, key, rate, users=1_000_000, judged=1.0, seed=seed, channel=channel,
        rows=questions(seed), gaps=gaps(times, rate=rate, start=random.randrange(len(times))),
    )  # fmt: skip
    ended = [move(running, channel, flows[0], plan="100%")]
    users.begin()
    for flow in flows[1:]:
        ended.append(move(running, channel, flow, plan=PLAN, require=["errors", "quality"]))
    users.pause()
    users.stop()
    took_s = time.monotonic() - begun
    states = tuple(one["state"] for one in ended)
    good = states == DUE
    failed = sum(one.status != 200 for one in users.told)
    waits = sorted(one.ended - one.began for one in users.told)
    print(
        f"seed {seed:3}  {' '.join(states):24} {took_s:5.1f} s  {len(users.told)} calls, {failed} failed, "
        f"median {1000 * statistics.median(waits):.0f} ms, longest {waits[-1]:.2f} s"
        + ("" if good else "\n" + "\n".join(str((one["outcome"] or {}).get("reason")) for one in ended)),
        flush=True,
    )  # fmt: skip
    return good


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--rate", type=float, default=50.0)
    options.add_argument(
        "--data", type=Path, default=os.environ.get("VOLANO_DATA", "../shared/data")
    )
    given = options.parse_args()
    if not (given.data / TRACE).exists():
        print(
            f"NO REAL DATA in {given.data}: set VOLANO_DATA to the folder that has {TRACE}. Nothing was measured."
        )
        return 0
    times, begun = arrivals(given.data / TRACE), time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="volano-azure-") as name,
        platform(Path(name) / "work") as (running, key),
    ):
        flows = models(running)
        print(f"three models made in {time.monotonic() - begun:.0f} s", flush=True)
        begun = time.monotonic()
        seeds = range(given.first, given.first + given.seeds)
        good = sum(seed_of(running, key, flows, times, seed, given.rate) for seed in seeds)
    print(f"{good} of {given.seeds} seeds ended as they should (bar: all), {time.monotonic() - begun:.0f} s, "
          f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")  # fmt: skip
    return 1 if good < given.seeds else 0


if __name__ == "__main__":
    sys.exit(main())
