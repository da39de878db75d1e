import os
import re
import subprocess
import sys
import threading

import pytest

from volano.core.errors import UnavailableError
from volano.traces import Begin, Call, Kind, Spool, encode
from volano.traces.errors import FrameTooLargeError, SpoolClosedError, SpoolFullError
from volano.traces.frame import HEADER_BYTES, decode_begin, decode_call, header, parse_header
from volano.traces.segment import Gap, Segment, segment_paths


def read_all(folder, *, dead=True):
    payloads, gaps = [], []
    for path in segment_paths(folder):
        segment = Segment(path)
        reading = segment.read(0, dead=dead)
        payloads += [frame.payload for frame in reading.frames]
        gaps += reading.gaps
        segment.close()
    return payloads, gaps


def only(folder):
    (path,) = segment_paths(folder)
    return path


def test_what_is_appended_is_read_back_in_order(tmp_path):
    with Spool(tmp_path, "worker-1") as spool:
        for n in range(100):
            spool.append(Kind.CALL, b"%d" % n * n)
    payloads, gaps = read_all(tmp_path)
    assert payloads == [b"%d" % n * n for n in range(100)]
    assert gaps == []


def test_calls_and_begins_survive_the_trip_in_any_language():
    call = Call(
        id="a" * 32,
        span_id="b" * 16,
        began_us=1,
        ended_us=2,
        unit="Ügyfél-№7-客户",
        tags={"k": "ő"},
    )
    assert decode_call(encode(call)) == call
    begin = Begin(id="a" * 32, span_id="b" * 16, began_us=1, request=b"\xff\x00")
    assert decode_begin(encode(begin)) == begin


def test_a_segment_is_locked_while_its_writer_lives_and_is_never_seen_unlocked(tmp_path):
    spool = Spool(tmp_path, "w", max_segment_bytes=100)
    segment = Segment(only(tmp_path))
    assert not segment.dead()
    spool.append(Kind.CALL, b"x" * 80)
    spool.append(Kind.CALL, b"x" * 80)
    assert len(segment_paths(tmp_path)) == 2
    assert not segment.dead(), "kept until it is synced"
    spool.sync()
    assert segment.dead()
    newest = Segment(segment_paths(tmp_path)[-1])
    assert newest.life == segment.life == spool.life
    assert not newest.dead()
    spool.close()
    assert newest.dead()


def test_the_lock_ends_with_the_process(tmp_path):
    code = (
        "import sys, os; from pathlib import Path; from volano.traces import Spool\n"
        "s = Spool(Path(sys.argv[1]), 'w'); s.append(1, b'last words'); os.kill(os.getpid(), 9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=os.environ | {"PYTHONPATH": "src"}
    )
    segment = Segment(only(tmp_path))
    assert segment.dead()
    assert [f.payload for f in segment.read(0, dead=True).frames] == [b"last words"]


def test_a_torn_tail_is_waited_for_while_the_writer_lives(tmp_path):
    with Spool(tmp_path, "w") as spool:
        spool.append(Kind.CALL, b"whole")
        path = only(tmp_path)
        frame = path.read_bytes()
        with path.open("ab") as file:
            file.write(frame[:-2])
        segment = Segment(path)
        reading = segment.read(0, dead=False)
        assert (len(reading.frames), reading.gaps, reading.offset) == (1, [], len(frame))
        with path.open("ab") as file:
            file.write(frame[-2:])
        assert [f.payload for f in segment.read(reading.offset, dead=False).frames] == [b"whole"]


def test_a_file_that_shrinks_while_it_is_read_is_looked_at_again(tmp_path, monkeypatch):
    with Spool(tmp_path, "w") as spool:
        spool.append(Kind.CALL, b"x" * 1000)
        segment = Segment(only(tmp_path))
        size = segment.size()
        monkeypatch.setattr(segment, "size", lambda: size + 500)  # the writer took it back since
        whole = segment.read(0, dead=False)
        assert len(whole.frames) == 1
        rest = segment.read(size, dead=False)
        assert (rest.frames, rest.gaps, rest.offset) == ([], [], size)


@pytest.mark.parametrize("cut", [1, HEADER_BYTES - 1, HEADER_BYTES, HEADER_BYTES + 3])
def test_a_torn_tail_of_a_dead_writer_is_a_gap(tmp_path, cut):
    with Spool(tmp_path, "w") as spool:
        spool.append(Kind.CALL, b"whole")
    path = only(tmp_path)
    frame = path.read_bytes()
    path.write_bytes(frame + frame[:cut])
    assert read_all(tmp_path) == ([b"whole"], [Gap(len(frame), len(frame) + cut)])


@pytest.mark.parametrize("at", range(0, HEADER_BYTES + 5, 2))
def test_one_flipped_byte_costs_one_frame(tmp_path, at):
    with Spool(tmp_path, "w") as spool:
        for text in (b"one..", b"two..", b"three"):
            spool.append(Kind.CALL, text)
    path = only(tmp_path)
    data = bytearray(path.read_bytes())
    size = HEADER_BYTES + 5
    data[size + at] ^= 0x40
    path.write_bytes(data)
    assert read_all(tmp_path) == ([b"one..", b"three"], [Gap(size, 2 * size)])


def test_a_frame_inside_a_body_never_passes_for_one(tmp_path):
    forged = header(Kind.CALL, b"forged", 0) + b"forged"
    with Spool(tmp_path, "w") as spool:
        spool.append(Kind.CALL, b"abc" + forged + b"VF" * 1000)
        spool.append(Kind.CALL, b"honest")
    path = only(tmp_path)
    data = bytearray(path.read_bytes())
    data[0] ^= 1
    path.write_bytes(data)
    assert read_all(tmp_path)[0] == [b"honest"]
    assert parse_header(forged, 0, 0) is not None, "with the right seed it would have passed"


def test_a_frame_larger_than_the_reading_buffer_is_read(tmp_path):
    with Spool(tmp_path, "w") as spool:
        for size in (10, 100_000, 20):
            spool.append(Kind.CALL, b"x" * size)
    segment, offset, sizes = Segment(only(tmp_path)), 0, []
    while not (reading := segment.read(offset, dead=True, max_bytes=64)).drained:
        sizes += [len(f.payload) for f in reading.frames]
        offset = reading.offset
    assert sizes + [len(f.payload) for f in reading.frames] == [10, 100_000, 20]


def test_a_large_frame_brings_no_more_than_itself_into_memory(tmp_path):
    with Spool(tmp_path, "w") as spool:
        for size in (1000, *[100] * 500):
            spool.append(Kind.CALL, b"x" * size)
    reading = Segment(only(tmp_path)).read(0, dead=True, max_bytes=64)
    assert len(reading.frames) < 20, "not the rest of the segment with it"


def test_a_full_folder_refuses_and_takes_calls_again_when_it_was_drained(tmp_path):
    spool = Spool(tmp_path, "w", max_total_bytes=200_000)
    taken = 0
    with pytest.raises(SpoolFullError, match=re.escape(str(tmp_path))) as raised:
        for _ in range(10_000):
            spool.append(Kind.CALL, b"x" * 1000)
            taken += 1
    assert raised.value.advice
    assert 150 < taken < 200
    spool.sync()
    drained = [path for path in segment_paths(tmp_path) if Segment(path).dead()]
    assert drained, "the full segment was given up, so that it can be deleted"
    assert len(read_all(tmp_path)[0]) == taken
    for path in drained:
        path.unlink()
    spool._look_again_s = 0.0
    spool.append(Kind.CALL, b"x" * 1000)


def test_a_frame_larger_than_the_measuring_step_is_taken(tmp_path):
    with Spool(tmp_path, "w", max_total_bytes=1 << 20, max_segment_bytes=1000) as spool:
        spool.append(Kind.CALL, b"x" * 500_000)
    assert [len(p) for p in read_all(tmp_path)[0]] == [500_000]


def test_many_frames_of_one_write_are_read_back_in_order(tmp_path):
    texts = [b"%d" % n * (n % 7) for n in range(1500)]  # more than one writev takes
    with Spool(tmp_path, "w", max_segment_bytes=20_000) as spool:
        spool.append(Kind.CALL, b"first")
        spool.append_all(Kind.CALL, texts)
        spool.append_all(Kind.CALL, texts[:3])
        spool.append_all(Kind.CALL, [])
    assert read_all(tmp_path) == ([b"first", *texts, *texts[:3]], [])


def test_of_frames_written_together_all_stay_or_none(tmp_path):
    """RLIMIT_FSIZE lets the kernel write a part of them only."""
    code = """
import resource, signal, sys
from pathlib import Path
from volano.traces import Spool
from volano.traces.errors import SpoolFullError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, resource.RLIM_INFINITY))
spool = Spool(Path(sys.argv[1]), "w")
spool.append_all(1, [b"a" * 500, b"b" * 500])
try: spool.append_all(1, [b"c" * 500, b"d" * 500, b"e" * 500])
except SpoolFullError: print("full")
spool.append(1, b"f" * 500)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "full\n", done.stderr
    payloads, gaps = read_all(tmp_path)
    assert [p[:1] for p in payloads] == [b"a", b"b", b"f"]
    assert gaps == []


def test_a_half_written_frame_is_taken_back_when_the_disk_is_full(tmp_path):
    """RLIMIT_FSIZE makes the kernel write a part and then refuse, as a full disk does."""
    code = """
import resource, signal, sys
from pathlib import Path
from volano.traces import Spool
from volano.traces.errors import SpoolFullError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2500, resource.RLIM_INFINITY))
spool = Spool(Path(sys.argv[1]), "w")
spool.append(1, b"a" * 1000); spool.append(1, b"b" * 1000)
for _ in range(3):
    try: spool.append(1, b"c" * 1000)
    except SpoolFullError: print("full")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.append(1, b"d" * 1000)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "full\n" * 3, done.stderr
    payloads, gaps = read_all(tmp_path)
    assert [p[:1] for p in payloads] == [b"a", b"b", b"d"]
    assert gaps == []


def test_too_large_and_closed_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr("volano.traces.spool.MAX_PAYLOAD_BYTES", 10)
    spool = Spool(tmp_path, "w", max_segment_bytes=5)
    with pytest.raises(FrameTooLargeError):
        spool.append(Kind.CALL, b"x" * 11)
    spool.close()
    spool.close()
    with pytest.raises(SpoolClosedError):
        spool.append(Kind.CALL, b"x")


def test_a_failing_disk_is_said_and_the_next_record_goes_to_a_new_file(tmp_path, monkeypatch):
    spool = Spool(tmp_path, "w")
    spool.append(Kind.FEEDBACK, b"one")

    def fail(fd):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", fail)
        with pytest.raises(UnavailableError, match="Input/output error"):
            spool.sync()
    spool.append(Kind.FEEDBACK, b"two")
    spool.close()
    assert len(segment_paths(tmp_path)) == 2
    assert read_all(tmp_path)[0] == [b"one", b"two"]


def test_threads_share_one_spool(tmp_path):
    spool = Spool(tmp_path, "w", max_segment_bytes=5_000, fsync_every_s=0.001)
    spool.start_syncing()

    def write(name):
        for n in range(200):
            spool.append(Kind.FEEDBACK, f"{name}:{n}".encode())
            if n % 50 == 0:
                spool.sync()

    threads = [threading.Thread(target=write, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.close()
    payloads, gaps = read_all(tmp_path)
    assert sorted(payloads) == sorted(f"{i}:{n}".encode() for i in range(4) for n in range(200))
    assert gaps == []
