"""Streams and latency against nginx, on this machine, in one run: `python benchmarks/streams.py`.

The worker, then nginx, has core 1 to itself; load and mocks share core 0. Three
questions:

    added latency    plain calls at half of what the worker can do, evenly spaced: how much
                     longer than through nginx do they take?
    first event      32 streams of 200 events, 2 ms apart: how much later is the first one?
    events           32 streams of 200 events at once, as fast as they go: events/s over nginx
    idle             streams that say one word and are then silent: memory of the worker each

Latencies are between the request's last byte sent and the answer's last byte, or
the first event's bytes, received; runs alternate, the median of the pairs'
differences counts. Loopback only, bounded (about two minutes), installs nothing.

    --pairs N     pairs of runs (default 5)        --seconds S   seconds a run (default 3)
    --idle N      open streams (default 5000)
"""

import argparse
import asyncio
import contextlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import uvloop
from msgspec import structs

from volano.gateway.snapshot import Channel, Snapshot

sys.path.insert(0, str(Path(__file__).parent))
import gateway

BAR_P50_MS, BAR_P99_MS, BAR_FIRST_MS, BAR_EVENTS, BAR_IDLE_KB = 0.3, 1.5, 0.3, 0.4, 20.0
EVENTS, STREAMS, SPACING_S = 200, 32, 0.002
EVENT = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,'
    '"model":"router","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}\n\n'
)
LAST = (
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,'
    '"model":"router","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1763700000,'
    '"model":"router","choices":[],"usage":{"prompt_tokens":31,"completion_tokens":200,"total_tokens":231}}\n\n'
    "data: [DONE]\n\n"
)
STREAM_BODY = gateway.BODY.replace('"max_tokens":64', '"stream":true,"max_tokens":256')


class StreamBench(gateway.Bench):
    """The gateway's bench with mocks that stream."""

    def run(self) -> int:
        os.sched_setaffinity(0, {self.load_core})
        self.paced_port = gateway.free_port()
        self.fast_port = gateway.free_port()
        self.nginx("mock", self.mock_port, f"return 200 '{gateway.ANSWER}';", "", self.load_core)
        for port, spacing in ((self.paced_port, SPACING_S), (self.fast_port, 0)):
            mock = subprocess.Popen(
                [sys.executable, __file__, "--mock", str(port), "--spacing", str(spacing)]
            )
            self.stack.callback(gateway.end, mock)
        passed = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;'
        ports = {}
        for name in ("mock", "fast", "paced"):
            ports[name] = gateway.free_port()
            self.nginx(
                f"proxy-{name}", ports[name], f"proxy_pass http://up; {passed}",
                f"upstream up {{ server 127.0.0.1:{getattr(self, name + '_port')}; keepalive 64; }}",
                self.own_core,
            )  # fmt: skip
        self.shared = gateway.Shared(self.run_folder / "run" / "shared.bin")
        self.publish()
        listener = gateway.socket.create_server(("127.0.0.1", 0), backlog=8192)
        listener.setblocking(False)
        port = listener.getsockname()[1]
        worker = self.worker(listener, "w0")
        self.load(port, 1)
        requests, seconds = self.load(port, 2)
        half = requests / seconds / 2
        print(
            f"one worker:   {2 * half:.0f} plain calls/s; asked evenly at {half:.0f}/s", flush=True
        )
        found = [
            self.latency(port, ports["mock"], half),
            self.first(port, ports["paced"]),
            self.events(port, ports["fast"]),
            self.idle(port, worker.pid),
        ]
        return 0 if all(found) else 1

    def snapshot(self) -> Snapshot:
        made = super().snapshot()
        [support] = made.channels.values()
        channels = {"support": support}
        for name, port in (("fast", self.fast_port), ("paced", self.paced_port)):
            arms = tuple(
                structs.replace(arm, targets=tuple(
                    structs.replace(t, name=name, url=f"http://127.0.0.1:{port}")
                    for t in arm.targets))
                for arm in support.arms
            )  # fmt: skip
            channels[name] = Channel(arms=arms, salt="s")
        return structs.replace(made, channels=channels)

    def pairs(self, ask: Callable[[int], list[float]], ours: int, theirs: int) -> list[list[float]]:
        """Ask both in turn; return for each pair [p50, p99] of ours and of theirs, in ms."""
        rows = []
        for n in range(self.args.pairs):
            order = (ours, theirs) if n % 2 else (theirs, ours)
            seen = {at: ask(at) for at in order}
            rows.append(
                [_quantile(seen[at], q) * 1e3 for at in (ours, theirs) for q in (0.5, 0.99)]
            )
        return rows

    def latency(self, ours: int, theirs: int, rate: float) -> bool:
        def ask(at: int) -> list[float]:
            calls = [request(gateway.BODY % n, at) for n in range(100)]
            return uvloop.run(_evenly(at, calls, rate, self.args.seconds))

        rows = self.pairs(ask, ours, theirs)
        p50 = statistics.median(row[0] - row[2] for row in rows)
        p99 = statistics.median(row[1] - row[3] for row in rows)
        print(f"added:        p50 {p50:.2f} ms (bar < {BAR_P50_MS}), p99 {p99:.2f} ms "
              f"(bar < {BAR_P99_MS}); volano {rows[-1][0]:.2f} and {rows[-1][1]:.2f}, "
              f"nginx {rows[-1][2]:.2f} and {rows[-1][3]:.2f} in the last pair", flush=True)  # fmt: skip
        return p50 < BAR_P50_MS and p99 < BAR_P99_MS

    def first(self, ours: int, theirs: int) -> bool:
        body = STREAM_BODY.replace("support", "paced", 1)

        def ask(at: int) -> list[float]:
            calls = [request(body % n, at) for n in range(STREAMS)]
            return uvloop.run(_firsts(at, calls, self.args.seconds))

        rows = self.pairs(ask, ours, theirs)
        p50 = statistics.median(row[0] - row[2] for row in rows)
        print(f"first event:  p50 {p50:.2f} ms later than through nginx (bar < {BAR_FIRST_MS}); "
              f"{STREAMS} streams, events {SPACING_S * 1e3:.0f} ms apart; volano {rows[-1][0]:.2f}, "
              f"nginx {rows[-1][2]:.2f} ms in the last pair", flush=True)  # fmt: skip
        return p50 < BAR_FIRST_MS

    def events(self, ours: int, theirs: int) -> bool:
        script = self.folder / "stream.lua"
        body = STREAM_BODY.replace("support", "fast", 1)
        script.write_text(gateway.LUA % (body, "n % 1000", gateway.KEY))
        rates = {ours: [], theirs: []}
        for n in range(self.args.pairs):
            for at in (ours, theirs) if n % 2 else (theirs, ours):
                rates[at].append(self._streams(script, at) * (EVENTS + 3))
        ratio = statistics.median(
            a / b for a, b in zip(rates[ours], rates[theirs], strict=True)
        )  # fmt: skip
        print(f"events/s:     {ratio:.2f} x nginx (median of {self.args.pairs} pairs; bar >= "
              f"{BAR_EVENTS}); volano {rates[ours][-1]:.0f}, nginx {rates[theirs][-1]:.0f} "
              "in the last pair", flush=True)  # fmt: skip
        return ratio >= BAR_EVENTS

    def _streams(self, script: Path, port: int) -> float:
        kept, self.script = self.script, script
        try:
            requests, seconds = self.load(port, self.args.seconds, connections=STREAMS)
        finally:
            self.script = kept
        return requests / seconds

    def idle(self, port: int, worker: int) -> bool:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = min(self.args.idle, (hard - 200) // 3)
        before = memory_kb(worker)
        body = STREAM_BODY.replace("support", "paced", 1).replace("user-%d", "idle")
        call = request(body, port)
        opened, after = uvloop.run(_open(port, call, count, lambda: memory_kb(worker)))
        each = (after - before) / opened
        print(f"idle:         {opened} streams open, {each:.1f} kB of the worker's memory each "
              f"(bar < {BAR_IDLE_KB:.0f})", flush=True)  # fmt: skip
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return each < BAR_IDLE_KB


class Client(asyncio.Protocol):
    """One connection, one request at a time; tells when its first event and its end came."""

    def __init__(self) -> None:
        self.waiting: asyncio.Future | None = None
        self.first: asyncio.Future | None = None
        self.data = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def ask(self, request: bytes) -> asyncio.Future:
        loop = asyncio.get_running_loop()
        self.data, self.waiting, self.first = b"", loop.create_future(), loop.create_future()
        self.transport.write(request)
        return self.waiting

    def data_received(self, data: bytes) -> None:
        self.data += data
        now = time.perf_counter()
        if self.first is not None and not self.first.done() and b"data:" in self.data:
            self.first.set_result(now)
        if self.waiting is not None and not self.waiting.done() and self._whole():
            self.waiting.set_result(now)

    def connection_lost(self, error: Exception | None) -> None:
        for future in (self.waiting, self.first):
            if future is not None and not future.done():
                future.set_exception(error or ConnectionError("closed"))

    def _whole(self) -> bool:
        head, found, body = self.data.partition(b"\r\n\r\n")
        if not found:
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"the load saw an error: {self.data[:500]!r}")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        return len(body) >= int(length) if length else body.endswith(b"0\r\n\r\n")


async def _connect(port: int, count: int) -> list[Client]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Client, "127.0.0.1", port) for _ in range(count)]
    return [client for _, client in made]


async def _evenly(port: int, requests: list[bytes], rate: float, seconds: float) -> list[float]:
    """Ask at this rate, whatever the answers do; return the latencies from when each was due."""
    free = asyncio.Queue()
    for client in await _connect(port, 32):
        free.put_nowait(client)
    taken, tasks = [], set()

    async def one(client: Client, request: bytes, due: float) -> None:
        taken.append(await client.ask(request) - due)
        free.put_nowait(client)

    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for n in range(int(rate * seconds)):
        due = began + n / rate
        while (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait if wait > 0.001 else 0)
        client = await free.get()
        task = loop.create_task(one(client, requests[n % len(requests)], time.perf_counter()))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    return taken[len(taken) // 10 :]


async def _firsts(port: int, requests: list[bytes], seconds: float) -> list[float]:
    clients = await _connect(port, len(requests))
    taken: list[float] = []
    end = time.perf_counter() + seconds

    async def one(n: int, client: Client) -> None:
        await asyncio.sleep(n * EVENTS * SPACING_S / len(clients))  # not all at once
        while time.perf_counter() < end:
            began = time.perf_counter()
            done = client.ask(requests[n])
            taken.append(await client.first - began)
            await done

    await asyncio.gather(*(one(n, client) for n, client in enumerate(clients)))
    return taken


async def _open(
    port: int, request: bytes, count: int, memory: Callable[[], int]
) -> tuple[int, int]:
    clients: list[Client] = []
    for _ in range(0, count, 100):
        more = await _connect(port, min(100, count - len(clients)))
        for client in more:
            client.ask(request)
        await asyncio.gather(*(client.first for client in more))
        clients += more
    await asyncio.sleep(1)
    found = len(clients), memory()
    for client in clients:
        client.transport.abort()
        for future in (client.waiting, client.first):
            future.cancel()
    return found


class Mock(asyncio.Protocol):
    """Answers a stream event by event; one by the user `idle` stays open after its first."""

    spacing_s, cut = SPACING_S, False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.data, self.left = transport, b"", 0
        self.timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self.data += data
        head, found, body = self.data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        if not found or len(body) < length:
            return
        self.data, self.left = b"", 1 if b'"idle"' in body else EVENTS
        self.idle = b'"idle"' in body
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n\r\n"
        )
        self.due = asyncio.get_running_loop().time()
        if self.spacing_s or self.idle:
            self.next()
        else:
            self.all()

    def all(self) -> None:
        """Write each event by itself, one after the other."""
        pieces = [_EVENT] * EVENTS + [_END]
        fd = self.transport.get_extra_info("socket").fileno()
        for n, piece in enumerate(pieces):
            try:
                sent = os.write(fd, piece)
            except BlockingIOError:
                sent = 0
            if sent < len(piece):
                self.transport.write(piece[sent:] + b"".join(pieces[n + 1 :]))
                return

    def next(self) -> None:
        self.left -= 1
        if self.cut and self.left < EVENTS // 2:
            self.transport.abort()
            return
        self.transport.write(_EVENT)
        if self.left:
            self.due += self.spacing_s
            self.timer = asyncio.get_running_loop().call_at(self.due, self.next)
        elif not self.idle:
            self.transport.write(_END)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        if self.timer is not None:
            self.timer.cancel()


def _chunk(text: str) -> bytes:
    return b"%x\r\n%b\r\n" % (len(text), text.encode())


_EVENT, _END = _chunk(EVENT), _chunk(LAST) + b"0\r\n\r\n"


async def _mock(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Mock, "127.0.0.1", port, backlog=8192)
    await server.serve_forever()


def request(body: str, port: int) -> bytes:
    """Return a whole request, to be sent to this port."""
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        f"content-type: application/json\r\nauthorization: Bearer {gateway.KEY}\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _quantile(values: list[float], q: float) -> float:
    return sorted(values)[min(len(values) - 1, int(q * len(values)))]


def memory_kb(pid: int) -> int:
    """Proportional set size: what is shared with others counts in part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise SystemExit("no smaps_rollup here")


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=5)
    options.add_argument("--seconds", type=float, default=3)
    options.add_argument("--idle", type=int, default=5000)
    options.add_argument("--mock", type=int, help=argparse.SUPPRESS)
    options.add_argument("--spacing", type=float, default=SPACING_S, help=argparse.SUPPRESS)
    options.add_argument("--cut", action="store_true", help=argparse.SUPPRESS)
    args = options.parse_args()
    args.profile = False
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.mock:
        Mock.spacing_s, Mock.cut = args.spacing, args.cut
        uvloop.run(_mock(args.mock))
        return 0
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name, path=gateway.PATH)]
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
        return StreamBench(Path(name), args, stack).run()


if __name__ == "__main__":
    sys.exit(main())
