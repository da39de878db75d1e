"""Blobs: durable, checked, kept once; and what happens when the disk lies."""

import os
import random
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import databases
from volano.core.digest import BadDigestError, Digest
from volano.store import Blobs, Database, pack
from volano.store.errors import (
    CorruptBlobError,
    MissingBlobError,
    SourceChangedError,
    UnreadableSourceError,
)

NOISE = random.Random(7).randbytes(9 * 1024 * 1024)


def packs(blobs: Blobs) -> list[Path]:
    return sorted(blobs.folder.glob("*.pack"))


def leftovers(blobs: Blobs) -> list[Path]:
    return sorted(blobs.folder.glob(".tmp-*"))


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(items=st.lists(st.binary(max_size=300), max_size=6))
def test_what_is_put_comes_back(blobs: Blobs, items: list[bytes]) -> None:
    digests = blobs.put_many(items)
    assert digests == [Digest.of(item) for item in items]
    assert [blobs.get(digest) for digest in digests] == items


def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    blobs.put_many([b"a", b"b", b"a"])
    blobs.put(b"b")
    assert len(packs(blobs)) == 1
    assert len(list(pack.scan(packs(blobs)[0]))) == 2


def test_text_is_compressed_and_noise_is_not(blobs: Blobs) -> None:
    blobs.put_many([b"hello " * 1000, NOISE[:5000]])
    codecs = {place.size: (place.codec, place.stored) for place in pack.scan(packs(blobs)[0])}
    assert codecs[6000][0] == pack.ZSTD
    assert codecs[6000][1] < 100
    assert codecs[5000] == (pack.RAW, 5000)


def test_works_on_both_databases(database: Database, tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs", database)
    digest = blobs.put("árvíztűrő".encode())
    assert blobs.get(digest).decode() == "árvíztűrő"
    assert blobs.rebuild_index()
    assert blobs.has(digest)
    assert blobs.put(b"new") != digest


@pytest.mark.parametrize("data", [b"", b"small", b"line of text\n" * 800_000, NOISE])
def test_files_are_kept_and_checked_out(blobs: Blobs, tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(data)
    digest = blobs.put_file(source)
    assert digest == Digest.of(data)
    assert blobs.size(digest) == len(data)
    assert blobs.checkout(digest, tmp_path / "new folder" / "out").read_bytes() == data
    assert all(len(part) <= pack.FRAME_BYTES for part in blobs.stream(digest))
    assert blobs.verify()


def test_a_checkout_that_is_there_is_left_alone(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.put(b"weights")
    out = blobs.checkout(digest, tmp_path / "out")
    before = out.stat().st_ino
    assert blobs.checkout(digest, out).stat().st_ino == before
    out.write_bytes(b"changed")
    assert blobs.checkout(digest, out).read_bytes() == b"weights"


def test_a_source_that_is_missing_or_no_file(blobs: Blobs, tmp_path: Path) -> None:
    for path in (tmp_path / "nothing", tmp_path):
        with pytest.raises(UnreadableSourceError, match=path.name):
            blobs.put_file(path)


def test_a_source_that_changes_meanwhile_is_refused(blobs: Blobs, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"before")
    with source.open("rb") as file, pytest.raises(SourceChangedError):
        blobs._write_large(file, Digest.of(b"something else"), source)
    assert packs(blobs) == []
    assert leftovers(blobs) == []


def test_missing_bytes_are_told(blobs: Blobs) -> None:
    with pytest.raises(MissingBlobError) as caught:
        blobs.get(Digest.of(b"never put"))
    assert "backup" in caught.value.advice
    with pytest.raises(BadDigestError):
        blobs.get("../../etc/passwd")


def test_a_pack_that_is_gone_is_told(blobs: Blobs) -> None:
    digest = blobs.put(b"x")
    packs(blobs)[0].unlink()
    with pytest.raises(MissingBlobError, match="is gone"):
        blobs.get(digest)
    assert [bad for bad, _ in blobs.verify().bad] == [digest]


@pytest.mark.parametrize("data", [b"text " * 100, NOISE[:500]])
def test_no_flipped_byte_passes(blobs: Blobs, data: bytes) -> None:
    digest = blobs.put(data)
    path = packs(blobs)[0]
    good = path.read_bytes()
    for place in range(len(pack.MAGIC), len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        try:
            assert blobs.get(digest) == data  # a bit of the frame that zstd itself ignores
        except CorruptBlobError as error:
            assert error.facts["digest"] == digest
            assert "backup" in error.advice
    path.write_bytes(good)
    assert blobs.get(digest) == data


@pytest.mark.parametrize("data", [b"text " * 100, NOISE[:500]])
def test_no_cut_file_passes(blobs: Blobs, data: bytes) -> None:
    digest = blobs.put(data)
    path = packs(blobs)[0]
    good = path.read_bytes()
    for end in range(len(good)):
        path.write_bytes(good[:end])
        with pytest.raises(CorruptBlobError):
            blobs.get(digest)


def test_a_damaged_blob_does_not_reach_a_checkout(blobs: Blobs, tmp_path: Path) -> None:
    digest = blobs.put(NOISE)
    path = packs(blobs)[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(CorruptBlobError):
        blobs.checkout(digest, tmp_path / "out" / "file")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_index_is_made_anew_from_the_packs(blobs: Blobs) -> None:
    digests = blobs.put_many([b"a" * 1000, b"b", b""])
    blobs.put(b"c")
    with blobs._db.write() as conn:
        conn.exec_driver_sql("DELETE FROM blobs")
    assert not blobs.has(digests[0])
    scan = blobs.rebuild_index()
    assert (bool(scan), scan.blobs, scan.packs) == (True, 4, 2)
    assert blobs.get(digests[0]) == b"a" * 1000


def test_a_torn_tail_costs_only_the_last_blob(blobs: Blobs) -> None:
    first, second = blobs.put_many([b"first" * 50, b"second" * 50])
    path = packs(blobs)[0]
    path.write_bytes(path.read_bytes()[:-3])
    scan = blobs.rebuild_index()
    assert blobs.get(first) == b"first" * 50
    assert not blobs.has(second)
    assert scan.bad == ((path.name, "its tail is torn or damaged"),)


def test_a_damaged_blob_leaves_the_index_and_can_be_put_again(blobs: Blobs) -> None:
    first, second = blobs.put_many([NOISE[:100], NOISE[100:300]])
    path = packs(blobs)[0]
    data = bytearray(path.read_bytes())
    data[len(pack.MAGIC) + pack.HEADER_BYTES + 5] ^= 1
    path.write_bytes(data)
    assert [bad for bad, _ in blobs.rebuild_index().bad] == [first]
    assert blobs.get(second) == NOISE[100:300]
    blobs.put(NOISE[:100])
    assert blobs.get(first) == NOISE[:100]
    assert blobs.get(first) == NOISE[:100]


def test_a_strange_file_among_the_packs_does_no_harm(blobs: Blobs) -> None:
    digest = blobs.put(b"x")
    (blobs.folder / "zzz.pack").write_bytes(b"PK\x03\x04 something else")
    (blobs.folder / "empty.pack").write_bytes(b"")
    scan = blobs.rebuild_index()
    assert {name for name, _ in scan.bad} == {"zzz.pack", "empty.pack"}
    assert blobs.get(digest) == b"x"


def test_a_codec_of_a_later_volano_is_named(blobs: Blobs) -> None:
    digest = blobs.put(b"x")
    path = packs(blobs)[0]
    place = next(pack.scan(path))
    later = pack.Place(digest, place.pack, place.offset, place.stored, place.size, 9)
    path.write_bytes(pack.MAGIC + pack.header(later) + b"x")
    assert "codec 9" in blobs.rebuild_index().bad[0][1]


def test_a_blob_that_unpacks_to_more_than_it_says_is_cut_off(blobs: Blobs) -> None:
    digest = blobs.put(b"0" * 50_000_000)
    path = packs(blobs)[0]
    place = next(pack.scan(path))
    payload = path.read_bytes()[place.offset + pack.HEADER_BYTES :]
    bomb = pack.Place(digest, place.pack, place.offset, place.stored, 10, place.codec)
    path.write_bytes(pack.MAGIC + pack.header(bomb) + payload)
    frames = pack.frames(blobs.folder, bomb)
    with pytest.raises(CorruptBlobError, match="more bytes"):
        next(frames)


def test_the_pack_format_is_what_its_description_says(blobs: Blobs) -> None:
    digest = blobs.put(b"abc")
    data = packs(blobs)[0].read_bytes()
    assert data[:8] == b"VPACK\x01\0\0"
    magic, codec, zero, name, size, stored = struct.unpack(">2sBB32sQQ", data[8:60])
    assert (magic, codec, zero, size, stored) == (b"VB", 0, 0, 3, 3)
    assert name.hex() == digest.hex
    assert data[64:] == b"abc"


def test_leftovers_of_the_dead_are_swept_and_of_the_living_not(
    blobs: Blobs, sqlite: Database
) -> None:
    (blobs.folder / ".tmp-dead").write_bytes(b"half")
    with pack.new_file(blobs.folder / "alive.pack") as file:
        file.write(pack.MAGIC)
        Blobs(blobs.folder, sqlite)
        assert len(leftovers(blobs)) == 1
        assert leftovers(blobs)[0].name != ".tmp-dead"
    assert (blobs.folder / "alive.pack").read_bytes() == pack.MAGIC


PUTTING = """
import sys
from support.databases import sqlite_url
from pathlib import Path
from volano.store import Blobs, Database
folder = Path(sys.argv[1])
blobs = Blobs(folder / "blobs", Database(sqlite_url(folder)))
number = 0
while True:
    number += 1
    digest = blobs.put(str(number).encode() * 100)
    print(digest, flush=True)
"""


def child(script: str, folder: Path, **settings: object) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", script, str(folder)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True, **settings)


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_killed_writer_loses_nothing_it_promised(
    sqlite: Database, tmp_path: Path, after: int
) -> None:
    with child(PUTTING, tmp_path) as process:
        promised = [process.stdout.readline().strip() for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        promised += process.stdout.read().split()
    blobs = Blobs(tmp_path / "blobs", sqlite)
    assert leftovers(blobs) == []
    assert blobs.verify()
    for digest in promised:
        assert Digest.of(blobs.get(digest)) == digest
    assert blobs.rebuild_index()
    assert all(map(blobs.has, promised))


FULL = """
import resource, sys
from pathlib import Path
from support.databases import sqlite_url
from volano.store import Blobs, Database
from volano.store.errors import DiskFullError
folder = Path(sys.argv[1])
blobs = Blobs(folder / "blobs", Database(sqlite_url(folder)))
noise = Path(sys.argv[1], "noise").read_bytes()
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
for put in (lambda: blobs.put(noise), lambda: blobs.put_file(folder / "noise")):
    try:
        put()
    except DiskFullError as error:
        print(error.message, "|", error.advice)
print(blobs.put(b"small"))
"""


def test_no_room_is_said_and_leaves_nothing(sqlite: Database, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(NOISE[:1_000_000])
    with child(FULL, tmp_path) as process:
        lines = process.stdout.read().splitlines()
    assert len(lines) == 3
    assert all("no room" in line and "Free some space" in line for line in lines[:2])
    blobs = Blobs(tmp_path / "blobs", sqlite)
    assert [place.digest for path in packs(blobs) for place in pack.scan(path)] == [lines[2]]
    assert not blobs.has(Digest.of(NOISE[:1_000_000]))


def test_two_processes_may_put_the_same_bytes(sqlite: Database, tmp_path: Path) -> None:
    one, other = Blobs(tmp_path / "b", sqlite), Blobs(tmp_path / "b", sqlite)
    places = one._write_small({Digest.of(b"x"): b"x"}), other._write_small({Digest.of(b"x"): b"x"})
    for blobs, place in zip((one, other), places, strict=True):
        blobs._index(place)
    assert one.get(Digest.of(b"x")) == b"x"
    assert one.rebuild_index().blobs == 1


def test_the_folder_is_private(tmp_path: Path) -> None:
    with databases.opened(databases.sqlite_url(tmp_path)) as db:
        blobs = Blobs(tmp_path / "fresh", db)
        blobs.put(b"x")
    assert blobs.folder.stat().st_mode & 0o077 == 0
    assert packs(blobs)[0].stat().st_mode & 0o077 == 0


def test_what_is_put_while_the_index_is_rebuilt_stays_in_it(blobs: Blobs, monkeypatch) -> None:
    first = blobs.put(b"first")
    scan, late = pack.scan, []

    def scan_slowly(path):
        if not late:
            late.append(blobs.put(b"put meanwhile"))
        return scan(path)

    monkeypatch.setattr(pack, "scan", scan_slowly)
    assert blobs.rebuild_index()
    assert blobs.get(first) == b"first"
    assert blobs.get(late[0]) == b"put meanwhile"


def test_rows_of_packs_that_are_gone_leave_the_index(blobs: Blobs) -> None:
    digest = blobs.put(b"gone")
    packs(blobs)[0].unlink()
    assert blobs.rebuild_index().blobs == 0
    assert blobs.lacking([digest]) == [digest]


def test_some_are_all_when_they_are_small_and_never_none(blobs: Blobs) -> None:
    assert blobs.some(100) == ([], 0)
    digests = blobs.put_many([b"a" * 60, b"b" * 60, b"c" * 60])
    chosen, count = blobs.some(180)
    assert (set(chosen), count) == (set(digests), 3)
    for room in (1, 60, 119):
        assert len(blobs.some(room)[0]) == 1
    assert len(blobs.some(120)[0]) == 2
