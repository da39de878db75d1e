"""Spans of other applications: what `POST /v1/traces` takes in, and how soon it is rows.

    python benchmarks/otlp.py [--seconds 30] [--rate 15000] [--kills 20] [--peers]

One gateway worker, one recorder, two senders with a connection each, all on this
machine, over loopback. Bodies are OTLP protobuf of 200 spans of about 1 KB (a model's
call with its messages), ids and times new in each. Two phases: at a steady rate
(is there a growing backlog, how long until a span is listed, how much memory), then
as fast as it goes. Acknowledged means spooled; recorded means committed with fsync.

`--kills N` kills the worker or the recorder N times at random under that load and
counts afterwards: every acknowledged span is there, none twice. The senders send
again what was not answered, as exporters do.

`--peers` installs MLflow and Phoenix by pip, each in a venv of its own below
`~/.cache/volano-peers`, or `$VOLANO_PEERS` (downloads some hundred megabytes once), and measures in the
same run how many of the same spans a second each has durably in its database.
"""

import argparse
import contextlib
import hmac
import http.client
import json
import multiprocessing
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from volano.gateway.shared import Shared
from volano.gateway.snapshot import Key, Snapshot, write

BAR = 15_000
SPANS, PER_TRACE, SENDERS = 200, 8, 2
SECRET, KEY = bytes(32), "vk_abcdefgh_0123456789abcdefghijABCDEFGHIJ01_zzzzzz"
CACHE = Path(os.environ.get("VOLANO_PEERS") or Path.home() / ".cache" / "volano-peers")
PEERS = {"mlflow": ("mlflow", 10.0), "phoenix": ("arize-phoenix", 50.0)}
"""Package, and how many times its durable rate is the bar."""


class Body:
    """A request of `SPANS` spans as bytes, in which ids and times are changed in place."""

    def __init__(self) -> None:
        self._bytes = bytearray(_request())
        self._places = [self._bytes.index(_mark(n)) for n in range(SPANS)]
        self._random = random.Random(os.urandom(16))
        self.bytes_a_span = len(self._bytes) / SPANS

    def next(self, number: int, now_ns: int) -> bytes:
        """Return the request of this number: its spans' ids follow from it."""
        data = self._bytes
        for n, at in enumerate(self._places):
            if n % PER_TRACE == 0:
                trace, parent = self._random.randbytes(16), bytes(8)
            own = span_id(number, n)
            # 0a 10 trace, 12 08 span, 22 08 parent ..., 39 start, 41 end: as protobuf wrote them
            data[at : at + 16], data[at + 18 : at + 26] = trace, own
            data[at + 28 : at + 36] = parent if parent != bytes(8) else own[::-1]
            times = data.index(b"\x39", at + 36)
            data[times + 1 : times + 9] = (now_ns - 10**9).to_bytes(8, "little")
            data[times + 10 : times + 18] = now_ns.to_bytes(8, "little")
            parent = own
        return bytes(data)


def span_id(number: int, n: int) -> bytes:
    return (number << 16 | n + 1).to_bytes(8, "big")


def _mark(n: int) -> bytes:
    return b"TRACE-ID" + n.to_bytes(8, "big")


def _request() -> bytes:
    made = ExportTraceServiceRequest()
    of_resource = made.resource_spans.add()
    _add(of_resource.resource, {
        "service.name": "shop", "service.version": "1.2.0", "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "opentelemetry", "deployment.environment.name": "production",
    })  # fmt: skip
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "opentelemetry.instrumentation.genai.openai"
    words = ["where", "is", "my", "order", "it", "has", "not", "come", "yet", "please", "look"]
    choose = random.Random(7)
    for n in range(SPANS):
        span = of_scope.spans.add()
        span.trace_id, span.span_id, span.parent_span_id = _mark(n), bytes(8), b"PARENT-I"
        span.name, span.kind = "chat gpt-5", 3
        span.start_time_unix_nano = span.end_time_unix_nano = 2**60
        asked = " ".join(choose.choices(words, k=45))
        answer = " ".join(choose.choices(words, k=30))
        _add(span, {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-5", "gen_ai.response.model": "gpt-5-2025-08-07",
            "gen_ai.response.id": f"chatcmpl-{n:08x}", "gen_ai.usage.input_tokens": 100 + n,
            "gen_ai.usage.output_tokens": 50, "gen_ai.conversation.id": f"conv-{n // 8}",
            "user.id": f"user-{n % 50}", "server.address": "api.openai.com", "server.port": 443,
            "gen_ai.input.messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": asked}]}]),
            "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [
                {"type": "text", "content": answer}], "finish_reason": "stop"}]),
        })  # fmt: skip
    return made.SerializeToString()


def _add(holder: Any, attributes: dict[str, Any]) -> None:
    for key, value in attributes.items():
        pair = holder.attributes.add()
        pair.key = key
        if isinstance(value, int):
            pair.value.int_value = value
        else:
            pair.value.string_value = value


def send(port: int, headers: dict[str, str], which: int, counts: Any, rate: float) -> None:
    """Send one body after the other, each until it is acknowledged; never faster than `rate`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    body, number, line = Body(), 0, None
    begun = time.monotonic()
    while True:
        data = body.next(which << 32 | number, time.time_ns())
        if rate:
            time.sleep(max(0.0, begun + number * SPANS / rate - time.monotonic()))
        while True:
            try:
                line = line or http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                line.request("POST", "/v1/traces", data, headers)
                response = line.getresponse()
                response.read()
                if response.status == 200:
                    break
            except (OSError, http.client.HTTPException):
                pass
            if line is not None:
                line.close()
            line = None
            time.sleep(0.05)
        number += 1
        counts[which] = number


@contextlib.contextmanager
def sending(port: int, rate: float, headers: dict[str, str], first: int = 0) -> Iterator[Any]:
    counts = multiprocessing.Array("Q", first + SENDERS, lock=False)
    senders = [
        multiprocessing.Process(
            target=send, args=(port, headers, first + n, counts, rate / SENDERS), daemon=True
        )
        for n in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    try:
        yield counts
    finally:
        for sender in senders:
            sender.terminate()
            sender.join()


class Platform:
    """A worker and a recorder on a folder; either may be killed and is started again."""

    def __init__(self, folder: Path):
        self.folder, self.hot = folder, folder / "records" / "hot.db"
        (folder / "run").mkdir(parents=True)
        key = Key(id="bench", group="bench", scopes=("traces",))
        hashed = hmac.digest(SECRET, KEY.encode(), "sha256").hex()
        write(folder / "run" / "snapshot.json", Snapshot(
            generation=1, published_us=1, hmac_secret_hex=SECRET.hex(), keys={hashed: key},
            channels={},
        ))  # fmt: skip
        shared = Shared(folder / "run" / "shared.bin")
        shared.publish(1)
        shared.close()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._listening.setblocking(False)
        self.port = self._listening.getsockname()[1]
        self.processes = {name: self._start(name) for name in ("worker", "recorder")}

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        fd = self._listening.fileno()
        code = {
            "worker": f"""
from volano.gateway.worker import run
run({fd}, Path({str(self.folder)!r}), 'w')""",
            "recorder": f"""
from volano.costs.book import Book
from volano.costs.pricing import Pricing
from volano.feedback.recording import run
book = Book()
run(Path({str(self.folder / "spool")!r}), Path({str(self.hot)!r}), Pricing(lambda: book))""",
        }[name]
        command = [sys.executable, "-c", f"from pathlib import Path\n{code}"]
        return subprocess.Popen(command, pass_fds=[fd])

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes[name].wait()
        self.processes[name] = self._start(name)

    def rows(self) -> int:
        if not self.hot.exists():
            return 0
        with contextlib.closing(sqlite3.connect(self.hot)) as conn:
            try:
                return int(conn.execute("SELECT coalesce(max(seq), 0) FROM spans").fetchone()[0])
            except sqlite3.OperationalError:
                return 0

    def indexed(self) -> int:
        """How far the index of words is; what is newer is found by looking at the rows."""
        path = self.hot.with_name("search.db")
        if not path.exists():
            return 0
        with contextlib.closing(sqlite3.connect(path)) as conn:
            try:
                found = conn.execute("SELECT seq FROM covered WHERE name = 'spans'").fetchone()
                return int(found[0]) if found else 0
            except sqlite3.OperationalError:
                return 0

    def rss_mb(self) -> dict[str, float]:
        return {name: rss_mb(process.pid) for name, process in self.processes.items()}

    def cpu_s(self) -> dict[str, float]:
        return {name: cpu_s(process.pid) for name, process in self.processes.items()}

    def stop(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait()
        self._listening.close()


def rss_mb(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


HEADERS = {"content-type": "application/x-protobuf", "authorization": f"Bearer {KEY}"}


def phase(name: str, platform: Platform, seconds: float, rate: float, first: int) -> float:
    """Send for so long, then wait for the rest; print what was seen; return what was recorded a second."""
    before, cpu, started = platform.rows(), platform.cpu_s(), time.monotonic()
    seen: list[tuple[float, int, int]] = []
    peak, unindexed = dict.fromkeys(platform.processes, 0.0), 0
    with sending(platform.port, rate, HEADERS, first) as counts:
        while (now := time.monotonic() - started) < seconds:
            time.sleep(0.1)
            acked = sum(counts[:]) * SPANS
            rows = platform.rows()
            seen.append((time.monotonic() - started, acked, rows - before))
            unindexed = max(unindexed, rows - platform.indexed())
            peak = {k: max(v, peak[k]) for k, v in platform.rss_mb().items()}
    took, (_, acked, recorded) = now, seen[-1]
    spent = {k: (v - cpu[k]) / max(1, acked if k == "worker" else recorded) * 1e6
             for k, v in platform.cpu_s().items()}  # fmt: skip
    while platform.rows() - before < acked and time.monotonic() - started < seconds + 120:
        time.sleep(0.05)
        seen.append((time.monotonic() - started, acked, platform.rows() - before))
    drained = time.monotonic() - started
    until(lambda: platform.indexed() >= platform.rows(), 120)
    words_s = time.monotonic() - started - took
    lags = sorted(_lags(seen))
    backlog = max(a - r for at, a, r in seen if at <= took)
    print(f"{name}")
    print(
        f"  acknowledged       {acked / took:9.0f} spans/s  ({acked / took / BAR:.2f} x the bar of {BAR})"
    )
    print(f"  recorded           {recorded / took:9.0f} spans/s  ({recorded / took / BAR:.2f} x)")
    print(
        f"  backlog            {backlog:9d} spans at most, all recorded {drained - took:.1f} s after the last"
    )
    print(
        f"  until it is listed {lags[len(lags) // 2]:9.2f} s median, {lags[-1]:.2f} s at most (bar 2 s)"
    )
    print(
        f"  words              {unindexed:9d} spans behind at most, all indexed {words_s:.1f} s after the last"
        " (bar 10 s)"
    )
    print("  CPU a span         " + ", ".join(f"{k} {v:.1f} us" for k, v in spent.items()))
    print("  memory             " + ", ".join(f"{k} {v:.0f} MB" for k, v in peak.items()))
    return acked / drained


def _lags(seen: list[tuple[float, int, int]]) -> Iterator[float]:
    """How long after it was acknowledged each count of spans was recorded."""
    later = iter(seen)
    at, _, recorded = next(later)
    for sent_at, acked, _ in seen:
        while recorded < acked:
            found = next(later, None)
            if found is None:
                return
            at, _, recorded = found
        yield max(0.0, at - sent_at)


def killing(folder: Path, kills: int, rate: float) -> None:
    platform = Platform(folder)
    choose = random.Random()
    try:
        with sending(platform.port, rate, HEADERS) as counts:
            until(lambda: platform.rows() > 0, 60)
            for _ in range(kills):
                time.sleep(choose.uniform(0.2, 1.5))
                platform.kill(choose.choice(("worker", "recorder")))
            time.sleep(1)
            acked = counts[:]
        until(lambda: platform.rows() >= sum(acked) * SPANS, 120)
        time.sleep(1)
    finally:
        platform.stop()
    with contextlib.closing(sqlite3.connect(platform.hot)) as conn:
        stored = [int(one, 16) for (one,) in conn.execute("SELECT span_id FROM spans")]
    wanted = {
        which << 48 | number << 16 | n + 1
        for which, bodies in enumerate(acked)
        for number in range(bodies)
        for n in range(SPANS)
    }
    lost, twice = len(wanted - set(stored)), len(stored) - len(set(stored))
    print(
        f"{kills} kills of worker or recorder: {len(wanted)} spans acknowledged, {lost} lost, {twice} twice"
    )
    if lost or twice:
        sys.exit(1)


def until(true: Callable[[], bool], within_s: float) -> bool:
    end_s = time.monotonic() + within_s
    while not true():
        if time.monotonic() > end_s:
            return False
        time.sleep(0.2)
    return True


# -- peers ---------------------------------------------------------------------


def peer(name: str, folder: Path, seconds: float) -> float:
    """Return how many spans a second this peer had durably in its database."""
    python = installed(name)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        other = free.getsockname()[1]
    database = folder / f"{name}.db"
    environment = {**os.environ, "PYTHONPATH": "", "PHOENIX_WORKING_DIR": str(folder),
                   "PHOENIX_PORT": str(port), "PHOENIX_GRPC_PORT": str(other),
                   "PHOENIX_HOST": "127.0.0.1", "PHOENIX_TELEMETRY_ENABLED": "false",
                   "MLFLOW_DISABLE_TELEMETRY": "true",
                   "PHOENIX_SQL_DATABASE_URL": f"sqlite:///{database}"}  # fmt: skip
    binary = python.parent
    command = {
        "mlflow": [binary / "mlflow", "server", "--backend-store-uri", f"sqlite:///{database}",
                   "--host", "127.0.0.1", "--port", str(port), "--workers", "2"],
        "phoenix": [binary / "phoenix", "serve"],
    }[name]  # fmt: skip
    log = (folder / f"{name}.log").open("wb")
    process = subprocess.Popen(
        list(map(str, command)), env=environment, stdout=log, stderr=log, start_new_session=True
    )
    headers = {"content-type": "application/x-protobuf", "x-mlflow-experiment-id": "0"}
    try:
        if not until(lambda: _answers(port), 120):
            raise SystemExit(f"{name} did not start: see {log.name}")
        with sending(port, 0, headers) as counts:
            if not until(lambda: sum(counts[:]) > 0, 60):  # the first loads much
                raise SystemExit(f"{name} takes no spans: see {log.name}")
            started, before, said = time.monotonic(), _count(database), sum(counts[:])
            time.sleep(seconds)
            acked = (sum(counts[:]) - said) * SPANS
            rows = _count(database) - before
            took, memory = time.monotonic() - started, _group_rss_mb(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    rows, all_rows = max(rows, 1), max(_count(database), 1)
    size = sum(p.stat().st_size for p in folder.glob(f"{name}.db*"))
    print(f"{name:8}             {rows / took:9.0f} spans/s durable, {acked / took:.0f}/s acknowledged, "
          f"{memory:.0f} MB, {size / all_rows / 1024:.1f} KB a span")  # fmt: skip
    return rows / took


def installed(name: str) -> Path:
    """Return the Python of a venv that has this peer; make it where there is none."""
    place = CACHE / name
    python = place / "bin" / "python"
    if not (place / "bin" / name).exists():  # a venv that was left half-made is filled again
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        package = PEERS[name][0]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", package], check=True,
                       env={**os.environ, "PYTHONPATH": ""})  # fmt: skip
    return python


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        line.request("GET", "/")
        return line.getresponse().status < 500
    return False


def _count(database: Path) -> int:
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as conn:
        return int(conn.execute("SELECT count(*) FROM spans").fetchone()[0])


def _group_rss_mb(group: int) -> float:
    found = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(place.name)) == group:
                found += rss_mb(int(place.name))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=BAR)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.kills:
            killing(folder / "killed", options.kills, options.rate)
            return
        load = os.getloadavg()[0]
        print(
            f"{SPANS} spans of {Body().bytes_a_span:.0f} bytes a request, {os.cpu_count()} cores, load {load:.1f} before"
        )
        platform = Platform(folder / "own")
        try:
            until(platform.hot.exists, 20)
            phase(
                f"at {options.rate:.0f} spans/s offered", platform, options.seconds, options.rate, 0
            )
            best = phase("as fast as it goes", platform, options.seconds / 3, 0, SENDERS)
            size = sum(p.stat().st_size for p in platform.hot.parent.glob("hot.db*"))
            print(f"on disk, hot         {size / platform.rows():9.0f} bytes a span")
        finally:
            platform.stop()
        if options.peers:
            for other, (_, bar) in PEERS.items():
                rate = peer(other, folder, options.seconds / 2)
                print(f"against {other:12} {best / rate:9.1f} x its durable rate (bar {bar:.0f} x)")


if __name__ == "__main__":
    main()
