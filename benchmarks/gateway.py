"""The gateway against nginx, on this machine, in one run: `python benchmarks/gateway.py`.

One worker with key check, channel choice and spool on, beside nginx as a plain
reverse proxy with kept upstream connections, both before the same mock upstream
(nginx answering a constant). Load (wrk, 16 connections) and mock share core 0;
the worker, then nginx, has core 1 to itself. The machine drifts between a fast
and a slow state: runs are short, alternate, and the median of the pairs' ratios
counts. Loopback only, bounded (about a minute), installs nothing.

Plain is what every call has; `everything` is beside that: a limit on requests,
tokens and calls at once of its key and of its channel, a budget that is held
before and settled after (control's treasury grants the leases meanwhile), and a
cache with coalescing on the channel, in which no call is found.

Then apart: the recorder (rows a CPU-second; backlog after a run with it beside
the load; time to drain it), and the time from a snapshot's publication until
all workers use it.

    --pairs N     pairs of runs (default 7)        --seconds S   seconds a run (default 2)
    --only NAME   plain or everything (default both, one after the other), or shadow: what it
                  costs users' calls that a tenth of them is copied to a shadow, beside none
    --profile     profile the worker instead, print the costliest functions
"""

import argparse
import contextlib
import hmac
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from msgspec import structs

from volano.core.clock import SystemClock
from volano.core.principal import SYSTEM
from volano.costs.keeper import Costs
from volano.costs.price import Price, Rates
from volano.gateway.shared import Shared
from volano.gateway.snapshot import Arm, Caching, Channel, Key, Limit, Snapshot, Target, write
from volano.gateway.vitals import Vitals
from volano.store.db import Database
from volano.store.ledger import Ledger
from volano.traces.keeper import Traces

PRICE = Price(Rates(input=150_000_000, output=600_000_000), source="the benchmark", context=8192)
SHADOWED = 100_000
BAR_SHADOW = 1.25
BAR_RATE, BAR_CPU, BAR_SWAP_MS = 0.33, 3.0, 100.0
SECRET = bytes(range(32))
KEY = "vk_abcdefgh_0123456789abcdefghijABCDEFGHIJ01_zzzzzz"
BODY = (
    '{"model":"support","messages":[{"role":"system","content":"You route support tickets."},'
    '{"role":"user","content":"My parcel has not arrived, where is it? Order 3312."}],'
    '"max_tokens":64,"temperature":0,"user":"user-%d"}'
)
UNHEARD = BODY.replace('"temperature":0', '"temperature":0,"seed":%d')
"""No two are the same question."""
ANSWER = (
    '{"id":"chatcmpl-1","object":"chat.completion","created":1763700000,"model":"router",'
    '"choices":[{"index":0,"message":{"role":"assistant","content":"{\\\\"queue\\\\":\\\\"shipping\\\\",'
    '\\\\"priority\\\\":\\\\"low\\\\",\\\\"product\\\\":\\\\"Falcon\\\\",\\\\"reference\\\\":\\\\"3312\\\\"}"},'
    '"finish_reason":"stop"}],"usage":{"prompt_tokens":31,"completion_tokens":24,"total_tokens":55}}'
)
NGINX = """
daemon off; worker_processes 1; worker_cpu_affinity {mask}; pid {folder}/{name}.pid;
error_log {folder}/{name}.log crit;
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/{name}-body;
  proxy_temp_path {folder}/{name}-proxy; fastcgi_temp_path {folder}/{name}-f;
  uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  default_type application/json;
  {upstream}
  server {{ listen 127.0.0.1:{port}; location / {{ {action} }} }}
}}
"""
LUA = """
local n = 0
local run = os.time() %% 1000000 * 1000000
request = function()
  n = n + 1
  local body = string.format([[%s]], %s)
  return wrk.format("POST", "/v1/chat/completions",
    {["content-type"] = "application/json", ["authorization"] = "Bearer %s"}, body)
end
done = function(summary)
  local e = summary.errors
  io.write(string.format("RESULT %%d %%d %%d\\n", summary.requests, summary.duration,
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--only", choices=("plain", "everything", "shadow"))
    options.add_argument("--profile", action="store_true")
    args = options.parse_args()
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name, path=PATH)]
    if missing:
        print(f"skipped: {' and '.join(missing)} not installed (Debian: nginx-light, wrk)")
        return 0
    if len(os.sched_getaffinity(0)) < 2:
        print("skipped: two cores are needed, one for the load and one for the worker")
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="volano-bench-") as name,
        contextlib.ExitStack() as stack,
    ):
        return Bench(Path(name), args, stack).run()


PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"


class Bench:
    parts = ("plain", "everything")
    asked = UNHEARD, "run + n, n % 1000"
    """What is asked, and what stands for its `%d` in the n-th call of a run."""

    def __init__(self, folder: Path, args: argparse.Namespace, stack: contextlib.ExitStack):
        self.folder, self.args, self.stack = folder, args, stack
        first, second = sorted(os.sched_getaffinity(0))[:2]
        self.load_core, self.own_core = first, second
        self.run_folder = folder / "state"
        (self.run_folder / "run").mkdir(parents=True)
        self.mock_port, self.nginx_port = free_port(), free_port()
        script = folder / "post.lua"
        script.write_text(LUA % (*self.asked, KEY))
        self.script = script
        self.generation, self.everything, self.mirror = 0, False, -1
        self.costs: Costs | None = None

    def run(self) -> int:
        os.sched_setaffinity(0, {self.load_core})
        self.nginx("mock", self.mock_port, f"return 200 '{ANSWER}';", "", self.load_core)
        proxy = self.nginx(
            "proxy", self.nginx_port,
            'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";',
            f"upstream up {{ server 127.0.0.1:{self.mock_port}; keepalive 64; }}", self.own_core,
        )  # fmt: skip
        self.shared = Shared(self.run_folder / "run" / "shared.bin")
        self.costs = self.treasury()
        self.everything = self.args.only == "everything"
        self.publish()
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        listener.setblocking(False)
        port = listener.getsockname()[1]
        worker = self.worker(listener, "w0")
        self.load(self.nginx_port, 0.5)
        self.load(port, 0.5)
        if self.args.profile:
            return self.profile(port, worker)
        if self.args.only == "shadow":
            return 0 if self.shadow(port, worker.pid) else 1
        ok = True
        for name in self.parts:
            if self.args.only in (None, name):
                self.everything = name == "everything"
                self.publish()
                ok = self.compare(name, port, worker.pid, proxy) and ok
        self.everything = False
        self.publish()
        self.recorder(port)
        ok = self.swaps(listener) and ok
        return 0 if ok else 1

    def compare(self, name: str, port: int, worker: int, proxy: int) -> bool:
        print(f"{name}:")
        rates, costs, ours, theirs = [], [], [], []
        for i in range(self.args.pairs):
            order = [(port, worker, ours), (self.nginx_port, proxy, theirs)]
            for at, pid, rows in order if i % 2 else reversed(order):
                rows.append(self.measured(at, pid))
            rates.append(ours[-1][0] / theirs[-1][0])
            costs.append(ours[-1][1] / theirs[-1][1])
            print(
                f"pair {i + 1}: volano {ours[-1][0]:7.0f} req/s {ours[-1][1] * 1e6:6.1f} CPU-us/req"
                f" | nginx {theirs[-1][0]:7.0f} req/s {theirs[-1][1] * 1e6:6.1f} CPU-us/req"
                f" | {rates[-1]:.2f} x rate, {costs[-1]:.2f} x CPU",
                flush=True,
            )
        rate, cost = statistics.median(rates), statistics.median(costs)
        print(f"requests/s:   {rate:.2f} x nginx (median of {len(rates)} pairs; bar >= {BAR_RATE})")
        bar = f"bar <= {BAR_CPU}" if name == "plain" else "no bar"
        print(f"CPU/request:  {cost:.2f} x nginx (median of {len(costs)} pairs; {bar})")
        return rate >= BAR_RATE and (cost <= BAR_CPU or name != "plain")

    def shadow(self, port: int, worker: int) -> bool:
        """The same worker with a tenth of its calls copied, and with none, in turn."""
        rates, costs = [], []
        for i in range(self.args.pairs):
            found = {}
            for mirror in (SHADOWED, 0) if i % 2 else (0, SHADOWED):
                self.mirror = mirror
                self.publish()
                before = self.copies()
                found[mirror] = self.measured(port, worker), *self.copies_since(before)
            bare, (with_shadow, copied, left_out) = found[0][0], found[SHADOWED]
            rates.append(with_shadow[0] / bare[0])
            costs.append(with_shadow[1] / bare[1])
            print(
                f"pair {i + 1}: bare {bare[0]:7.0f} req/s {bare[1] * 1e6:6.1f} CPU-us/req | "
                f"shadowed {with_shadow[0]:7.0f} req/s {with_shadow[1] * 1e6:6.1f} CPU-us/req, "
                f"{copied} copied, {left_out} left out | {rates[-1]:.2f} x rate, {costs[-1]:.2f} x CPU",
                flush=True,
            )
        rate, cost = statistics.median(rates), statistics.median(costs)
        print(f"requests/s:   {rate:.2f} x without a shadow (median of {len(rates)} pairs; no bar)")
        print(f"CPU/request:  {cost:.2f} x without a shadow (bar <= {BAR_SHADOW})")
        return cost <= BAR_SHADOW

    def copies(self) -> tuple[int, int]:
        vitals = Vitals(self.run_folder / "run" / "vitals.bin")
        totals = vitals.totals()
        vitals.close()
        return totals["copied"], totals["uncopied"]

    def copies_since(self, before: tuple[int, int]) -> tuple[int, int]:
        now = self.copies()
        return now[0] - before[0], now[1] - before[1]

    def measured(self, port: int, pid: int) -> tuple[float, float]:
        """(requests/s, CPU-seconds a request of this process)."""
        before = cpu_s(pid)
        requests, seconds = self.load(port, self.args.seconds)
        return requests / seconds, (cpu_s(pid) - before) / requests

    def load(self, port: int, seconds: float, connections: int = 16) -> tuple[int, float]:
        text = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", str(self.script),
             f"http://127.0.0.1:{port}"],
            capture_output=True, text=True, check=True, timeout=60 + seconds,
        ).stdout  # fmt: skip
        found = re.search(r"RESULT (\d+) (\d+) (\d+)", text)
        if found is None or int(found[3]):
            raise SystemExit(f"the load saw errors:\n{text}")
        return int(found[1]), int(found[2]) / 1e6

    def recorder(self, port: int) -> None:
        try:
            from volano.traces.recorder import Recorder  # noqa: F401
        except ImportError:
            print("recorder:     not built here, not measured")
            return
        backlog = drain(self.run_folder)
        print(f"recorder:     {backlog['rows']} rows in {backlog['seconds']:.1f} s, "
              f"{backlog['rows'] / max(backlog['cpu'], 1e-9):.0f} rows a CPU-second")  # fmt: skip
        process = subprocess.Popen([sys.executable, "-c", LIVE, str(self.run_folder)],
                                   stdout=subprocess.PIPE, text=True)  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        before = rows_of(self.run_folder)
        requests, seconds = self.load(port, 3)
        left = before + requests - rows_of(self.run_folder)
        began = time.monotonic()
        while rows_of(self.run_folder) < before + requests and time.monotonic() - began < 60:
            time.sleep(0.01)
        print(
            f"  beside the load on core {self.load_core}: {requests / seconds:.0f} req/s, backlog "
            f"{max(left, 0)} rows after {seconds:.0f} s, "
            f"drained in {time.monotonic() - began:.2f} s"
        )
        process.kill()
        process.wait()

    def swaps(self, listener: socket.socket) -> bool:
        self.worker(listener, "w1")
        times = []
        for _ in range(50):
            self.generation += 1
            write(self.run_folder / "run" / "snapshot.json", self.snapshot())
            began = time.perf_counter()
            self.shared.publish(self.generation)
            while set(self.shared.workers().values()) != {self.generation}:
                if time.perf_counter() - began > 5:
                    raise SystemExit("a worker did not apply the snapshot")
                time.sleep(0.0005)
            times.append((time.perf_counter() - began) * 1000)
            time.sleep(0.013)
        middle, most = statistics.median(times), max(times)
        print(f"snapshot:     in use by 2 workers {middle:.1f} ms after publication (median), "
              f"{most:.1f} ms at most of {len(times)} (bar < {BAR_SWAP_MS:.0f})")  # fmt: skip
        return most < BAR_SWAP_MS

    def profile(self, port: int, worker: subprocess.Popen) -> int:
        requests, seconds = self.load(port, 6)
        print(f"{requests / seconds:.0f} req/s under the profiler")
        worker.terminate()
        worker.wait(20)
        return 0

    # processes

    def worker(self, listener: socket.socket, name: str) -> subprocess.Popen:
        body = f"run({listener.fileno()}, Path({str(self.run_folder)!r}), {name!r})"
        code = f"from pathlib import Path\nfrom volano.gateway.worker import run\n{body}"
        if self.args.profile:
            code = f"{code.rpartition(chr(10))[0]}\nimport cProfile, pstats\np = cProfile.Profile()\ntry:\n  p.runcall(lambda: {body})\nfinally:\n  pstats.Stats(p).sort_stats('tottime').print_stats(45)"
        process = subprocess.Popen(
            [sys.executable, "-c", code], pass_fds=[listener.fileno()],
            preexec_fn=lambda: os.sched_setaffinity(0, {self.own_core}),  # noqa: PLW1509
        )  # fmt: skip
        self.stack.callback(end, process)
        began = time.monotonic()
        while self.shared.workers().get(process.pid) != self.shared.generation:
            if time.monotonic() - began > 20 or process.poll() is not None:
                raise SystemExit("the worker did not start")
            time.sleep(0.01)
        return process

    def nginx(self, name: str, port: int, action: str, upstream: str, core: int) -> int:
        config = self.folder / f"{name}.conf"
        config.write_text(NGINX.format(
            mask="1" + "0" * core, folder=self.folder, name=name, port=port, action=action,
            upstream=upstream))  # fmt: skip
        binary = shutil.which("nginx", path=PATH)
        process = subprocess.Popen([str(binary), "-p", str(self.folder), "-c", str(config)])
        self.stack.callback(end, process)
        for _ in range(500):
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            with contextlib.suppress(OSError):
                if children:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    return int(children[0])
            time.sleep(0.01)
        raise SystemExit("nginx did not start")

    def treasury(self) -> Costs:
        """Control's part in budgets: a budget that is never used up, and who grants leases."""
        clock = SystemClock()
        database = Database(f"sqlite:///{self.run_folder}/catalog.db")
        database.migrate()
        costs = Costs(
            db=database, ledger=Ledger(database, clock),
            traces=Traces(self.run_folder / "hot.db"), spool=self.run_folder / "spool",
            run=self.run_folder / "run", clock=clock, publish=lambda: 0, frames=None,
        )  # fmt: skip
        costs.set_budget("channel:support", amount="1000000", by=SYSTEM)
        costs.start()
        self.stack.callback(costs.close)
        return costs

    def publish(self) -> None:
        self.generation += 1
        write(self.run_folder / "run" / "snapshot.json", self.snapshot())
        self.shared.publish(self.generation)
        time.sleep(0.2)

    def snapshot(self) -> Snapshot:
        target = Target(
            name="mock", url=f"http://127.0.0.1:{self.mock_port}", model="router", pricing=PRICE
        )
        arms = tuple(
            Arm(release=f"support@{n}", release_digest=f"sha256:{n:064x}", share=share, arm=arm,
                slot=n, targets=(target,))
            for n, arm, share in ((1, "stable", 900_000), (2, "candidate", 100_000))
        )  # fmt: skip
        if self.mirror >= 0:
            arms = arms[:1] + arms[1:] * (self.mirror > 0)
            roles = (("stable", 1_000_000), ("shadow", self.mirror))
            arms = tuple(
                structs.replace(one, arm=arm, share=share)
                for one, (arm, share) in zip(arms, roles, strict=False)
            )
        keys = {hmac.digest(SECRET, KEY.encode(), "sha256").hex(): Key(id="abcdefgh")}
        caching = Caching(ttl_s=3600) if self.everything else None
        most = {"rpm": 10**8, "tpm": 10**9, "concurrency": 10**4}
        limits = {
            "key/abcdefgh": Limit(slot=0, use=1, **most),
            "channel/support": Limit(slot=1, use=2, **most),
        }
        return Snapshot(generation=self.generation, published_us=time.time_ns() // 1000,
                        hmac_secret_hex=SECRET.hex(), keys=keys,
                        channels={"support": Channel(arms=arms, salt="s", caching=caching)},
                        limits=limits if self.everything else {},
                        budgets=self.costs.allotments() if self.everything and self.costs else ())  # fmt: skip


LIVE = """
import sys, threading
from pathlib import Path
from volano.traces.recorder import run
folder = Path(sys.argv[1])
print("up", flush=True)
run(folder / "spool", folder / "hot.db", stop=threading.Event())
"""


def drain(folder: Path) -> dict[str, float]:
    from volano.traces.hot import HotStore
    from volano.traces.recorder import Recorder

    recorder = Recorder(folder / "spool", HotStore(folder / "hot.db"))
    began, cpu, rows = time.monotonic(), time.process_time(), 0
    while more := recorder.drain_once():
        rows += more
    recorder.hot.close()
    return {"rows": rows, "seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


def rows_of(folder: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{folder}/hot.db?mode=ro", uri=True)) as conn:
        return conn.execute("SELECT count(*) FROM calls").fetchone()[0]


def cpu_s(pid: int) -> float:
    """CPU-seconds of all threads of a process, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def end(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
