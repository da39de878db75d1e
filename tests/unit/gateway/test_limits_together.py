"""Many workers at once, as real processes on one file: no limit is ever passed.

Admission promises at most one call beyond the limit for each other worker, and
none on x86-64, where its barrier is a full one.
"""

import json
import os
import platform
import subprocess
import sys
import time

import pytest

from volano.gateway.limits import Admission, Granted
from volano.gateway.snapshot import Limit
from volano.gateway.tally import Tally

pytestmark = pytest.mark.slow  # seconds each: real processes, or many examples

WORKERS = 4
SLIPS = 0 if platform.machine() == "x86_64" else WORKERS - 1

PROGRAM = """
import json, os, sys, time
from pathlib import Path
from volano.gateway.limits import Admission, Granted
from volano.gateway.snapshot import Limit
from volano.gateway.tally import Tally

path, limits, begin = Path(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
gate = Admission(Tally(path).claim(os.getpid()))
gate.apply({f"channel/{n}": Limit(n, 3, **limit) for n, limit in enumerate(limits)})
meters = [(meter,) for meter in gate._meters.values()]
print("ready", flush=True)
time.sleep(max(0.0, begin - time.monotonic()))
"""


class Crowd:
    """Worker processes that begin together and each do what the body says."""

    def __init__(self, tmp_path, body, limits, workers=WORKERS):
        self.path = tmp_path / "limits.bin"
        self.tally = Tally(self.path)
        self.tally.back(len(limits))
        begin = str(time.monotonic() + 1.0 + 0.2 * workers)
        self.processes = [
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM + body, self.path, json.dumps(limits), begin],
                stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True,
            )
            for _ in range(workers)
        ]  # fmt: skip
        assert [p.stdout.readline() for p in self.processes] == ["ready\n"] * workers

    def results(self):
        return [json.loads(p.communicate()[0]) for p in self.processes]


RACE = """
came = []
for turn in range(6):
    for meter in meters:
        for _ in range(2):
            found = gate.admit(meter, 1)
            if isinstance(found, Granted):
                came.append(meter[0].subject)
                gate.release(found)
print(json.dumps(came))
"""


@pytest.mark.parametrize("measure", ["rpm", "tpm"])
def test_workers_that_race_for_the_last_places_never_take_more(tmp_path, measure):
    """Each of 1,500 subjects has three places, and four workers run at them in the same order."""
    crowd = Crowd(tmp_path, RACE, [{measure: 3}] * 1500)
    came = [subject for found in crowd.results() for subject in found]
    counts = {f"channel/{n}": 0 for n in range(1500)}
    for subject in came:
        counts[subject] += 1
    assert max(counts.values()) <= 3 + SLIPS
    assert min(counts.values()) == 3, "a place that nobody got at the first try is got later"
    assert crowd.tally.usage(7, 3)[0 if measure == "rpm" else 1] == counts["channel/7"]


BUSY = """
came, until = [], time.monotonic() + 2.5
while time.monotonic() < until:
    found = gate.admit(meters[0], 7)
    if isinstance(found, Granted):
        came.append(time.monotonic_ns())
        gate.settle(found, 5)
        gate.release(found)
print(json.dumps(came))
"""


def test_one_busy_subject_over_buckets_that_begin_and_end(tmp_path):
    crowd = Crowd(tmp_path, BUSY, [{"rpm": 20_000, "tpm": 10**9, "concurrency": 3}])
    came = [at for found in crowd.results() for at in found]
    assert 1000 < len(came) <= 20_000 + SLIPS
    requests, tokens, calls = crowd.tally.usage(0, 3)
    assert (requests, tokens, calls) == (len(came), 5 * len(came), 0), "no increment is lost"


HOLD = """
held, until = [], time.monotonic() + 1.5
while time.monotonic() < until:
    found = gate.admit(meters[0], 1)
    if isinstance(found, Granted):
        begin = time.monotonic_ns()
        sum(range(500))
        held.append((begin, time.monotonic_ns()))
        gate.release(found)
print(json.dumps(held))
"""


def test_calls_at_once_are_never_more(tmp_path):
    crowd = Crowd(tmp_path, HOLD, [{"concurrency": 2}])
    held = [span for found in crowd.results() for span in found]
    moments = sorted([(at, 1) for at, _ in held] + [(at, -1) for _, at in held])
    most = now = 0
    for _, step in moments:
        now += step
        most = max(most, now)
    assert len(held) > 100
    assert 1 <= most <= 2 + SLIPS


KILLED = """
held = [gate.admit(meters[0], 1) for _ in range(5)]
print(json.dumps([isinstance(found, Granted) for found in held]), flush=True)
input()
"""


def test_what_a_killed_worker_held_is_given_back(tmp_path):
    crowd = Crowd(tmp_path, KILLED, [{"concurrency": 5, "rpm": 50}], workers=1)
    assert json.loads(crowd.processes[0].stdout.readline()) == [True] * 5
    gate = Admission(crowd.tally.claim(os.getpid()))
    gate.apply({"channel/0": Limit(0, 3, rpm=50, concurrency=5)})
    meters = tuple(gate._meters.values())
    assert not isinstance(gate.admit(meters, 1), Granted)
    crowd.processes[0].kill()
    crowd.processes[0].communicate()
    gate.sweep()
    assert isinstance(gate.admit(meters, 1), Granted)
    assert crowd.tally.usage(0, 3) == (6, 0, 1)
