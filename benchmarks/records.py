"""The records path alone: what a call costs its worker, and what the recorder manages.

    python benchmarks/records.py [--calls N]

Prints CPU-microseconds for a spool append, rows per CPU-second of the recorder,
the time to drain a backlog, and the ratio to the least that SQLite could do:
the same values, ready made, by one `executemany` a batch with a commit each.
Runs are interleaved and medians quoted, because machines drift.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from volano.traces import Call, HotStore, Kind, Recorder, Spool, encode
from volano.traces.frame import decode_call
from volano.traces.row import Rows
from volano.traces.segment import Segment, segment_paths
from volano.traces.tables import INSERT_CALL

BATCH = 1000


def a_call(n: int, body_bytes: int) -> Call:
    words = " ".join(f"word{n * 31 % 997 + i}" for i in range(body_bytes))
    ask = {"model": "support", "messages": [{"role": "user", "content": words[: body_bytes - 70]}]}
    answer = {
        "id": f"chatcmpl-{n}",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": words[-(body_bytes - 230) :]},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 200, "completion_tokens": 40, "total_tokens": 240},
    }
    return Call(
        id=f"{n + 1:032x}", span_id=f"{n + 1:016x}", began_us=10**15 + n, ended_us=10**15 + n + 900,
        key_id="k7f3", group="acme/support", channel="support", release="support@2",
        release_digest="sha256:" + "ab" * 32, share=50_000, arm="candidate", rollout="r1",
        unit=f"user-{n % 500}", door="openai.chat", target="engine", model="router", status=200,
        request=json.dumps(ask).encode(), response=json.dumps(answer).encode(), worker="worker-1",
    )  # fmt: skip


def append(folder: Path, calls: list[Call]) -> float:
    """CPU-seconds, this process with its syncing thread."""
    with Spool(folder, "bench") as spool:
        spool.start_syncing()
        start = time.process_time()
        for call in calls:
            spool.append(Kind.CALL, encode(call))
        return time.process_time() - start


def drain(folder: Path) -> tuple[float, float, int]:
    """CPU-seconds, wall seconds, rows."""
    hot = HotStore(folder / "hot.db")
    recorder = Recorder(folder / "spool", hot)
    cpu, wall = time.process_time(), time.monotonic()
    recorder.drain()
    spent = time.process_time() - cpu, time.monotonic() - wall, recorder.tally.rows
    recorder.close()
    hot.close()
    return spent


def plain(folder: Path, values: list[tuple[object, ...]]) -> float:
    """CPU-seconds of SQLite alone, same table, same indexes, same pragmas."""
    hot = HotStore(folder / "plain.db")
    cpu = time.process_time()
    for start in range(0, len(values), BATCH):
        with hot.transaction() as conn:
            conn.executemany(INSERT_CALL, values[start : start + BATCH])
    spent = time.process_time() - cpu
    hot.close()
    return spent


def ready_made(folder: Path) -> list[tuple[object, ...]]:
    rows, values = Rows(), []
    for path in segment_paths(folder):
        frames = Segment(path).read(0, dead=True, max_bytes=1 << 40).frames
        values += [rows.make(decode_call(frame.payload)) for frame in frames]
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--body-bytes", type=int, default=1024)
    options = parser.parse_args()
    calls = [a_call(n, options.body_bytes) for n in range(options.calls)]
    appends, rates, walls, ratios = [], [], [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            appends.append(append(folder / "spool", calls) / len(calls) * 1e6)
            values = ready_made(folder / "spool")
            cpu, wall, rows = drain(folder)
            assert rows == len(calls)
            rates.append(rows / cpu)
            walls.append(wall)
            ratios.append(plain(folder, values) / cpu)
    middle = statistics.median
    print(f"bodies                  2 x about {options.body_bytes} bytes, {len(calls)} calls")
    print(f"spool append            {middle(appends):8.1f} CPU-us a call (encode, write, sync)")
    print(f"recorder                {middle(rates):8.0f} rows a CPU-second")
    print(
        f"backlog drained in      {middle(walls):8.2f} s ({len(calls) / middle(walls):.0f} rows/s)"
    )
    print(f"against plain sqlite3   {middle(ratios):8.2f} x its rows a CPU-second")


if __name__ == "__main__":
    main()
