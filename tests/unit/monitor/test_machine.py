"""The machine's measures: what looks say, by engine, in a window; and rules that ask for them."""

import os

import pytest

from volano.core.clock import SystemClock
from volano.monitor.errors import UnknownDimensionError, UnknownMeasureError, WholeHostError
from volano.monitor.host import Host, Look, Part
from volano.monitor.judge import Judge
from volano.monitor.machine import GAUGES, Machine
from volano.monitor.rule import LineError, read_rule

S = 1_000_000
LOOKS = [
    Look(1 * S, 0.2, 0.5, disk=0.9, engines={"a": Part(None, 0.1), "b": Part(0.2, 0.3)}),
    Look(2 * S, 0.4, 0.7, disk=0.9, engines={"a": Part(0.1, 0.1)}),
    Look(11 * S, 0.9, None, disk=0.95),
]
DISK = {"name": "disk", "measure": "host_disk", "above": "90%", "window": "1m"}


def between(since_us, until_us):
    return [one for one in LOOKS if since_us <= one.at_us < until_us]


def ask(name, **more):
    points = Machine(between).ask(name, **{"since_us": 0, "until_us": 10 * S} | more)
    return {(p.at_us, *p.by): (pytest.approx(p.value), p.count) for p in points}


def test_a_value_is_the_mean_of_what_was_looked_at():
    assert ask("host_cpu") == {(0,): (0.3, 2)}
    assert ask("host_memory", until_us=20 * S, each_us=10 * S) == {(0,): (0.6, 2)}
    assert ask("host_disk", until_us=20 * S, each_us=10 * S) == {
        (0,): (0.9, 2),
        (10 * S,): (0.95, 1),
    }
    assert ask("host_gpu") == {}, "a host without one"


def test_engines_are_asked_one_by_one_or_together():
    assert ask("engine_memory") == {(0,): (0.25, 2)}
    assert ask("engine_memory", by=["engine"]) == {(0, "a"): (0.1, 2), (0, "b"): (0.3, 1)}
    assert ask("engine_cpu", by=["engine"]) == {(0, "a"): (0.1, 1), (0, "b"): (0.2, 1)}
    assert ask("engine_memory", where={"engine": "b"}) == {(0,): (0.3, 1)}


def test_what_nothing_is_known_by_is_refused():
    with pytest.raises(WholeHostError, match="channel"):
        ask("host_cpu", by=["channel"])
    with pytest.raises(UnknownDimensionError, match="engine"):
        ask("engine_cpu", where={"engin": "a"})
    with pytest.raises(UnknownMeasureError, match="host_disk"):
        ask("host_disc")


def test_a_rule_watches_the_disk():
    judge = Judge(None, lambda: (), machine=Machine(between))
    [found] = judge(read_rule(DISK), 20 * S)
    assert (found.bad, found.told) == (True, "host_disk is 91.67% over 1m, above 90%")
    by = read_rule({**DISK, "measure": "engine_memory", "by": ["engine"]})
    assert {one.by: one.bad for one in judge(by, 20 * S)} == {("a",): False, ("b",): False}


@pytest.mark.parametrize(
    ("change", "key", "why"),
    [
        ({"by": ["channel"]}, "by", "channel"),
        ({"window": "2h"}, "window", "an hour is remembered"),
        ({"kind": "anomaly", "above": None, "window": None}, "measure", "kind threshold"),
        ({"measure": "host_dis"}, "measure", "host_disk"),
        ({"above": "2 GB"}, "above", "a share"),
    ],
)
def test_a_rule_that_cannot_ask_it_is_told_why(change, key, why):
    said = {name: value for name, value in {**DISK, **change}.items() if value is not None}
    with pytest.raises(LineError, match=why) as error:
        read_rule(said)
    assert error.value.key == key


def test_disk_and_engines_are_read_where_they_tell(tmp_path):
    process = tmp_path / "7"
    process.mkdir()
    (tmp_path / "stat").write_text("cpu  100 0 100 700 100 0 0 0 0 0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 40960 kB\nMemAvailable: 250 kB\n")
    (process / "stat").write_text("7 (an engine) S 1 1 1 0 -1 0 0 0 0 0 30 10 0 0 20 0 9")
    (process / "statm").write_text("9000 1024 100")
    host = Host(
        SystemClock(), proc=tmp_path, gpu="", folder=tmp_path, engines=lambda: {"one": 7, "gone": 8}
    )
    first = host.look()
    assert 0 <= first.disk <= 1
    page = os.sysconf("SC_PAGE_SIZE")
    assert first.engines == {"one": Part(None, pytest.approx(1024 * page / (40960 * 1024)))}
    (tmp_path / "stat").write_text("cpu  160 0 120 710 110 0 0 0 0 0\n")
    (process / "stat").write_text("7 (an engine) S 1 1 1 0 -1 0 0 0 0 0 70 20 0 0 20 0 9")
    assert host.look().engines["one"].cpu == pytest.approx(0.5)
    host.close()


def test_each_has_a_name_of_its_own():
    assert {one.name for one in GAUGES.values()} == {*GAUGES}
