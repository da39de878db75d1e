"""Garbage goes, and nothing else: not while somebody writes, and whoever is killed meanwhile."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import update

from volano.core.clock import Clock, ManualClock, SystemClock
from volano.core.digest import Digest
from volano.core.manifest import File
from volano.core.ports.follow import Named
from volano.core.principal import Principal
from volano.store import Blobs, Catalog, Database, Ledger, garbage, pack, session
from volano.store.errors import (
    BadHoldReasonError,
    BusyFolderError,
    NoArtifactHoldError,
    UnreachedError,
)
from volano.store.garbage import Garbage
from volano.store.tables import artifacts

ANNA = Principal("person", "anna")
TREE = ".names"


def follow(data: bytes) -> Named:
    kind, _, names = data.decode().partition("\n")
    return Named(**{kind: names.split()})


class Store:
    def __init__(self, folder: Path, db: Database, clock: Clock | None = None):
        self.clock = clock or ManualClock()
        self.db = db
        self.ledger = Ledger(db, self.clock)
        self.blobs = Blobs(folder / "blobs", db, self.clock)
        self.catalog = Catalog(db, self.blobs, self.ledger, self.clock, {TREE: follow})
        self.garbage = Garbage(
            db=db, catalog=self.catalog, blobs=self.blobs, ledger=self.ledger, clock=self.clock
        )

    def collect(self, grace: int = 0, **more: bool) -> dict:
        return self.garbage.collect(grace_minutes=grace, **more, by=ANNA)

    def record(self, name: str, *data: bytes):
        files = {f"f{n}": one for n, one in enumerate(data)}
        return self.catalog.record("thing", name, files=files, by=ANNA)

    def packs(self) -> list[Path]:
        return sorted(self.blobs.folder.glob("*.pack"))


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return Store(tmp_path, database)


def noise(seed: int, size: int = 4000) -> bytes:
    return random.Random(seed).randbytes(size)


def test_what_no_artifact_names_goes_once_it_is_old_enough(store: Store) -> None:
    store.record("kept", noise(1))
    lost = store.blobs.put_many([noise(2), noise(3)])
    store.clock.advance(59 * 60)
    assert store.collect(grace=60) | {"writers": 0} == {
        "blobs": 0, "bytes": 0, "packs": 0, "rewritten": 0, "freed_bytes": 0,
        "kept_young": 2, "writers": 0, "dry_run": False,
    }  # fmt: skip
    store.clock.advance(120)
    done = store.collect(grace=60)
    assert (done["blobs"], done["packs"], done["kept_young"]) == (2, 1, 0)
    assert store.blobs.lacking(lost) == lost
    assert store.catalog.verify_blobs(all=True) == {"blobs": 1, "checked": 1, "problems": []}
    assert store.ledger.list(limit=1)[0].verb == "collect"
    assert store.collect()["packs"] == 0


def test_what_files_name_is_followed_to_any_depth(store: Store) -> None:
    ends = store.blobs.put_many([noise(n) for n in range(3)])
    low = store.blobs.put(b"ends\n" + " ".join(ends).encode())
    top = store.blobs.put(b"pages\n" + str(low).encode())
    made = store.catalog.record("thing", "a", files={"x" + TREE: File(top, 9)}, by=ANNA)
    store.clock.advance(10)
    assert store.collect()["blobs"] == 0
    assert store.catalog.verify(made) == []
    assert set(store.catalog.named()) == {top, low, *ends}
    store.blobs.folder.joinpath(store.blobs._place(ends[1]).pack).unlink()
    assert len(store.catalog.verify(made)) == 3


def test_a_pack_that_is_mostly_dead_is_written_anew(store: Store) -> None:
    kept = store.blobs.put_many([noise(n) for n in range(10)])
    store.record("a", noise(3), noise(7))
    [old] = store.packs()
    store.clock.advance(1)
    with store.blobs.folder.joinpath(old.name).open("rb") as reader:
        done = store.collect()
        assert (done["blobs"], done["rewritten"], done["freed_bytes"] > 30_000) == (8, 1, True)
        assert reader.read(5) == b"VPACK"
    assert old not in store.packs()
    assert [store.blobs.get(kept[n]) for n in (3, 7)] == [noise(3), noise(7)]
    assert store.blobs.rebuild_index().blobs == 2


def test_a_reader_finds_a_blob_that_moved(store: Store) -> None:
    store.blobs.put_many([noise(n) for n in range(10)])
    made = store.record("a", noise(5))
    digest = made.manifest.files["f0"].digest
    stale = store.blobs._places([digest])
    store.clock.advance(1)
    store.collect()
    reader = store.blobs.read_each([digest])
    assert store.blobs._read(session_reader(store), digest, stale) == noise(5)
    assert [data for _, data in reader] == [noise(5)]


def session_reader(store: Store):
    from volano.store.reader import PackReader

    return PackReader(store.blobs.folder)


def test_a_session_keeps_what_was_put_and_what_was_relied_on(store: Store) -> None:
    old = store.blobs.put(noise(1))
    store.clock.advance(1)
    with store.blobs.session() as writing:
        store.clock.advance(100_000)
        digests = store.blobs.put_many([noise(1), noise(2)], session=writing)
        store.clock.advance(100_000)
        done = store.collect()
        assert (done["blobs"], done["kept_young"], done["writers"]) == (0, 2, 1)
        store.catalog.record("thing", "a", files={"x": File(old, 1)}, by=ANNA)
    assert store.collect()["blobs"] == 1
    assert store.blobs.lacking(digests) == [digests[1]]


def test_what_goes_between_a_writers_look_and_its_lock_is_written_again(
    store: Store, monkeypatch
) -> None:
    digest = store.blobs.put(noise(1))
    store.clock.advance(10)
    known = store.blobs._known

    def slowly(digests):
        found = known(digests)
        monkeypatch.setattr(store.blobs, "_known", known)
        monkeypatch.setattr(garbage, "living", lambda _: [])
        store.collect()
        return found

    monkeypatch.setattr(store.blobs, "_known", slowly)
    assert store.blobs.put(noise(1)) == digest
    assert store.blobs.get(digest) == noise(1)


def test_a_file_goes_too_and_is_put_again(store: Store, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(noise(1, 50_000))
    digest = store.blobs.put_file(tmp_path / "w")
    store.clock.advance(10)
    assert store.collect()["packs"] == 1
    assert store.blobs.put_file(tmp_path / "w") == digest
    assert store.blobs.get(digest) == noise(1, 50_000)


def test_nothing_goes_where_it_cannot_be_known_what_is_needed(store: Store) -> None:
    made = store.record("a", noise(1))
    store.blobs.put(noise(2))
    store.clock.advance(10)
    with store.db.write() as conn:
        conn.execute(update(artifacts).values(manifest=b"{}"))
    with pytest.raises(UnreachedError, match="thing/a@1"):
        store.collect()
    with store.db.write() as conn:
        conn.execute(update(artifacts).values(manifest=made.manifest.to_bytes()))
        conn.exec_driver_sql("DELETE FROM blobs")
    with pytest.raises(UnreachedError) as caught:
        store.collect()
    assert "audit reindex" in caught.value.advice
    assert len(store.packs()) == 2


def test_only_one_collects_at_a_time(store: Store) -> None:
    with session.alone(store.blobs.folder):
        with pytest.raises(BusyFolderError):
            store.collect()
        with pytest.raises(BusyFolderError):
            store.blobs.rebuild_index()
    store.collect()


def test_a_torn_pack_is_left_as_it_is(store: Store) -> None:
    store.blobs.put_many([noise(n) for n in range(10)])
    store.record("a", noise(9))
    [path] = store.packs()
    path.write_bytes(path.read_bytes()[:-10])
    store.clock.advance(1)
    assert store.collect()["rewritten"] == 0
    assert store.packs() == [path]


def test_holds_need_a_reason_and_end(store: Store) -> None:
    store.record("a", b"x")
    with pytest.raises(BadHoldReasonError):
        store.garbage.hold("a", reason=" ", by=ANNA)
    hold = store.garbage.hold("thing/a@1", reason="Prüfung", by=ANNA)
    assert store.garbage.holds() == [hold]
    assert store.garbage.unhold(hold.id, by=ANNA) == hold
    with pytest.raises(NoArtifactHoldError):
        store.garbage.unhold(hold.id, by=ANNA)
    assert [event.verb for event in store.ledger.list(limit=2)] == ["unhold", "hold"]


WRITING = """
import random, sys
from pathlib import Path
from support.databases import sqlite_url
from volano.core.clock import SystemClock
from volano.core.manifest import File
from volano.core.principal import SYSTEM
from volano.store import Blobs, Catalog, Database, Ledger
folder = Path(sys.argv[1])
db = Database(sqlite_url(folder))
clock = SystemClock()
blobs = Blobs(folder / "blobs", db, clock)
catalog = Catalog(db, blobs, Ledger(db, clock), clock)
for number in range(int(sys.argv[2])):
    with blobs.session() as session:
        same = [random.Random(n).randbytes(2000) for n in range(5)]
        data = [*same, random.Random(1000 + number).randbytes(2000)]
        digests = blobs.put_many(data[:3], session=session)
        print("put", flush=True)
        digests += blobs.put_many(data[3:], session=session)
        files = {f"f{n}": File(digest, 2000) for n, digest in enumerate(digests)}
        if number % 2:
            catalog.record("thing", f"a{number}", files=files, by=SYSTEM)
print("done", flush=True)
"""


def writer(folder: Path, times: int) -> subprocess.Popen[str]:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", WRITING, str(folder), str(times)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def real(folder: Path, sqlite: Database) -> Store:
    store = Store(folder, sqlite)
    store.clock.set(0)
    return store


def test_a_collector_beside_a_writer_takes_nothing_that_is_recorded(
    sqlite: Database, tmp_path: Path
) -> None:
    store = Store(
        tmp_path, sqlite, SystemClock()
    )  # the writer's: a session may begin after the look
    went = 0
    with writer(tmp_path, 30) as process:
        while process.stdout.readline() == "put\n":
            went += store.collect()["blobs"]
        assert process.wait() == 0
    store.collect()
    made = store.catalog.list(limit=100)
    assert len(made) == 15
    for one in made:
        assert store.catalog.verify(one) == []
    assert store.blobs.verify().blobs == 5 + 15
    assert went >= 0


def test_a_killed_writer_leaves_no_byte_behind_after_a_collection(
    sqlite: Database, tmp_path: Path
) -> None:
    store = Store(tmp_path, sqlite)
    store.clock.set((2**52 - store.clock.now_us()) / 1e6)
    with writer(tmp_path, 100_000) as process:
        for _ in range(7):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    (store.blobs.folder / f"{'ab' * 16}.pack").write_bytes(pack.MAGIC + b"unindexed")
    store.collect(compact=True)
    named = set(store.catalog.named())
    places = [place for path in store.packs() for place in pack.scan(path)]
    assert {str(place.digest) for place in places} == named
    assert len(places) == len(named)
    for path in store.packs():
        assert pack.end_of(list(pack.scan(path))) == path.stat().st_size
    assert store.blobs.verify().blobs == len(named)
    assert not list(store.blobs.folder.glob(".session-*"))
    assert not list(store.blobs.folder.glob(".tmp-*"))


@pytest.mark.parametrize("at", ["index", "rename", "update"])
def test_a_collector_that_is_killed_leaves_all_that_is_needed(
    store: Store, monkeypatch, at: str
) -> None:
    kept = noise(3)
    store.blobs.put_many([noise(n) for n in range(10)])
    store.record("a", kept)
    store.clock.advance(1)

    class KilledError(BaseException):
        pass

    def die(*_args, **_more):
        raise KilledError

    if at == "index":
        monkeypatch.setattr(Garbage, "_sweep_packs", die)
    elif at == "rename":
        monkeypatch.setattr(garbage, "bindparam", die)
    else:
        monkeypatch.setattr(Path, "unlink", die)
    with pytest.raises(KilledError):
        store.collect()
    monkeypatch.undo()
    digest = Digest.of(kept)
    assert store.blobs.get(digest) == kept
    store.collect()
    assert store.blobs.get(digest) == kept
    assert len(store.packs()) == 1
    assert store.packs()[0].stat().st_size < 5000
