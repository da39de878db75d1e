"""A trace of 50,000 spans: how soon the server has its page, and how large that is.

    python benchmarks/big_trace.py [--spans 50000] [--rounds 20]

Three traces of as many spans of about 1 KB: one span with all others below it, a
chain in which each span stands below the one before, and an agent's run with both and
with calls of the gateway. They are recorded as in life (spool, recorder), then the
console's own pages are asked for through its ASGI app, as a browser would: the page of
the trace, a step opened, a step in the middle, the list of what failed, the graph. The
limit is 300 ms to the first paint; the peak of Python's memory while a page is made is
told beside it.
"""

# ruff: noqa: E402 - what stands in tests/ is found only after the path knows of it
import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
from starlette.applications import Starlette

sys.path[:0] = [str(Path(__file__).parent.parent / "tests")]

from support.otlp import as_protobuf, span
from volano.app import App
from volano.app.folder import make
from volano.settings import Settings
from volano.traces import Call, HotStore, Kind, Recorder, Spool, encode
from volano.traces.frame import Spans
from volano.web.pages import routes, static_route

LIMIT_MS = 300.0
WORDS = "where is my order it has not come yet please look and tell me when it will be here " * 5
WIDE, DEEP, RUN, SMALL = "a" * 32, "b" * 32, "c" * 32, "d" * 32


def step_id(n: int) -> str:
    return f"{n + 1:016x}"


def chat(n: int) -> dict[str, Any]:
    said = [{"role": "user", "parts": [{"type": "text", "content": f"{n} {WORDS}"}]}]
    return {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
        "gen_ai.request.model": f"gpt-5-{n % 3}", "gen_ai.usage.input_tokens": 100 + n % 50,
        "gen_ai.usage.output_tokens": 50, "gen_ai.input.messages": json.dumps(said),
    }  # fmt: skip


def wide(count: int) -> Iterator[dict[str, Any]]:
    yield span("root", trace=WIDE, id=step_id(0), end=count * 1000)
    for n in range(1, count):
        yield span(f"chat {n}", chat(n), trace=WIDE, id=step_id(n), parent=step_id(0),
                   start=n * 1000, end=n * 1000 + 900, status=2 if n % 997 == 0 else 0)  # fmt: skip


def deep(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield span(f"step {n}", chat(n), trace=DEEP, id=step_id(n),
                   parent=step_id(n - 1) if n else "", start=n * 10, end=count * 20 - n * 10)  # fmt: skip


def run(count: int) -> Iterator[dict[str, Any]]:
    """An agent with hundreds of rounds; each asks a model and calls tools, which ask models."""
    yield span("agent planner", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name":
               "planner"}, trace=RUN, id=step_id(0), end=count * 100)  # fmt: skip
    for n in range(1, count):
        parent = 0 if n % 10 == 1 else n - 1 if n % 10 == 2 else n - n % 10 + 2
        told: dict[str, Any] = chat(n)
        if n % 10 == 1:
            told = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": f"worker {n % 7}"}
        elif n % 3 == 0:
            told = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": f"tool {n % 5}"}
        yield span(f"step {n}", told, trace=RUN, id=step_id(n), parent=step_id(parent),
                   start=n * 100, end=n * 100 + 95, status=2 if n % 501 == 0 else 0)  # fmt: skip


def fill(folder: Path, count: int) -> None:
    """Record the three traces, 500 spans in a request."""
    with (
        Spool(folder / "spool", "worker") as spool,
        closing(HotStore(folder / "records" / "hot.db")) as hot,
    ):
        recorder = Recorder(folder / "spool", hot)
        for made in (wide, deep, run):
            part = []
            for one in made(count):
                part.append(one)
                if len(part) == 500:
                    _send(spool, part)
                    recorder.drain()
                    part = []
            _send(spool, part)
        _send(spool, [{**one, "trace_id": SMALL} for one in wide(20)])
        for n in range(20):
            spool.append(Kind.CALL, encode(Call(
                id=RUN, span_id=f"f{n:015x}", parent_span_id=step_id(2 + n), began_us=one["start_us"],
                ended_us=one["end_us"], channel="support", release="support@1")))  # fmt: skip
        recorder.drain()
        recorder.close()


def _send(spool: Spool, spans: list[dict[str, Any]]) -> None:
    if spans:
        spool.append(Kind.SPANS, encode(Spans(
            encoding="protobuf", body=as_protobuf(*spans), received_us=time.time_ns() // 1000,
            key_id="k", group="")))  # fmt: skip


async def ask(site: Starlette, path: str, rounds: int) -> tuple[float, float, int, int]:
    """Return milliseconds (first, then the median), bytes, and the peak of memory."""
    transport = httpx2.ASGITransport(site)
    took, size = [], 0
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        for _ in range(rounds):
            begun = time.perf_counter()
            answer = await client.get(path)
            took.append((time.perf_counter() - begun) * 1000)
            answer.raise_for_status()
            size = len(answer.content)
        tracemalloc.start()
        await client.get(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return took[0], statistics.median(took[1:] or took), size, peak


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home) / ".volano"
        begun = time.perf_counter()
        fill(folder, given.spans)
        print(
            f"3 traces of {given.spans:,} spans recorded in {time.perf_counter() - begun:.0f} s\n"
        )
        settings = Settings(folder=folder)
        make(settings)
        with App(settings) as app:
            site = Starlette(routes=[*routes(app), static_route()])
            return asyncio.run(measure(site, given.spans, given.rounds))


async def measure(site: Starlette, count: int, rounds: int) -> int:
    middle = step_id(count // 2)
    pages = {f"{name}: {what}": f"/item/traces/{trace}{query}"
             for name, trace in (("wide", WIDE), ("deep", DEEP), ("run", RUN))
             for what, query in (("first paint", ""), ("a step in the middle", f"?at={middle}"))}  # fmt: skip
    pages |= {"wide: a step opened": f"/trace/{WIDE}/steps?under={step_id(0)}",
              "wide: its details": f"/trace/{WIDE}/step/{middle}",
              "run: the graph": f"/item/traces/{RUN}?view=graph",
              "deep: the graph": f"/item/traces/{DEEP}?view=graph"}  # fmt: skip
    cold, *_ = await ask(site, f"/item/traces/{SMALL}", 1)
    print(f"the very first page of the process, a trace of 20 spans: {cold:.0f} ms\n")
    print(f"{'page':<32}{'first ms':>10}{'median ms':>11}{'of limit':>10}{'kB':>8}{'peak MB':>9}")
    worst = 0.0
    for name, path in pages.items():
        first, median, size, peak = await ask(site, path, rounds)
        worst = max(worst, first if "first paint" in name else 0)
        print(f"{name:<32}{first:>10.0f}{median:>11.0f}{median / LIMIT_MS:>10.2f}"
              f"{size / 1000:>8.0f}{peak / 1e6:>9.1f}")  # fmt: skip
    print(f"\nworst first paint {worst:.0f} ms, limit {LIMIT_MS:.0f} ms")
    return 0 if worst < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
