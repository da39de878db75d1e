"""kill -9 of the engine at random moments under load: when is it served again, what fails?

    python benchmarks/engine_kill.py [kills]

Eight clients ask the model that comes with volano through the gateway while its
engine is killed (30 times by default). Served again is the end of the first good
answer to a call that began after the kill: process start, loading, warm-up and the
call itself. The limit is 2 seconds, for each kill, and no failed call.
"""

import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from asking import Asking, platform, wait_until_served

from volano.cli.demo.platform import Platform

LIMIT_S = 2.0
CLIENTS = 8
CHANNEL = "ticket-router"


def engine_of(running: Platform) -> int | None:
    """Return the engine's pid; None while it waits to be started again."""
    return next(pid for name, pid in running.processes().items() if name.startswith("engine-"))


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    random = Random(6)
    with (
        tempfile.TemporaryDirectory(prefix="volano-kill-") as name,
        platform(Path(name) / "work") as (running, key),
    ):
        wait_until_served(running.port, key, [CHANNEL])
        clients = [Asking(running.port, key, CHANNEL, n) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        moments = []
        for _ in range(kills):
            time.sleep(random.uniform(1.0, 4.0))
            while not (pid := engine_of(running)):
                time.sleep(0.01)
            moments.append(time.monotonic())
            os.kill(pid, signal.SIGKILL)
        time.sleep(6)
        for client in clients:
            client.stop()
    calls = sorted(call for client in clients for call in client.calls)
    back = [min(end for begun, end, ok in calls if begun > at and ok == 200) - at for at in moments]
    failed = sum(status != 200 for _, _, status in calls)
    slowest = max(end - begun for begun, end, _ in calls)
    print(f"{kills} kills, {len(calls)} calls by {CLIENTS} clients, load {os.getloadavg()[0]:.1f}")
    print(
        f"served again: median {statistics.median(back):.2f} s, longest {max(back):.2f} s "
        f"(limit {LIMIT_S:.2f} s; {sum(b < LIMIT_S for b in back)} of {kills} within)"
    )
    print(f"failed calls: {failed}; slowest call {slowest:.2f} s")
    sys.exit(max(back) >= LIMIT_S or failed > 0)


if __name__ == "__main__":
    main()
