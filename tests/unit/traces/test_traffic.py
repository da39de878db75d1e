import pytest

from volano.traces import Call, HotStore, Kind, Recorder, Spool, Traces, encode

HOUR_US = 3_600_000_000


@pytest.fixture
def traces(tmp_path, settle):
    hot, spool = HotStore(tmp_path / "hot.db"), Spool(tmp_path / "spool", "w")
    calls = [
        ("support", "t1", "k1", "ok", 10, 100), ("support", "t1", "k1", "ok", 30, 200),
        ("support", "t2", "k2", "cut", 99, None), ("shop", "t2", "k1", "refused", 1, None),
    ]  # fmt: skip
    for n, (channel, target, key, outcome, took_us, nano) in enumerate(calls):
        began = HOUR_US + n * 60_000_000
        spool.append(Kind.CALL, encode(Call(
            id=f"{n + 1:032x}", span_id="1" * 16, began_us=began, ended_us=began + took_us,
            channel=channel, target=target, key_id=key, outcome=outcome, door="openai.chat",
            cost_nano=nano, cost_currency="USD" if nano else "", model="router@1",
            provider="engine" if target == "t1" else "openai",
            response=b'{"usage":{"prompt_tokens":3,"completion_tokens":2}}',
        )))  # fmt: skip
    recorder = Recorder(tmp_path / "spool", hot)
    recorder.drain()
    recorder.close()
    settle(hot)
    yield Traces(tmp_path / "hot.db")
    spool.close()
    hot.close()


def test_calls_are_summed_by_a_column(traces):
    support, shop = traces.traffic("channel", HOUR_US)
    assert (support.name, support.calls, support.errors) == ("support", 3, 1)
    assert (support.prompt_tokens, support.completion_tokens) == (9, 6)
    assert (support.p50_us, support.p95_us, support.nano) == (10, 30, {"USD": 300})
    assert (shop.name, shop.calls, shop.errors, shop.p50_us, shop.nano) == ("shop", 1, 0, None, {})
    assert (support.unpriced, shop.unpriced) == (1, 0)
    assert [(one.name, one.calls, one.model) for one in traces.traffic("target", 0)] == [
        ("t1", 2, "router@1"), ("t2", 2, ""),
    ]  # fmt: skip
    assert [(one.name, one.calls) for one in traces.traffic("key_id", 0)] == [("k1", 3), ("k2", 1)]


def test_what_clients_called_that_is_no_channel_stands_together(traces):
    names = [(one.name, one.calls) for one in traces.traffic("channel", 0, ["support", "o'brien"])]
    assert names == [("support", 3), ("", 1)]
    assert [(one.name, one.calls) for one in traces.traffic("channel", 0, [])] == [("", 4)]
    assert [(one.name, one.calls) for one in traces.traffic("key_id", 0, [])] == [
        ("k1", 3), ("k2", 1),
    ]  # fmt: skip


def test_all_calls_together_since_a_moment(traces):
    [all_] = traces.traffic("", HOUR_US + 60_000_000)
    assert (all_.name, all_.calls, all_.errors) == ("", 3, 1)
    assert traces.traffic("", 2 * HOUR_US) == ()


def test_calls_by_stretches_of_time(traces):
    found = traces.stretches(0, 120_000_000)
    assert [(one.at_us - HOUR_US, one.calls, one.errors) for one in found] == [
        (0, 2, 0),
        (120_000_000, 2, 1),
    ]


def test_a_file_that_is_not_there_yet_has_no_traffic(tmp_path):
    traces = Traces(tmp_path / "none.db")
    assert traces.traffic("channel", 0) == ()
    assert traces.stretches(0, 1_000) == ()
