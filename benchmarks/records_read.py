"""Reading three million spans, sealed with a hot tail: `python benchmarks/records_read.py`.

Writes the spans (about 1 KB each: texts of words by chance, attributes as JSON) straight into
sealed files, and the newest into the hot table; then asks, warm, through `Records` as the console
does: the newest 50, the newest 50 of one key that failed, the p95 of latency by hour over 7 days,
the cost by key, a trace by its id. Prints each beside its limit, and bytes a span on the disk. At
the end the same rows are sealed from the hot table, to see how long recording waits at most.

    --spans N    sealed ones (default 3,000,000)    --hot N     hot ones (default 100,000)
    --keep DIR   a folder to keep them in: the next run finds them there
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import zstandard

from volano.core.clock import SystemClock
from volano.traces import HotStore
from volano.traces.sealed import manifest
from volano.traces.sealed.columns import columns_of
from volano.traces.sealed.file import GROUP_ROWS, Writer, day_of, schema_of
from volano.traces.sealed.folding import MAX_ROWS
from volano.traces.sealed.records import Records
from volano.traces.sealed.sealer import Sealer
from volano.traces.sealed.within import Within

DAYS, DAY_US, HOUR_US = 10, 86_400_000_000, 3_600_000_000
LIMIT_MS, LIMIT_BYTES = 300.0, 600
START_US = 1_763_000_000_000_000 // DAY_US * DAY_US
TRIES = 7


class Spans:
    """Makes spans: columns for numbers from `first` on."""

    def __init__(self, total: int):
        self._rng, self._each_us = np.random.default_rng(7), DAYS * DAY_US // total
        letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
        words = ["".join(self._rng.choice(letters, n)) for n in self._rng.integers(2, 11, 20_000)]
        ranks = np.minimum(self._rng.zipf(1.3, 600_000) - 1, 19_999)
        said = [words[n] for n in ranks]
        self._pool = pa.array([" ".join(said[n : n + 12]) for n in range(0, 600_000, 12)])

    def batch(self, first: int, count: int, schema: pa.Schema) -> pa.RecordBatch:
        rng, n = self._rng, np.arange(first, first + count)
        began = START_US + n * self._each_us
        took = rng.lognormal(13.5, 0.8, count).astype(np.int64)
        sent, answered = rng.integers(50, 900, count), rng.integers(5, 400, count)
        key, model = rng.integers(0, 40, count), rng.integers(0, 6, count)
        failed = rng.random(count) < 0.02
        given = {
            "seq": n + 1,
            "id": self._hex(count, 16), "span_id": self._hex(count, 8),
            "parent_span_id": self._hex(count, 8),
            "name": self._pick(["chat", "retrieve", "rerank", "agent.step"], rng.integers(0, 4, count)),
            "kind": self._pick(["llm", "retriever", "reranker", "agent"], rng.integers(0, 4, count)),
            "began_us": began, "ended_us": began + took, "latency_us": took, "ttft_us": took // 3,
            "key_id": self._pick([f"key{k:03d}" for k in range(40)], key),
            "group": self._pick([f"acme/team{k}" for k in range(8)], key % 8),
            "service": self._pick(["shop", "support", "search"], key % 3),
            "environment": self._pick(["production", "staging"], key % 2),
            "release": self._pick([f"1.{k}.0" for k in range(9)], model),
            "session": self._hex(count, 6), "unit": self._hex(count, 4),
            "model": self._pick([f"model-{k}" for k in range(6)], model),
            "provider": self._pick(["openai", "anthropic"], model % 2),
            "outcome": self._pick(["ok", "error"], failed.astype(int)),
            "error": pa.array(np.where(failed, "the upstream was busy", ""), pa.string()),
            "finish": self._pick(["stop", "length"], key % 2),
            "prompt_tokens": sent, "completion_tokens": answered,
            "cached_tokens": sent // 4, "reasoning_tokens": answered * 0,
            "cost_nano": sent * 150 + answered * 600,
            "cost_currency": self._pick(["USD"], key * 0), "priced_by": self._pick(["list"], key * 0),
            "tags": self._pick(['{"team":"red"}', '{"team":"blue"}'], key % 2),
            "dialect": self._pick(["genai"], key * 0),
            "input_text": self._text(count, 5), "output_text": self._text(count, 4),
            "attributes": self._attributes(count, sent, answered, took),
        }  # fmt: skip
        arrays = [pa.array(given[f.name]).cast(f.type) for f in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _attributes(self, count, sent, answered, took):
        """Return JSON as an application's conventions have it, some 400 bytes."""
        head = '{"gen_ai.operation.name":"chat","gen_ai.system":"openai","server.address":"api.example.com","server.port":443,"telemetry.sdk.language":"python","telemetry.sdk.version":"1.45.0","service.instance.id":"pod-7f9c","gen_ai.response.id":"chatcmpl-'
        parts = [
            head, self._hex(count, 12), '","gen_ai.usage.input_tokens":', pa.array(sent).cast("string"),
            ',"gen_ai.usage.output_tokens":', pa.array(answered).cast("string"), ',"took_us":',
            pa.array(took).cast("string"), ',"http.request.id":"', self._hex(count, 16), '"}',
        ]  # fmt: skip
        return pc.binary_join_element_wise(*parts, "").cast(pa.binary())

    def _text(self, count, sentences):
        picked = [
            self._pool.take(pa.array(self._rng.integers(0, len(self._pool), count)))
            for _ in range(sentences)
        ]
        return pc.binary_join_element_wise(*picked, " ")

    def _hex(self, count, size):
        raw = self._rng.bytes(count * size).hex()
        return pa.array([raw[n : n + 2 * size] for n in range(0, len(raw), 2 * size)])

    @staticmethod
    def _pick(names, which):
        return pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), pa.array(names)).cast(
            "string"
        )


def fill(hot: HotStore, sealed: int, tail: int) -> int:
    """Write spans; return how many bytes they were, as they stand in columns."""
    columns = columns_of(hot.conn, "spans")
    schema, spans, size = schema_of(columns), Spans(sealed + tail), 0
    folder = manifest.folder_of(hot.path)
    for start in range(0, sealed, MAX_ROWS):
        writer = Writer(folder, "spans", schema, ["attributes"])
        for first in range(start, min(start + MAX_ROWS, sealed), GROUP_ROWS):
            batch = spans.batch(first, min(GROUP_ROWS, sealed - first), schema)
            size += batch.nbytes
            writer.write(batch)
        day = day_of(batch.column("began_us")[0].as_py())
        file, bits = writer.finish(day=day, now_us=0)
        with hot.transaction() as conn:
            manifest.add(conn, file, bits)
        print(f"\r  {file.max_seq:,} spans", end="", flush=True)
    squeeze = zstandard.ZstdCompressor(level=3).compress
    for first in range(sealed, sealed + tail, 10_000):
        rows = spans.batch(first, min(10_000, sealed + tail - first), schema).to_pylist()
        with hot.transaction() as conn:
            conn.executemany(
                f"INSERT INTO spans VALUES ({', '.join('?' * len(columns))})",
                [[*(row | {"attributes": squeeze(row["attributes"])}).values()] for row in rows],
            )
    print()
    return size


def warm_ms(ask) -> tuple[float, float]:
    """Return the median times, on the clock and of the processor, of a question asked before."""
    ask()
    took, worked = [], []
    for _ in range(TRIES):
        start, begun = time.perf_counter(), time.process_time()
        ask()
        took.append(1000 * (time.perf_counter() - start))
        worked.append(1000 * (time.process_time() - begun))
    return statistics.median(took), statistics.median(worked)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--spans", type=int, default=3_000_000)
    parser.add_argument("--hot", type=int, default=100_000)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        measure(folder, asked.spans, asked.hot)


def measure(folder: Path, sealed: int, tail: int) -> None:
    facts, path = folder / "facts.json", folder / "hot.db"
    if not facts.exists():
        hot = HotStore(path)
        size = fill(hot, sealed, tail)
        hot.close()
        facts.write_text(json.dumps({"sealed": sealed, "tail": tail, "bytes": size}))
    told = json.loads(facts.read_text())
    sealed, tail = told["sealed"], told["tail"]
    records = Records(path)
    now_us = START_US + DAYS * DAY_US
    week = Within(since_us=now_us - 7 * DAY_US)
    shown = (
        "seq",
        "id",
        "began_us",
        "name",
        "model",
        "outcome",
        "latency_us",
        "input_text",
        "output_text",
    )
    [(known,)] = records.select(
        "spans", ("id",), within=Within(after=sealed // 2, before=sealed // 2 + 2)
    )
    p95 = "quantile_disc(latency_us, 0.95)"
    questions = {
        "list the newest 50": lambda: records.select("spans", shown, limit=50),
        "list the 50 before 1 million": lambda: records.select(
            "spans", shown, limit=50, within=Within(before=sealed // 3)),
        "list 50 failed of one key": lambda: records.select(
            "spans", shown, "outcome = ? AND key_id = ?", ["error", "key007"], limit=50),
        "p95 by hour over 7 days": lambda: records.aggregate(
            "spans", f"count(*), {p95}", by=(f"began_us / {HOUR_US}",), order="1", within=week),
        "cost by key": lambda: records.aggregate(
            "spans", "count(*), sum(cost_nano)", by=("key_id", "cost_currency"), order="1"),
        "a trace by its id": lambda: records.select("spans", shown, within=Within(ids=[known])),
    }  # fmt: skip
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    print(f"{sealed:,} sealed and {tail:,} hot spans of {told['bytes'] / sealed:.0f} bytes")
    for name, ask in questions.items():
        took, worked = warm_ms(ask)
        verdict = "ok" if took < LIMIT_MS else "TOO SLOW"
        print(
            f"  {name:<30} {took:7.0f} ms  (limit {LIMIT_MS:.0f})  {verdict}; processor {worked:.0f} ms"
        )
    on_disk = sum(file.stat().st_size for file in manifest.folder_of(path).rglob("*.parquet"))
    each = on_disk / sealed
    print(
        f"  {'bytes a span, sealed':<30} {each:7.0f}     (limit {LIMIT_BYTES})  {'ok' if each < LIMIT_BYTES else 'TOO LARGE'}"
    )
    print(
        f"  {'memory of the reader':<30} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MiB at most"
    )
    records.close()
    pauses(tail)


def pauses(rows: int) -> None:
    """Seal a hot table and say how long a recorder would have waited."""
    with tempfile.TemporaryDirectory() as folder:
        hot = HotStore(Path(folder) / "hot.db")
        size = fill(hot, 0, rows)
        sealer = Sealer(hot, SystemClock())
        start = time.perf_counter()
        moved = sealer.seal_all()
        took = time.perf_counter() - start
        print(
            f"  {'sealing':<30} {moved / took:7,.0f} spans a second; recording waits {1000 * sealer.longest_s:.0f} ms at most"
        )
        hot.close()
        del size


if __name__ == "__main__":
    main()
