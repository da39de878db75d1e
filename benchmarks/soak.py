"""A worker under mixed load for minutes: does its memory stay flat? `python benchmarks/soak.py`.

Plain calls and streams, clients that leave in
the middle, upstreams that cut, clients that read slowly. After a minute of warm-up
its memory (proportional set size), open files and streams in flight are read each
second. Bounds: memory within 5 % of what it was after the warm-up, no open file and
no call left when the load has ended. Loopback only; the spool is emptied by a
recorder beside it.

    --minutes M   how long after the warm-up (default 10)
"""

import argparse
import asyncio
import contextlib
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent))
import gateway
import streams

BAR, WARM_S = 0.05, 60
RATE = 250
"""Calls a second, each on a connection of its own: what a load in Python can do on half a core."""


class Soak(streams.StreamBench):
    """The benches' worker, for minutes."""

    def run(self) -> int:
        os.sched_setaffinity(0, {self.load_core})
        self.paced_port = gateway.free_port()
        self.fast_port = gateway.free_port()
        self.nginx("mock", self.mock_port, f"return 200 '{gateway.ANSWER}';", "", self.load_core)
        for port, more in ((self.paced_port, ["--spacing", "0.0005"]), (self.fast_port, ["--cut"])):
            mock = subprocess.Popen([sys.executable, streams.__file__, "--mock", str(port), *more])
            self.stack.callback(gateway.end, mock)
        self.shared = gateway.Shared(self.run_folder / "run" / "shared.bin")
        self.publish()
        listener = gateway.socket.create_server(("127.0.0.1", 0), backlog=8192)
        listener.setblocking(False)
        worker = self.worker(listener, "w0")
        recorder = subprocess.Popen(
            [sys.executable, "-c", gateway.LIVE, str(self.run_folder)], stdout=subprocess.PIPE
        )
        self.stack.callback(gateway.end, recorder)
        idle_files = _files(worker.pid)
        seconds = WARM_S + 60 * self.args.minutes
        rows, done = uvloop.run(
            _load(listener.getsockname()[1], seconds, lambda: streams.memory_kb(worker.pid))
        )
        until = time.monotonic() + 20
        while _files(worker.pid) > idle_files + 70 and time.monotonic() < until:
            time.sleep(0.1)  # up to 64 kept connections to an upstream stay
        warm = statistics.median(rows[WARM_S - 10 : WARM_S])
        worst = max(abs(row / warm - 1) for row in rows[WARM_S:])
        last = statistics.median(rows[-10:]) / warm - 1
        left = _files(worker.pid) - idle_files
        print(f"soak:         {sum(done.values())} calls in {seconds:.0f} s ({done}); memory "
              f"{warm / 1024:.1f} MB after warm-up, {last:+.1%} at the end, {worst:.1%} off at most "
              f"(bar {BAR:.0%}); {left} more open files than before")  # fmt: skip
        return 0 if worst <= BAR and left <= 70 else 1


async def _load(port: int, seconds: float, memory) -> tuple[list[int], dict[str, int]]:
    chance = random.Random(7)
    done: dict[str, int] = {}
    tasks: set[asyncio.Task] = set()
    rows: list[int] = []
    kinds = ["plain"] * 80 + ["stream"] * 8 + ["leave"] * 5 + ["cut"] * 5 + ["slow"] * 2
    began = time.perf_counter()
    for n in range(int(RATE * seconds)):
        due = began + n / RATE
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if len(rows) < int(time.perf_counter() - began):
            rows.append(memory())
        if len(tasks) > 2000:
            raise SystemExit("the load does not keep up with itself on this machine")
        kind = chance.choice(kinds)
        task = asyncio.get_running_loop().create_task(_one(port, kind, n))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        done[kind] = done.get(kind, 0) + 1
    await asyncio.gather(*tasks)
    return rows, done


async def _one(port: int, kind: str, n: int) -> None:
    channel = {"plain": "support", "cut": "fast"}.get(kind, "paced")
    body = (gateway.BODY if kind == "plain" else streams.STREAM_BODY) % n
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    try:
        writer.write(streams.request(body.replace("support", channel, 1), port))
        if kind == "leave":
            await reader.readuntil(b"data:")
        elif kind == "slow":
            tail = b""
            while b"[DONE]" not in tail and (chunk := await reader.read(2048)):
                tail = (tail + chunk)[-4096:]
                await asyncio.sleep(0.02)
        elif kind == "plain":
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
        else:
            await reader.readuntil(b"[DONE]")
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.transport.abort()


def _files(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--minutes", type=float, default=10)
    args = options.parse_args()
    args.profile = False
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not all(shutil.which(name, path=gateway.PATH) for name in ("nginx", "wrk")):
        print("skipped: nginx and wrk are needed (Debian: nginx-light, wrk)")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="volano-bench-") as name,
        contextlib.ExitStack() as stack,
    ):
        return Soak(Path(name), args, stack).run()


if __name__ == "__main__":
    sys.exit(main())
