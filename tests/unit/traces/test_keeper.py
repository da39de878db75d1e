import json

import pytest

from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode
from volano.traces.errors import UnknownTraceError
from volano.traces.tables import SELECT_CALL


def a_call(n, *, asked="", answered="", **more):
    request = json.dumps({"messages": [{"role": "user", "content": asked}]}).encode()
    response = json.dumps(
        {
            "choices": [{"message": {"content": answered}}],
            "usage": {"prompt_tokens": 10, "completion_tokens": n},
        }
    ).encode()
    return Call(
        **{
            "id": f"{n + 1:032x}",
            "span_id": "1" * 16,
            "began_us": n * 1000,
            "ended_us": n * 1000 + 100,
            "request": request,
            "response": response,
        }
        | more
    )


@pytest.fixture
def record(tmp_path, settle):
    """Return a function that records calls and gives the reader: they are hot, half, or sealed."""
    hot = HotStore(tmp_path / "hot.db")
    recorder = Recorder(tmp_path / "spool", hot)

    def record(*calls):
        with Spool(tmp_path / "spool", "w") as spool:
            for call in calls:
                spool.append(Kind.CALL, encode(call))
        recorder.drain()
        settle(hot)
        return Traces(tmp_path / "hot.db")

    record.conn = hot.conn
    yield record
    recorder.close()
    hot.close()


def numbers(traces):
    return [int(trace.id, 16) - 1 for trace in traces]


def test_nothing_recorded_is_nothing_and_no_error(tmp_path):
    traces = Traces(tmp_path / "hot.db")
    assert traces.last() is None
    assert traces.list() == traces.since(0) == traces.stats() == traces.losses() == ()
    assert traces.list(text="x") == ()
    assert traces.by_ids(["a"]) == {}
    assert traces.counts().calls == 0
    with pytest.raises(UnknownTraceError, match="abc"):
        traces.get("abc")
    assert not (tmp_path / "hot.db").exists(), "reading makes no file"
    (tmp_path / "hot.db").touch()
    assert traces.last() is None


def test_lists_are_newest_first_narrowed_and_paged(record):
    traces = record(
        a_call(0, channel="a", release="a@1", outcome="error"),
        a_call(1, channel="b", release="b@1", key_id="k"),
        a_call(2, channel="a", release="a@2", outcome="cut", group="g"),
        a_call(3, channel="a", release="a@1", rollout="r"),
        a_call(4, channel="a", release="a@1", outcome="left"),
    )
    assert numbers(traces.list()) == [4, 3, 2, 1, 0]
    assert numbers(traces.list(channel="a", limit=2)) == [4, 3]
    assert numbers(traces.list(channel="a", before_seq=traces.list(limit=2)[-1].seq)) == [2, 0]
    assert numbers(traces.list(release="a@1")) == [4, 3, 0]
    assert numbers(traces.list(outcome="failed")) == [2, 0]
    assert numbers(traces.list(outcome="left")) == [4]
    assert numbers(traces.list(outcome="ok")) == [3, 1]
    assert numbers(traces.list(key_id="k")) == [1]
    assert numbers(traces.list(group="g")) == [2]
    assert numbers(traces.list(rollout="r")) == [3]
    assert numbers(traces.list(since_us=1000, until_us=3000)) == [2, 1]
    assert numbers(traces.list(channel="a' OR 1=1 --")) == []


def test_text_is_found_in_any_language_and_case(record, monkeypatch):
    monkeypatch.setattr("volano.traces.found.SCAN_ROWS", 2)
    traces = record(
        a_call(0, asked="Где мой ЗАКАЗ?"),
        a_call(1, answered="我的订单在哪里"),
        a_call(2, asked="100% Rabatt, Straße_1", channel="c"),
        a_call(3, asked="Ünnepnap"),
        a_call(4, asked="nothing"),
    )
    assert numbers(traces.list(text="заказ")) == [0]
    assert numbers(traces.list(text="订单")) == [1]
    assert numbers(traces.list(text="STRASSE")) == [2]
    assert numbers(traces.list(text="u\u0308nnepnap")) == [3]
    assert numbers(traces.list(text="unnep*")) == [3]
    assert numbers(traces.list(text="100%")) == [2]
    assert numbers(traces.list(text="_")) == []
    assert numbers(traces.list(text="n*", limit=1)) == [4]
    assert numbers(traces.list(text="rab*", channel="c")) == [2]
    assert numbers(traces.list(text="nowhere")) == []


def test_since_goes_on_oldest_first_and_uses_an_index(record):
    traces = record(*(a_call(n, rollout="r" if n % 2 else None, channel="c") for n in range(10)))
    first = traces.since(0, rollout="r", limit=3)
    assert numbers(first) == [1, 3, 5]
    assert numbers(traces.since(first[-1].seq, rollout="r")) == [7, 9]
    assert numbers(traces.since(8, channel="c")) == [8, 9]
    for condition, index in (("rollout", "calls_by_rollout"), ("channel", "calls_by_channel")):
        asked = f"{SELECT_CALL} WHERE seq > ? AND {condition} = ? ORDER BY seq LIMIT 5"
        plan = record.conn.execute(f"EXPLAIN QUERY PLAN {asked}", [0, "x"]).fetchall()
        assert index in plan[0][3]
        assert len(plan) == 1, "no sorting"


def test_traces_are_found_by_id(record):
    traces = record(a_call(0), a_call(0, span_id="2" * 16, status=500), a_call(1))
    assert traces.get(f"{1:032x}").status == 500
    assert [t.span_id[0] for t in traces.calls(f"{1:032x}")] == ["1", "2"]
    found = traces.by_ids([f"{n:032x}" for n in range(1200)])
    assert numbers(found.values()) == [0, 1]
    assert found[f"{1:032x}"].status == 500


def test_counts_and_stats(record):
    calls = [a_call(n, channel="c", release="r@1", ended_us=n * 1000 + n + 1) for n in range(100)]
    calls += [a_call(100, channel="c", release="r@1", outcome="error", ended_us=10**9)]
    calls += [a_call(101, channel="c", release="r@2", outcome="cut")]
    late = {"channel": "c", "release": "r@3", "ended_us": 102_050}
    calls += [a_call(102, first_us=102_030, streamed=True, **late)]
    calls += [a_call(102, first_us=102_049, span_id="2" * 16, **late)]  # plain: all at once
    traces = record(*calls)
    counts = traces.counts()
    assert (counts.calls, counts.errors) == (104, 2)
    assert counts.outcomes == {"cut": 1, "error": 1, "ok": 102}
    assert traces.counts(since_us=102_000).calls == 2
    one, two, three = traces.stats()
    assert (one.release, one.calls, one.errors, one.p50_us, one.p95_us) == ("r@1", 101, 1, 50, 95)
    assert (one.ttft_p50_us, one.prompt_tokens, one.completion_tokens) == (None, 1010, 5050)
    assert (two.calls, two.errors, two.p50_us) == (1, 1, None)
    assert (three.p50_us, three.p95_us, three.ttft_p50_us, three.ttft_p95_us) == (50, 50, 30, 30)
    assert [s.release for s in traces.stats(since_us=101_000, until_us=102_000)] == ["r@2"]


def test_a_reader_never_keeps_the_file_open(record, tmp_path):
    traces = record(a_call(0))
    traces.last()
    record.conn.execute("PRAGMA busy_timeout = 0")
    assert record.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
