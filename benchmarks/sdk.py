"""What a span costs the thread that runs the user's code: `python benchmarks/sdk.py`.

The SDK's decorator and context manager, without and with attributes, while a server takes
the spans, while nobody listens, and with tracing off; beside them OpenTelemetry's own SDK (its
batch processor and OTLP exporter, to the same server) in the same run. Rounds take
turns, and the median counts. Two figures: `CPU`, what the host's thread itself spends, and
`wall`, in which the sending threads have their turns at the interpreter's lock and the machine its
other work. The limit holds for CPU; wall is held to it too where the machine is otherwise idle.

    --rounds N    rounds of each (default 7)       --spans N    spans a round (default 2000)
    --pause MS    rest between two bursts of 50 spans, in milliseconds (default 3)
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import volano

LIMIT_US = 20.0
BURST = 50
QUESTION = "Where is my parcel? I ordered it two weeks ago and nothing came. " * 4
ANSWER = "Let me look that up for you. " * 10
AWAY = "http://127.0.0.1:9"


class Sink(BaseHTTPRequestHandler):
    """Reads and says yes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def sink():
    """A server in a process of its own, so that its work is not the host's."""
    command = [sys.executable, __file__, "--sink"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


@volano.trace
def plain(question: str, limit: int = 3) -> str:
    return question[:limit]


def decorated() -> None:
    plain(QUESTION, limit=2)


def block() -> None:
    with volano.trace("step"):
        pass


def told() -> None:
    with volano.trace("chat", kind="llm") as span:
        span.set(model="gpt-5", provider="openai", input_tokens=97, output_tokens=60)
        span.set(input=QUESTION, output=ANSWER)


def nested() -> None:
    with volano.session("chat-17", user="ann"), volano.trace("answer", kind="agent"):
        told()


def opentelemetry(url: str) -> tuple[Any, Callable[[], None], Callable[[], None]]:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{url}/v1/traces")))
    tracer = provider.get_tracer("bench")

    def bare() -> None:
        with tracer.start_as_current_span("step"):
            pass

    def full() -> None:
        with tracer.start_as_current_span("chat") as span:
            span.set_attribute("gen_ai.request.model", "gpt-5")
            span.set_attribute("gen_ai.provider.name", "openai")
            span.set_attribute("gen_ai.usage.input_tokens", 97)
            span.set_attribute("gen_ai.usage.output_tokens", 60)
            span.set_attribute("input.value", QUESTION)
            span.set_attribute("output.value", ANSWER)

    return provider, bare, full


def measured(run: Callable[[], None], spans: int, pause_s: float) -> tuple[float, float]:
    """Return microseconds a span, CPU of this thread and wall: bursts, with pauses between."""
    cpu = wall = 0
    for _ in range(spans // BURST):
        time.sleep(pause_s)
        before, began = time.thread_time_ns(), time.perf_counter_ns()
        for _ in range(BURST):
            run()
        wall += time.perf_counter_ns() - began
        cpu += time.thread_time_ns() - before
    done = spans // BURST * BURST * 1000
    return cpu / done, wall / done


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--spans", type=int, default=2000)
    parser.add_argument("--pause", type=float, default=3.0)
    parser.add_argument("--sink", action="store_true")
    args = parser.parse_args()
    if args.sink:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
        print(server.server_port, flush=True)
        server.serve_forever()
    with sink() as url:
        return bench(args, url)


def bench(args: argparse.Namespace, url: str) -> int:
    provider, bare, full = opentelemetry(url)
    ours = (("decorator", decorated, 1), ("block", block, 1), ("block, told", told, 1),
            ("agent and llm in a session", nested, 2))  # fmt: skip
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    import logging

    logging.getLogger("volano.client").setLevel(logging.ERROR)
    for _ in range(args.rounds):
        for state in ("server there", "server away", "tracing off"):
            where = AWAY if state == "server away" else url
            volano.configure(url=where, key="vk_bench", tracing=state != "tracing off")
            for name, run, count in ours:
                cpu, wall = measured(run, args.spans, args.pause / 1000)
                found.setdefault((state, name), []).append((cpu / count, wall / count))
            volano.flush(0.5)
        for name, run in (("block", bare), ("block, told", full)):
            pair = measured(run, args.spans, args.pause / 1000)
            found.setdefault(("opentelemetry-sdk", name), []).append(pair)
    provider.shutdown()
    print(f"us a span in the host's thread, median of {args.rounds} rounds of {args.spans} "
          f"(load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores)")  # fmt: skip
    medians = {}
    for (state, name), pairs in found.items():
        cpu, wall = (statistics.median(values) for values in zip(*pairs, strict=True))
        medians[state, name] = cpu
        peer = statistics.median(c for c, _ in found.get(("opentelemetry-sdk", name), [(0, 0)]))
        ratio = (
            f"  {cpu / peer:5.2f} x OpenTelemetry" if peer and state != "opentelemetry-sdk" else ""
        )
        print(f"{state:18} {name:28} CPU {cpu:6.1f}   wall {wall:6.1f}{ratio}")
    worst = max(cpu for (state, _), cpu in medians.items() if state != "opentelemetry-sdk")
    print(f"worst {worst:.1f} us (limit {LIMIT_US:.0f}): {'ok' if worst < LIMIT_US else 'NOT MET'}")
    return 0 if worst < LIMIT_US else 1


if __name__ == "__main__":
    sys.exit(main())
