import os
import subprocess
import sys

from volano.gateway.shared import Shared


def test_workers_count_in_their_own_slots_and_readers_sum(tmp_path):
    shared, other = Shared(tmp_path / "s"), Shared(tmp_path / "s")
    a, b = shared.claim(os.getpid()), other.claim(os.getppid())
    a.count(3, error=False)
    a.count(3, error=True)
    b.count(3, error=False)
    b.count(63, error=True)
    assert shared.counts(3) == (3, 1)
    assert other.counts(63) == (1, 1)
    assert shared.counts(0) == (0, 0)


def test_a_publication_is_seen_and_its_application_too(tmp_path):
    control, worker = Shared(tmp_path / "s"), Shared(tmp_path / "s")
    slot = worker.claim(os.getpid())
    control.publish(7)
    assert slot.generation == 7
    assert control.workers() == {os.getpid(): 0}
    slot.applied(7)
    assert control.workers() == {os.getpid(): 7}
    slot.free()
    assert control.workers() == {}


def test_a_dead_workers_slot_is_taken_over_and_its_counts_stay(tmp_path):
    shared = Shared(tmp_path / "s")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    slot = shared.claim(dead.pid)
    slot.count(1, error=True)
    assert shared.workers() == {}
    again = shared.claim(os.getpid())
    again.count(1, error=False)
    assert shared.counts(1) == (2, 1)
    assert len(shared.workers()) == 1


def test_a_torn_file_is_made_anew(tmp_path):
    (tmp_path / "s").write_bytes(b"x" * 100)
    assert Shared(tmp_path / "s").generation == 0
