import os
import subprocess
import sys

import pytest

from volano.gateway.health import Health
from volano.gateway.vitals import BOUNDS_US, SERIES, Pulse, Vitals, open_pulse

KEY = ("openai.chat", "support", "support@1", "t1")


def dead() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vitals.bin"


def test_calls_are_counted_by_key_outcome_and_class_over_all_workers(path):
    ours, reader = Vitals(path), Vitals(path)
    a, b = ours.claim(os.getpid(), "worker-0"), ours.claim(os.getppid(), "worker-1")
    a.count(KEY, "ok", 200, 900, first_us=400, bytes_in=10, bytes_out=20)
    b.count(KEY, "ok", 200, 1_000, bytes_in=1, bytes_out=2)
    b.count(KEY, "error", 502, 301_000_000)
    b.count(KEY, "left", 499, 1_001)
    b.count(("openai.chat", "", "", ""), "refused", 401, 0)
    found = reader.series()
    one = found[KEY]
    assert one.outcomes == {("ok", "2xx"): 2, ("error", "5xx"): 1, ("left", "4xx"): 1}
    assert (one.took[0], one.took[1], one.took[-1]) == (2, 1, 1)
    assert one.took_us == 900 + 1_000 + 301_000_000 + 1_001
    assert (one.first[0], sum(one.first), one.first_us) == (1, 1, 400)
    assert (one.bytes_in, one.bytes_out) == (11, 22)
    assert found["openai.chat", "", "", ""].outcomes == {("refused", "4xx"): 1}
    assert [(w.name, w.calls, w.failures) for w in reader.workers()] == [
        ("worker-0", 1, 0),
        ("worker-1", 4, 1),
    ]


def test_every_bucket_has_its_bound_inside(path):
    vitals = Vitals(path)
    pulse = vitals.claim(os.getpid(), "w")
    for bound in BOUNDS_US:
        pulse.count(KEY, "ok", 200, bound)
    assert vitals.series()[KEY].took == [1] * len(BOUNDS_US) + [0]


def test_a_dead_workers_counts_stay_and_go_on(path):
    vitals = Vitals(path)
    gone = vitals.claim(dead(), "worker-0")
    gone.count(KEY, "ok", 200, 5)
    gone.began(streamed=True)
    gone.retried()
    assert vitals.workers() == []
    assert vitals.series()[KEY].calls == 1
    again = vitals.claim(os.getpid(), "worker-0")
    again.count(KEY, "ok", 200, 5)
    again.retried()
    [worker] = vitals.workers()
    assert (worker.in_flight, worker.streams, worker.calls) == (0, 0, 2)
    assert vitals.series()[KEY].calls == 2
    assert vitals.totals() == {
        "retries": 2, "fallbacks": 0, "unkept": 0, "copied": 0, "uncopied": 0
    }  # fmt: skip


def test_calls_under_way(path):
    vitals = Vitals(path)
    pulse = vitals.claim(os.getpid(), "w")
    pulse.began(streamed=True)
    pulse.began(streamed=False)
    [worker] = vitals.workers()
    assert (worker.in_flight, worker.streams) == (2, 1)
    pulse.ended(streamed=True)
    pulse.ended(streamed=False)
    [worker] = vitals.workers()
    assert (worker.in_flight, worker.streams) == (0, 0)
    pulse.leave()
    assert vitals.workers() == []


def test_what_has_no_room_of_its_own_is_counted_with_the_others(path):
    vitals = Vitals(path)
    pulse = vitals.claim(os.getpid(), "w")
    for n in range(SERIES + 50):
        pulse.count(("d", "c", f"r@{n}", "t"), "ok", 200, 5)
    pulse.count(("d", "x" * 300, "r", "t"), "ok", 200, 5)
    found = vitals.series()
    assert len(found) == SERIES
    assert sum(one.calls for one in found.values()) == SERIES + 51
    assert found["", "", "", ""].calls == 52


def test_how_targets_are_and_how_many_calls_end_a_second(path):
    vitals = Vitals(path)
    pulse = vitals.claim(os.getpid(), "w")
    well, ill, rests = Health(), Health(), Health()
    well.began(1.0)
    well.answered(2.0, 0.25)
    well.began(2.0)
    for _ in range(5):
        ill.began(2.0)
        ill.failed(2.0)
    rests.began(2.0)
    rests.rests(2.0, 30.0)
    pulse.show({"a http://a m 1": well, "b http://b m": ill, "c unix:/c m": rests}, 3.0)
    for _ in range(8):
        pulse.count(KEY, "ok", 200, 5)
    pulse.show({"a http://a m 1": well, "b http://b m": ill, "c unix:/c m": rests}, 5.0)
    [worker] = vitals.workers()
    assert worker.rate == 4.0
    seen = {one.target: one for one in worker.targets}
    assert (seen["a"].model, seen["a"].state, seen["a"].in_flight) == ("m 1", "closed", 1)
    assert seen["a"].latency_us == 250_000
    assert (seen["b"].state, seen["c"].state) == ("open", "resting")
    assert [one.keys_resting for one in worker.targets] == [0, 0, 0]
    pulse.show({"c unix:/c m": rests}, 60.0)
    [worker] = vitals.workers()
    assert [(one.target, one.state) for one in worker.targets] == [("c", "closed")]


def test_a_torn_or_foreign_file_is_made_anew(path):
    path.write_bytes(b"x" * 100)
    assert Vitals(path).series() == {}


def test_without_room_on_the_disk_a_worker_counts_for_itself(path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    pulse = open_pulse(path, os.getpid(), "w")
    assert isinstance(pulse, Pulse)
    pulse.count(KEY, "ok", 200, 5)
    assert Vitals(path).series() == {}
