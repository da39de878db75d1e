"""An exact cache hit against nginx as a plain reverse proxy, in one run: `python benchmarks/cache.py`.

The harness is that of `gateway.py`: one worker with key check, channel choice and
spool on, beside nginx with kept upstream connections; load (wrk, 16 connections)
and mock on core 0, the worker, then nginx, alone on core 1; short runs that
alternate, and the median of the pairs' ratios counts. Every call of the load is
the same question by one of a thousand users, so that all but the first are hits;
each leaves its own trace. Beside it, in the same way, the same calls without a
cache: what a hit saves.

    --pairs N     pairs of runs (default 7)        --seconds S   seconds a run (default 2)
    --profile     profile the worker instead, print the costliest functions
"""

import os
import statistics
import sys
from pathlib import Path

from msgspec import structs

from volano.gateway.snapshot import Caching, Snapshot

sys.path.insert(0, str(Path(__file__).parent))
import gateway

BAR_RATE, AIM_RATE = 0.6, 1.0


class CacheBench(gateway.Bench):
    """The gateway's bench with a cache on its channel."""

    parts = ("plain",)
    asked = gateway.BODY, "n % 1000"
    caching: Caching | None = Caching(3600)

    def snapshot(self) -> Snapshot:
        found = super().snapshot()
        channels = {
            name: structs.replace(channel, caching=self.caching)
            for name, channel in found.channels.items()
        }
        return structs.replace(found, channels=channels)

    def compare(self, name: str, port: int, worker: int, proxy: int) -> bool:  # noqa: ARG002
        rates, gains = [], []
        for i in range(self.args.pairs):
            runs = [
                ("hit", port, worker),
                ("nginx", self.nginx_port, proxy),
                ("miss", port, worker),
            ]
            seen = {}
            for what, at, pid in runs if i % 2 else reversed(runs):
                if what != "nginx":
                    self.switch(10 * i + (2 if what == "hit" else 1), on=what == "hit")
                    self.load(at, 0.5)
                seen[what] = self.measured(at, pid)
            rates.append(seen["hit"][0] / seen["nginx"][0])
            gains.append(seen["hit"][0] / seen["miss"][0])
            told = (f"{what} {rate:7.0f} req/s {cpu * 1e6:6.1f} CPU-us/req"
                    for what, (rate, cpu) in seen.items())  # fmt: skip
            print(f"pair {i + 1}: {' | '.join(told)} | {rates[-1]:.2f} x nginx", flush=True)
        rate, gain = statistics.median(rates), statistics.median(gains)
        print(f"cache hit:    {rate:.2f} x nginx (median of {len(rates)} pairs; "
              f"bar >= {BAR_RATE}, aim {AIM_RATE}), {gain:.2f} x the same without a cache")  # fmt: skip
        return rate >= BAR_RATE

    def switch(self, number: int, *, on: bool) -> None:
        """Publish with a cache, or without; wait until it holds."""
        self.caching = Caching(3600, since_us=number) if on else None
        self.publish()
        while set(self.shared.workers().values()) != {self.generation}:
            os.sched_yield()

    def recorder(self, port: int) -> None:
        """Measured in `gateway.py`."""

    def swaps(self, listener: object) -> bool:  # noqa: ARG002
        """Measured in `gateway.py`."""
        return True


if __name__ == "__main__":
    gateway.Bench = CacheBench
    gateway.__doc__ = __doc__
    sys.exit(gateway.main())
