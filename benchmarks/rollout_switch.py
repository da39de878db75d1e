"""Blue-green, the instant return, and a rolling update of own engines, under open-loop load.

    python benchmarks/rollout_switch.py [--rate 6] [--replicas 2] [--settle 20]

Users call at a constant rate, whether or not the calls before theirs are answered: sticky
users, a third plain, a third streamed, a third long streams that outlive a switch. The
engines are real (llama.cpp, two small models, the second one made on the spot). The limit
is 0 failed calls and 0 streams that break off or change their release; no call that began
after a return was said to be done may be answered by the release that was left; never
more engines than one above the usual while they are replaced one by one.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from asking import ASKS, platform, wait_until_served
from engine import untrained

from volano.core.principal import SYSTEM
from volano.models.builtin import FOLDER

CHANNEL = "support"
USERS = 200
WAIT_S = 180.0
PLAIN, STREAM, LONG = range(3)


@dataclass
class Told:
    """One call: when it began and ended, which release answered, what went wrong."""

    kind: int
    began: float
    ended: float = 0.0
    release: str = ""
    wrong: str = ""


@dataclass
class Load(threading.Thread):
    """Open-loop load from a thread with a loop of its own."""

    port: int
    key: str
    rate: float
    told: list[Told] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self._over = threading.Event()
        self._random = random.Random(1)

    __hash__ = threading.Thread.__hash__

    def run(self) -> None:
        asyncio.run(self._come())

    def settle(self, n: int) -> None:
        """Wait until so many calls that begin from now on are answered."""
        now = time.monotonic()
        wait_for("answers", lambda: sum(t.began > now and t.ended > 0 for t in self.told) >= n)

    def stop(self) -> None:
        """Begin no more calls, and wait for those under way."""
        self._over.set()
        self.join(120)

    async def _come(self) -> None:
        tasks, next_s, n = [], time.monotonic(), 0
        while not self._over.is_set():
            tasks.append(asyncio.create_task(self._call(n)))
            n, next_s = n + 1, next_s + 1 / self.rate
            await asyncio.sleep(max(0.0, next_s - time.monotonic()))
        await asyncio.gather(*tasks)

    async def _call(self, n: int) -> None:
        told = Told(n % 3, time.monotonic())
        self.told.append(told)
        try:
            async with asyncio.timeout(100):
                await self._ask(told, f"user-{self._random.randrange(USERS)}", ASKS[n % 200])
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            told.wrong = told.wrong or repr(error)
        told.ended = time.monotonic()

    async def _ask(self, told: Told, user: str, text: str) -> None:
        body: dict[str, Any] = {
            "model": CHANNEL, "user": user, "messages": [{"role": "user", "content": text}],
            "stream": told.kind != PLAIN, "max_tokens": 400 if told.kind == LONG else 24,
        }  # fmt: skip
        if told.kind == LONG:
            body["ignore_eos"] = True
        raw = json.dumps(body).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            head = (f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\nconnection: close\r\n"
                    f"authorization: Bearer {self.key}\r\ncontent-type: application/json\r\n"
                    f"content-length: {len(raw)}\r\n\r\n")  # fmt: skip
            writer.write(head.encode() + raw)
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            named = [line for line in lines if line.startswith("x-volano-release:")]
            told.release = named[0].partition(":")[2].strip() if named else ""
            rest = await reader.read()
        finally:
            writer.close()
        status = lines[0].split(" ")[1]
        if status != "200":
            told.wrong = f"status {status}: {rest[-300:]!r}"
        elif told.kind != PLAIN and (b"[DONE]" not in rest or b'"error"' in rest):
            told.wrong = f"broken off: {rest[-200:]!r}"


def prepare(models: dict[str, Path], app: Any) -> None:
    for name, folder in models.items():
        ref = app.models.import_trained(name, folder, by=SYSTEM).ref
        flow = app.flows.compose(name, model=ref, by=SYSTEM)
        app.releases.cut(CHANNEL, flow=flow.ref, by=SYSTEM)
    app.releases.promote(f"{CHANNEL}@1", channel=CHANNEL, by=SYSTEM)


def wait_for(what: str, holds: Callable[[], Any]) -> Any:
    until = time.monotonic() + WAIT_S
    while not (found := holds()):
        if time.monotonic() > until:
            raise SystemExit(f"not within {WAIT_S:.0f} s: {what}")
        time.sleep(0.02)
    return found


def arrived(running: Any, rollout: str) -> dict[str, Any]:
    """Wait until it has ended; it must have arrived."""
    done = wait_for("the rollout's end", lambda: _ended(running.say("GET", f"/rollouts/{rollout}")))
    if done["state"] != "arrived":
        raise SystemExit(f"{done['state']}: {done['outcome']}")
    return dict(done)


def _ended(rollout: dict[str, Any]) -> dict[str, Any] | None:
    return rollout if rollout["ended_us"] else None


def events(running: Any, rollout: str) -> list[dict[str, Any]]:
    return list(running.say("GET", f"/rollouts/{rollout}/events"))


def promote(running: Any, plan: str) -> str:
    path = f"/releases/{CHANNEL}@2/promote"
    return str(running.say("POST", path, channel=CHANNEL, plan=plan)["id"])


class Engines(threading.Thread):
    """Counts the engine processes that run, many times a second."""

    def __init__(self, state: Path):
        super().__init__(daemon=True)
        self._state, self.most, self._over = state, 0, threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.02):
            with suppress(OSError, ValueError):
                children = json.loads(self._state.read_bytes())["children"]
                now = [n for n, one in children.items() if n.startswith("engine-") and one["pid"]]
                self.most = max(self.most, len(now))

    def stop(self) -> int:
        self._over.set()
        self.join()
        return self.most


def engines_now(state: Path) -> int:
    with suppress(OSError, ValueError):
        return sum(
            name.startswith("engine-") for name in json.loads(state.read_bytes())["children"]
        )
    return 0


def report(load: Load, what: str, since: float, until: float) -> int:
    calls = [one for one in load.told if since <= one.began < until]
    wrong = [one for one in calls if one.wrong]
    by = Counter(one.release for one in calls)
    across = sum(1 for one in calls if one.ended - one.began > 1)
    print(
        f"{what}: {len(calls)} calls, {len(wrong)} failed, {across} took over a second, by release {dict(by)}"
    )
    for one in wrong[:5]:
        print(
            f"    {['plain', 'stream', 'long stream'][one.kind]} of {one.release}: {one.wrong[:300]}"
        )
    return len(wrong)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rate", type=float, default=6.0)
    options.add_argument("--replicas", type=int, default=2)
    options.add_argument("--settle", type=int, default=20, help="calls answered between")
    args = options.parse_args()
    os.environ["VOLANO_ENGINE_REPLICAS"] = str(args.replicas)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="volano-switch-") as name:
        models = {"one": FOLDER, "two": untrained(Path(name), 80)}
        with platform(Path(name) / "work", partial(prepare, models)) as (running, key):
            wait_until_served(running.port, key, [CHANNEL])
            state = running.settings.path("run", "state.json")
            load = Load(running.port, key, args.rate)
            load.start()
            load.settle(args.settle)
            begun = time.monotonic()

            rollout = promote(running, "switch verify 10 keep 1h")
            arrived(running, rollout)
            told = {one["kind"]: one for one in events(running, rollout)}
            facts = told["advanced"]["content"]
            wait_for("applied", lambda: "applied" in {e["kind"] for e in events(running, rollout)})
            told = {one["kind"]: one for one in events(running, rollout)}
            before_us = told["advanced"]["at_us"] - told["promoted"]["at_us"]
            print(f"blue-green: {facts['reason']} ({facts.get('warmed_ms')} ms), after {before_us / 1e6:.1f} s; "
                  f"decision to workers {told['applied']['content']['took_us'] / 1000:.1f} ms")  # fmt: skip
            load.settle(args.settle)

            switched = time.monotonic()
            running.say("POST", f"/channels/{CHANNEL}/rollback", why="bad news")
            back = time.monotonic()
            load.settle(args.settle)
            late = [one for one in load.told if one.began > back and one.release == f"{CHANNEL}@2"]
            first = min(
                one.began
                for one in load.told
                if one.began >= switched and one.release == f"{CHANNEL}@1"
            )
            print(f"return: said and done in {(back - switched) * 1000:.0f} ms (HTTP call, ledger, workers); "
                  f"first call of the old release began {(first - switched) * 1000:.0f} ms after it was asked for; "
                  f"{len(late)} calls begun later were answered by the release that was left")  # fmt: skip
            failed += len(late)
            wait_for("engines end", lambda: engines_now(state) == args.replicas)

            engines = Engines(state)
            engines.start()
            rolled = time.monotonic()
            rollout = promote(running, "rolling")
            arrived(running, rollout)
            took = time.monotonic() - rolled
            wait_for("engines end", lambda: engines_now(state) == args.replicas)
            most, steps = engines.stop(), [
                round(one["content"]["share"] / 10_000, 1) for one in events(running, rollout)
                if one["kind"] == "advanced"
            ]  # fmt: skip
            print(f"rolling: {args.replicas} engines replaced in {took:.1f} s, shares {steps} %, "
                  f"at most {most} engines at a time (limit {args.replicas + 1})")  # fmt: skip
            failed += most > args.replicas + 1
            load.settle(args.settle)
            load.stop()
            end = time.monotonic()
            failed += report(load, "before and blue-green", 0, switched)
            failed += report(load, "return", switched, rolled)
            failed += report(load, "rolling", rolled, end)
            print(f"{len(load.told) / (end - begun):.0f} calls/s, load {os.getloadavg()[0]:.1f}; limit 0 failed: "
                  f"{'missed' if failed else 'held'}")  # fmt: skip
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
