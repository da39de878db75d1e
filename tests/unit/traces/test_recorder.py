import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from volano.core.clock import ManualClock
from volano.traces import Begin, Call, HotStore, Kind, Recorder, Spool, Traces, encode
from volano.traces.errors import (
    RecorderBusyError,
    RecordsBrokenError,
    RecordsTooNewError,
)
from volano.traces.segment import segment_paths
from volano.traces.tables import MOST_SUM

ENV = os.environ | {"PYTHONPATH": "src"}


def a_call(n, **more):
    return Call(
        **{
            "id": f"{n + 1:032x}",
            "span_id": f"{n + 1:016x}",
            "began_us": 1000 + n,
            "ended_us": 2000 + n,
        }
        | more
    )


def a_begin(n, **more):
    return Begin(id=f"{n + 1:032x}", span_id=f"{n + 1:016x}", began_us=1000 + n, **more)


@pytest.fixture
def spools(tmp_path):
    return tmp_path / "spool"


@pytest.fixture
def hot_path(tmp_path):
    return tmp_path / "records" / "hot.db"


@pytest.fixture
def hot(hot_path):
    store = HotStore(hot_path)
    yield store
    store.close()


@pytest.fixture
def recorder(spools, hot):
    recorder = Recorder(spools, hot, clock=ManualClock())
    yield recorder
    recorder.close()


def ids(hot_path):
    return [int(t.id, 16) - 1 for t in Traces(hot_path).since(0, limit=10**6)]


def test_calls_become_rows_and_a_drained_segment_of_a_dead_writer_goes(spools, hot_path, recorder):
    with Spool(spools, "w1") as spool:
        for n in range(10):
            spool.append(Kind.CALL, encode(a_call(n)))
        assert recorder.drain_once() == 10
        assert len(segment_paths(spools)) == 1, "its writer lives"
        spool.append(Kind.CALL, encode(a_call(10)))
    assert recorder.drain() == 1
    assert ids(hot_path) == list(range(11))
    assert segment_paths(spools) == []
    assert recorder.tally.rows == 11
    recorder.drain()
    with Spool(spools, "w1") as spool:
        spool.append(Kind.CALL, encode(a_call(11)))
    recorder.drain()
    assert recorder.hot.conn.execute("SELECT count(*) FROM offsets").fetchone() == (1,)


def test_a_row_tells_all_that_the_call_said(spools, hot_path, recorder):
    call = a_call(
        0,
        parent_span_id="c" * 16,
        first_us=1500,
        key_id="k1",
        group="acme/support",
        channel="support",
        release="support@2",
        release_digest="sha256:00",
        share=50_000,
        arm="candidate",
        rollout="r1",
        unit="ügyfél-7",
        door="openai.chat",
        target="engine",
        model="router",
        streamed=True,
        status=200,
        request='{"messages":[{"role":"user","content":"Где мой заказ?"}]}'.encode(),
        response=b'{"choices":[{"message":{"content":"ok"},"finish_reason":"stop"}],'
        b'"usage":{"prompt_tokens":5,"completion_tokens":2}}',
        worker="w1",
        environment="prod",
        tags={"ünnep": "да"},
        cost_nano=12,
        cost_currency="EUR",
        priced_by="x",
    )
    with Spool(spools, "w1") as spool:
        spool.append(Kind.CALL, encode(call))
    recorder.drain()
    traces = Traces(hot_path)
    trace = traces.last()
    for name in call.__struct_fields__:
        if name not in ("request", "response", "held", "held_nano", "usage"):
            assert getattr(trace, name) == getattr(call, name), name
    assert (trace.latency_us, trace.ttft_us) == (1000, 500)
    assert (trace.input_text, trace.output_text, trace.finish) == ("Где мой заказ?", "ok", "stop")
    assert (trace.prompt_tokens, trace.completion_tokens) == (5, 2)
    bodies = traces.bodies(trace)
    assert (bodies.request, bodies.response) == (call.request, call.response)


def test_a_repeated_frame_is_dropped_but_two_calls_may_share_a_trace_id(spools, hot_path, recorder):
    with Spool(spools, "w") as spool:
        spool.append(Kind.CALL, encode(a_call(0)))
        spool.append(Kind.CALL, encode(a_call(0)))
        spool.append(Kind.CALL, encode(a_call(0, span_id="f" * 16)))
    recorder.drain()
    assert ids(hot_path) == [0, 0]
    assert recorder.tally.repeats == 1
    assert len(Traces(hot_path).calls(f"{1:032x}")) == 2


def test_a_stream_of_a_dead_worker_leaves_a_cut_trace(spools, hot_path, recorder):
    spool = Spool(spools, "w7", max_segment_bytes=300)
    body = '{"messages":[{"role":"user","content":"坏了"}]}'.encode()
    spool.append(Kind.BEGIN, encode(a_begin(0, request=body, unit="u", rollout="r")))
    spool.append(Kind.BEGIN, encode(a_begin(1)))
    recorder.drain()
    spool.append(Kind.BEGIN, encode(a_begin(2)))
    spool.append(Kind.CALL, encode(a_call(1, streamed=True)))
    spool.append(Kind.CALL, encode(a_call(2, streamed=True)))
    spool.sync()
    recorder.drain()
    assert ids(hot_path) == [1, 2], "the worker lives in its newest segment"
    assert len(segment_paths(spools)) == 1
    spool.close()
    recorder.drain()
    cut = Traces(hot_path).last()
    assert (cut.outcome, cut.worker, cut.unit, cut.rollout) == ("cut", "w7", "u", "r")
    assert cut.input_text == "坏了"
    assert cut.ended_us >= cut.began_us
    assert cut.failed
    assert sorted(ids(hot_path)) == [0, 1, 2]
    assert recorder.tally.cut == 1


def test_begun_streams_whose_segments_vanished_are_cut_at_the_next_start(spools, hot, hot_path):
    first = Recorder(spools, hot)
    spool = Spool(spools, "w")
    spool.append(Kind.BEGIN, encode(a_begin(0)))
    first.drain()
    spool.close()
    segment_paths(spools)[0].unlink()
    first.close()
    Recorder(spools, hot).drain()
    assert [t.outcome for t in Traces(hot_path).list()] == ["cut"]


def test_damage_is_set_aside_counted_and_told(spools, hot_path, recorder, caplog):
    with Spool(spools, "w") as spool:
        for n in range(3):
            spool.append(Kind.CALL, encode(a_call(n)))
        spool.append(9, b"from the future")
        spool.append(Kind.CALL, b"\xc1 no msgpack")
        spool.append(Kind.FEEDBACK, b"nobody takes it here")
    path = segment_paths(spools)[0]
    data = bytearray(path.read_bytes())
    size = len(data)
    data[size // 6] ^= 0xFF
    path.write_bytes(bytes(data) + b"VF\x01\x01torn")
    with caplog.at_level(logging.WARNING):
        recorder.drain()
    assert len(ids(hot_path)) == 2
    losses = Traces(hot_path).losses()
    assert len(losses) == 5 == recorder.tally.losses
    kept = sorted((spools / "aside").iterdir())
    assert len(kept) == 5
    assert b"from the future" in b"".join(p.read_bytes() for p in kept)
    assert {loss.aside for loss in losses} == {str(p) for p in kept}
    assert "kind 9, version 1" in caplog.text
    assert str(spools / "aside") in caplog.text
    assert segment_paths(spools) == []


def test_a_row_that_does_not_fit_stops_no_other(spools, hot_path, recorder):
    with Spool(spools, "w") as spool:
        spool.append(Kind.CALL, encode(a_call(0)))
        spool.append(Kind.CALL, encode(a_call(1, status=2**64 - 1)))
        spool.append(Kind.CALL, encode(a_call(2)))
    recorder.drain()
    assert ids(hot_path) == [0, 2]
    assert "does not fit" in Traces(hot_path).losses()[0].why


def test_absurd_costs_run_over_no_sum(spools, hot, hot_path, recorder):
    with Spool(spools, "w") as spool:
        for n in range(6):
            spool.append(Kind.CALL, encode(a_call(n, cost_nano=4 * 10**18, cost_currency="USD")))
            if n == 2:
                recorder.drain()
    recorder.drain()
    assert ids(hot_path) == [0, 1, 2, 3, 4, 5]
    assert hot.conn.execute("SELECT calls, nano FROM spend").fetchall() == [(6, MOST_SUM)]


def test_annotate_changes_the_row_and_when_it_fails_nothing_is_shown(spools, hot, hot_path):
    def mask(row):
        if "boom" in row["input_text"]:
            raise KeyError("boom")
        return row | {"input_text": "[masked]", "request": b"[masked]"}

    recorder = Recorder(spools, hot, annotate=mask)
    ask = '{"messages":[{"role":"user","content":"%s"}]}'
    with Spool(spools, "w") as spool:
        spool.append(Kind.CALL, encode(a_call(0, request=(ask % "my card").encode())))
        spool.append(Kind.CALL, encode(a_call(1, request=(ask % "boom").encode())))
    recorder.drain()
    traces = Traces(hot_path)
    first, second = traces.since(0)
    assert (first.input_text, traces.bodies(first).request) == ("[masked]", b"[masked]")
    assert (second.input_text, traces.bodies(second).request) == (None, b"")
    assert not (spools / "aside").exists(), "content that should perhaps be masked is kept nowhere"


def test_sinks_write_in_the_same_transaction(spools, hot, hot_path):
    broken = [True]

    def sink(conn, payloads):
        conn.execute("CREATE TABLE IF NOT EXISTS said (what BLOB)")
        conn.executemany("INSERT INTO said VALUES (?)", [(p,) for p in payloads])
        if broken[0]:
            raise sqlite3.OperationalError("disk I/O error")
        return [1]

    recorder = Recorder(spools, hot, {Kind.FEEDBACK: sink})
    with Spool(spools, "w") as spool:
        spool.append(Kind.CALL, encode(a_call(0)))
        spool.append(Kind.FEEDBACK, b"good")
        spool.append(Kind.FEEDBACK, b"bad")
    with pytest.raises(sqlite3.OperationalError):
        recorder.drain()
    assert ids(hot_path) == []
    broken[0] = False
    recorder.drain()
    assert ids(hot_path) == [0]
    assert hot.conn.execute("SELECT what FROM said").fetchall() == [(b"good",), (b"bad",)]
    assert recorder.tally.losses == 1


def test_a_full_disk_keeps_the_spool_says_so_once_and_goes_on(spools, hot, hot_path, caplog):
    pages = hot.conn.execute("PRAGMA page_count").fetchone()[0]
    hot.conn.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()
    recorder = Recorder(spools, hot)
    with Spool(spools, "w") as spool:
        for n in range(20):
            spool.append(Kind.CALL, encode(a_call(n, request=os.urandom(4000))))
    stop = threading.Event()
    thread = threading.Thread(target=recorder.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: recorder.tally.trouble)
        assert "full" in recorder.tally.trouble
        assert len(segment_paths(spools)) == 1
        hot.conn.execute("PRAGMA max_page_count = 1000000").fetchall()
        wait_for(lambda: len(ids(hot_path)) == 20)
        wait_for(lambda: not recorder.tally.trouble)
    finally:
        stop.set()
        thread.join()
    assert caplog.text.count("Nothing is lost") == 1
    assert "recorded again" in caplog.text
    assert segment_paths(spools) == []


def wait_for(condition, limit_s=20.0):
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


class Waits:
    """Stops after so many looks, and notes how long was waited between them."""

    def __init__(self, looks):
        self.left, self.waited = looks, []

    def is_set(self):
        self.left -= 1
        return self.left < 0

    def wait(self, seconds):
        self.waited.append(seconds)


def test_calls_gather_between_looks_that_find_some(spools, recorder):
    with Spool(spools, "w") as spool:
        spool.append(Kind.CALL, encode(a_call(0)))
        recorder.run(stop := Waits(2), poll_s=0.02)
    found, nothing = stop.waited
    assert found > nothing == 0.02


def test_a_backlog_is_taken_in_without_a_pause(spools, hot):
    recorder = Recorder(spools, hot, max_bytes_a_look=2000)
    with Spool(spools, "w", max_segment_bytes=4000) as spool:
        for n in range(100):
            spool.append(Kind.CALL, encode(a_call(n, request=bytes(500))))
        recorder.run(stop := Waits(3))
    assert stop.waited == []
    assert recorder.tally.rows == 100, "the rest is taken in before it ends"


def test_large_backlogs_come_in_batches(spools, hot, hot_path):
    recorder = Recorder(spools, hot, max_bytes_a_look=2000)
    with Spool(spools, "w", max_segment_bytes=10_000) as spool:
        for n in range(300):
            spool.append(Kind.CALL, encode(a_call(n)))
    looks = 0
    while recorder.drain_once():
        looks += 1
    assert looks > 3
    assert sorted(ids(hot_path)) == list(range(300))
    assert recorder.tally.repeats == 0


def test_a_backlog_of_many_segments_makes_no_look_larger(spools, hot):
    recorder = Recorder(spools, hot, max_bytes_a_look=2000)
    with (
        Spool(spools, "a", max_segment_bytes=4000) as one,
        Spool(spools, "b", max_segment_bytes=4000) as other,
    ):
        for n in range(200):
            (one, other)[n % 2].append(Kind.CALL, encode(a_call(n, request=bytes(500))))
        assert len(segment_paths(spools)) > 20
        took = recorder.drain_once()
        assert 0 < took <= 8, "two writers' batches of 2000 bytes"
        assert {name[0] for (name,) in hot.conn.execute("SELECT segment FROM offsets")} == {
            "a",
            "b",
        }
        recorder.drain()
    assert recorder.tally.rows == 200


def test_one_writer_only_and_no_newer_and_no_broken_file(hot, hot_path):
    with pytest.raises(RecorderBusyError, match="Another recorder"):
        HotStore(hot_path)
    hot.conn.execute("PRAGMA user_version = 99")
    with pytest.raises(RecordsTooNewError):
        Traces(hot_path).last()
    hot.close()
    with pytest.raises(RecordsTooNewError):
        HotStore(hot_path)
    hot_path.write_bytes(b"this is no database" * 1000)
    with pytest.raises(RecordsBrokenError):
        HotStore(hot_path)
    with pytest.raises(RecordsBrokenError):
        Traces(hot_path).last()


def test_a_file_of_smaller_pages_is_written_as_it_is(hot_path, spools):
    hot_path.parent.mkdir()
    with closing(sqlite3.connect(hot_path)) as conn:
        conn.execute("PRAGMA page_size = 4096")
        conn.execute("VACUUM")
    hot = HotStore(hot_path)
    log_pages = hot.conn.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
    assert log_pages * hot.conn.execute("PRAGMA page_size").fetchone()[0] == 32 << 20
    with Spool(spools, "w") as spool:
        spool.append(Kind.CALL, encode(a_call(1)))
    assert Recorder(spools, hot).drain() == 1
    hot.close()
    assert ids(hot_path) == [1]


def test_a_grown_log_is_folded_in(hot, monkeypatch):
    monkeypatch.setattr("volano.traces.hot._MAX_WAL_BYTES", 100_000)
    hot.conn.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    with hot.transaction() as conn:
        conn.execute("CREATE TABLE big (b BLOB)")
        conn.execute("INSERT INTO big VALUES (zeroblob(200000))")
    assert hot.wal_bytes() > 100_000
    hot.tidy()
    assert hot.wal_bytes() == 0


WRITER = """
import os, sys, time
from pathlib import Path
from volano.traces import Call, Begin, Kind, Spool, encode
folder, name, start, n = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
spool = Spool(folder, name, max_segment_bytes=100_000)
spool.start_syncing()
for i in range(start, start + n):
    ids = dict(id=f"{i + 1:032x}", span_id=f"{i + 1:016x}", began_us=i)
    if i % 3 == 0:
        spool.append(Kind.BEGIN, encode(Begin(**ids)))
    if i % 30 != 0:
        call = Call(**ids, ended_us=i, streamed=i % 3 == 0, request=b"x" * 300)
        spool.append(Kind.CALL, encode(call))
    if i % 100 == 0:
        time.sleep(0.02)
os.kill(os.getpid(), 9)
"""

RECORDER = """
import sys, threading
from pathlib import Path
from volano.traces import run
run(Path(sys.argv[1]), Path(sys.argv[2]), stop=threading.Event())
"""


@pytest.mark.slow
def test_kill_9_of_recorder_and_writers_loses_nothing_and_doubles_nothing(spools, hot_path):
    def start(code, *arguments):
        return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=ENV)

    total = 6000
    writers = [start(WRITER, spools, f"w{i}", i * 3000, 3000) for i in range(2)]
    recorder = start(RECORDER, spools, hot_path)
    try:
        for kill in range(1, 6):
            wait_for(lambda kill=kill: len(ids(hot_path)) > kill * total // 10, limit_s=60)
            recorder.send_signal(signal.SIGKILL)
            recorder.wait()
            recorder = start(RECORDER, spools, hot_path)
        for writer in writers:
            assert writer.wait(timeout=60) == -signal.SIGKILL
        wait_for(lambda: not segment_paths(spools), limit_s=60)
    finally:
        recorder.kill()
        recorder.wait()
        for writer in writers:
            writer.kill()
            writer.wait()
    traces = Traces(hot_path).since(0, limit=10**6)
    assert sorted(int(t.id, 16) - 1 for t in traces) == list(range(total))
    cut = {int(t.id, 16) - 1 for t in traces if t.outcome == "cut"}
    assert cut == set(range(0, total, 30))
    assert not (spools / "aside").exists()
