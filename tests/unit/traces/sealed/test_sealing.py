"""Killed at any step, a row is hot or sealed: never both, never neither."""

import random
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from volano.core.clock import ManualClock
from volano.traces import HotStore, Traces
from volano.traces.sealed import manifest
from volano.traces.sealed.engine import Engine
from volano.traces.sealed.folding import Folding
from volano.traces.sealed.rewriting import Rewriting
from volano.traces.sealed.sealer import Hot, Sealer, sweep
from volano.traces.sealed.within import Within

DAY_US = 86_400_000_000
STEPS = ("write", "rename", "commit", "in the transaction", "committed")


class KilledError(BaseException):
    """The process ends here."""


def killed_at(step):
    def at(now):
        if now == step:
            raise KilledError

    return at


def seqs(path):
    return [row[0] for row in Traces(path).records.select("calls", ("seq",), order="seq")]


def on_disk(path):
    folder = manifest.folder_of(path)
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def named(path):
    hot = HotStore(path)
    try:
        return {file.path for file in manifest.load(hot.conn)}
    finally:
        hot.close()


@pytest.mark.parametrize("step", STEPS)
def test_a_sealing_killed_at_any_step_loses_nothing_and_doubles_nothing(tmp_path, calls, step):
    path = tmp_path / "hot.db"
    hot = calls(path, 20)
    with pytest.raises(KilledError):
        Sealer(hot, ManualClock(), batch_rows=8, at=killed_at(step)).seal_all()
    hot.close()
    assert seqs(path) == [*range(1, 21)]
    hot = HotStore(path)
    sweep(hot, 0, after_us=1)
    assert seqs(path) == [*range(1, 21)]
    Sealer(hot, ManualClock(), batch_rows=8).seal_all()
    hot.close()
    assert seqs(path) == [*range(1, 21)]
    assert on_disk(path) == named(path)


@pytest.mark.parametrize("step", ["rename", "commit"])
def test_what_a_killed_process_leaves_on_the_disk_is_swept_away(tmp_path, calls, step):
    path = tmp_path / "hot.db"
    calls(path, 20).close()
    code = (
        "import os, pathlib, sys; from volano.core.clock import SystemClock; "
        "from volano.traces.hot import HotStore; from volano.traces.sealed.sealer import Sealer; "
        "at = lambda step: step == sys.argv[2] and os.kill(os.getpid(), 9); "
        "Sealer(HotStore(pathlib.Path(sys.argv[1])), SystemClock(), at=at).seal_all()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path), step], check=False)
    assert done.returncode == -9
    assert len(on_disk(path)) == 1
    assert named(path) == set()
    assert seqs(path) == [*range(1, 21)]
    hot = HotStore(path)
    assert sweep(hot, 0, after_us=1) == 1
    hot.close()
    assert on_disk(path) == set()


@pytest.mark.parametrize("step", ["rename", "commit", "in the transaction"])
def test_a_folding_killed_at_any_step_loses_nothing_and_doubles_nothing(tmp_path, calls, step):
    path = tmp_path / "hot.db"
    hot = calls(path, 60)
    Sealer(hot, ManualClock(), batch_rows=5).seal_all()
    engine = Engine(manifest.folder_of(path), threads=1)
    with pytest.raises(KilledError):
        Folding(hot, Rewriting(hot, ManualClock(), engine, killed_at(step))).step()
    assert seqs(path) == [*range(1, 61)]
    assert Folding(hot, Rewriting(hot, ManualClock(), engine)).step()
    engine.close()
    assert len(manifest.load(hot.conn)) < 12
    assert seqs(path) == [*range(1, 61)]
    sweep(hot, ManualClock().now_us() + 10, after_us=1)
    hot.close()
    assert on_disk(path) == named(path)
    assert seqs(path) == [*range(1, 61)]


def test_rows_that_change_while_they_are_sealed_stay_hot(tmp_path, calls):
    path = tmp_path / "hot.db"
    hot = calls(path, 10)

    def reprice(step):
        if step == "rename":
            with hot.transaction() as conn:
                conn.execute("UPDATE calls SET cost_nano = 5 WHERE seq = 2")

    assert Sealer(hot, ManualClock(), at=reprice).seal_all() == 0
    assert Sealer(hot, ManualClock()).seal_all() == 9
    got = Traces(path).records.select("calls", ("seq",), "cost_nano = 5")
    assert got == [(2,)]
    hot.close()
    assert on_disk(path) == named(path)


def test_what_is_due_goes_by_number_and_by_age(tmp_path, calls):
    clock = ManualClock(10 * DAY_US - 60_000_000)
    hot = calls(tmp_path / "hot.db", 100, began_us=lambda n: 9 * DAY_US + n * DAY_US // 100)
    kept = Sealer(hot, clock, Hot(rows=1000, hours=12))
    assert kept.step() == 0, "a repeat of these may yet come"
    clock.advance(60)
    assert kept.step() == 50, "those of the first half of the day"
    assert kept.step() == 0, "what was just sealed does not make another file at once"
    by_rows = Sealer(hot, clock, Hot(rows=20, hours=48, settle_s=0), batch_rows=16)
    assert (by_rows.step(), by_rows.step(), by_rows.step()) == (16, 14, 0)
    assert [file.day for file in manifest.load(hot.conn)] == ["1970-01-10"] * 3
    hot.close()


def test_new_rows_never_take_the_number_of_a_sealed_one(tmp_path, calls):
    path = tmp_path / "hot.db"
    hot = calls(path, 5)
    Sealer(hot, ManualClock()).seal_all()
    hot.close()
    calls(path, 3, first=5).close()
    assert seqs(path) == [*range(1, 9)]


@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_order_of_chores_answers_alike(tmp_path_factory, calls, data):
    path = tmp_path_factory.mktemp("any") / "hot.db"
    rng = random.Random(data.draw(st.integers(0, 99)))
    total = 0
    engine = Engine(manifest.folder_of(path), threads=1)
    for _ in range(data.draw(st.integers(1, 4))):
        more = data.draw(st.integers(1, 30))
        hot = calls(path, more, first=total, channel=lambda n: "ab"[n % 2])
        total += more
        keep = Hot(rows=data.draw(st.integers(1, 20)), hours=10**6, settle_s=0)
        Sealer(hot, ManualClock(), keep, batch_rows=rng.randint(4, 12)).step()
        if data.draw(st.booleans()):
            folding = Folding(hot, Rewriting(hot, ManualClock(), engine), max_rows=64)
            while folding.step():
                pass
        hot.close()
    engine.close()
    records = Traces(path).records
    everything = [*range(1, total + 1)]
    assert seqs(path) == everything
    after, limit = rng.randrange(total + 1), rng.randint(1, 9)
    within = Within(after=after)
    got = records.select("calls", ("seq",), "channel = ?", ["a"], limit=limit, within=within)
    assert got == [(n,) for n in reversed(everything) if n > after and n % 2][:limit]
    by_latency = records.select("calls", ("seq",), order="latency_us DESC, seq", limit=limit)
    assert [row[0] for row in by_latency] == sorted(everything, key=lambda n: (-(n % 7), n))[:limit]
    counted = dict(records.aggregate("calls", "count(*)", by=("channel",)))
    assert sum(counted.values()) == total
    records.close()
