"""The shared counters: whose cells count, what a dead worker leaves, what an old boot left."""

import os
import subprocess
import sys

import pytest

from volano.gateway import tally as shape
from volano.gateway.tally import BUCKET_NS, CALLS, COUNT, RING, WINDOW, Tally, slot_begin, tag


@pytest.fixture
def path(tmp_path):
    return tmp_path / "limits.bin"


def dead_pid():
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    return dead.pid


def test_two_mappings_are_one(path):
    one, other = Tally(path), Tally(path)
    one.back(1)
    seat = one.claim(os.getpid())
    at = slot_begin(0) + seat.offset
    one.words[at + CALLS] = 7 << 32 | 3
    assert other.words[at + CALLS] == 7 << 32 | 3
    assert other.joined == 1
    one.close()
    other.close()


def test_workers_get_seats_of_their_own_and_a_left_one_is_taken_again(path):
    tally = Tally(path)
    seats = [tally.claim(os.getpid()) for _ in range(3)]
    assert [seat.number for seat in seats] == [0, 1, 2]
    seats[1].leave()
    assert tally.claim(os.getpid()).number == 1
    assert tally.joined == 4
    tally.close()


def test_a_dead_workers_seat_is_taken_over_without_its_calls(path):
    tally = Tally(path)
    tally.back(2)
    seat = tally.claim(os.getpid())
    at = slot_begin(1) + seat.offset
    tally.words[at] = tag(3, 100) << 32 | 5
    tally.words[at + CALLS] = 3 << 32 | 9
    tally.words[shape._head(seat.number)] = dead_pid()
    again = tally.claim(os.getpid())
    assert again.number == seat.number
    assert tally.words[at] == tag(3, 100) << 32 | 5, "what was used in this minute is used"
    assert tally.words[at + CALLS] == 0
    tally.close()


def test_another_process_with_a_dead_workers_pid_is_not_that_worker(path):
    tally = Tally(path)
    seat = tally.claim(os.getpid())
    assert tally._alive(seat.number)
    tally.words[shape._head(seat.number) + 1] += 1  # it began at another time
    assert not tally._alive(seat.number)
    tally.close()


def test_a_killed_worker_that_nobody_buried_yet_is_dead():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert shape.started(child.pid) is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert shape.started(child.pid) is None
    child.communicate()


def test_rates_of_the_dead_count_until_they_leave_the_window(path):
    tally = Tally(path)
    seat, own = tally.claim(os.getpid()), tally.claim(os.getpid())
    seat.used(1000)
    tally.words[shape._head(seat.number)] = dead_pid()
    assert tally.cells(1000 + WINDOW, own.number) == ([seat.offset, own.offset], [own.offset])
    assert tally.cells(1001 + WINDOW, own.number) == ([own.offset], [own.offset])
    tally.close()


def test_more_than_64_workers_are_refused(path):
    tally = Tally(path)
    for _ in range(64):
        tally.claim(os.getpid())
    with pytest.raises(RuntimeError):
        tally.claim(os.getpid())
    tally.close()


@pytest.mark.parametrize("epoch", [31, 5000, (1 << 24) - 1, 1 << 24, (1 << 24) + 7, (1 << 24) + 30])
def test_only_this_window_and_this_use_are_summed(epoch):
    """Also when the epoch's 24 bits begin anew, once in 388 days."""
    tally = Tally()
    tally.back(1)
    ring = slot_begin(0)
    for age in range(WINDOW + 1):
        tally.words[ring + (epoch - age) % RING] = tag(9, epoch - age) << 32 | 1 << age % 20
    expected = sum(1 << age % 20 for age in range(1, WINDOW))
    assert tally.closed(ring, 9, epoch) == expected
    assert sum(tally.by_bucket([ring], 9, epoch)) == expected + 1
    assert tally.closed(ring, 8, epoch) == tally.closed(ring, 10, epoch) == 0
    assert tally.closed(ring, 9, epoch + RING) == 0
    tally.words[ring + (epoch - 1) % RING] = tag(255, epoch - 1) << 32 | COUNT
    assert tally.closed(ring, 255, epoch) == COUNT
    tally.close()


def test_room_on_the_disk_is_made_before_it_is_used(path):
    tally = Tally(path)
    before = path.stat().st_blocks
    assert tally.back(3) == 3
    assert path.stat().st_blocks * 512 >= before * 512 + 3 * shape.SLOT * 8
    assert tally.back(1) == 3
    tally.close()


def test_a_full_disk_gives_no_more_slots_and_stops_nobody(path, monkeypatch):
    tally = Tally(path)
    tally.back(1)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shape.os, "posix_fallocate", full)
    assert tally.back(5) == 1
    tally.close()


def test_what_an_earlier_boot_left_is_wiped(path, monkeypatch):
    tally = Tally(path)
    tally.back(1)
    tally.words[slot_begin(0)] = tag(1, 50) << 32 | 9
    tally.close()
    assert Tally(path).words[slot_begin(0)] != 0
    monkeypatch.setattr(shape, "_boot", lambda: 12345)
    later = Tally(path)
    assert later.words[slot_begin(0)] == 0
    assert later.joined == 0
    later.close()


def test_a_torn_file_is_made_anew(path):
    path.write_bytes(b"x" * 100)
    assert Tally(path).joined == 0


def test_only_the_owner_reads_it(path):
    Tally(path).close()
    assert path.stat().st_mode & 0o077 == 0


def test_what_is_used_now_is_read_over_all_workers():
    tally = Tally()
    tally.back(1)
    for count in (2, 3):
        seat = tally.claim(os.getpid())
        seat.used(100)
        at = slot_begin(0) + seat.offset
        tally.words[at + 100 % RING] = tag(4, 100) << 32 | count
        tally.words[at + RING + 99 % RING] = tag(4, 99) << 32 | 10 * count
        tally.words[at + CALLS] = 4 << 32 | count
    assert tally.usage(0, 4, lambda: 100 * BUCKET_NS) == (5, 50, 5)
    assert tally.usage(0, 5, lambda: 100 * BUCKET_NS) == (0, 0, 0)
    assert tally.usage(0, 4, lambda: 140 * BUCKET_NS) == (0, 0, 5)
    tally.close()
