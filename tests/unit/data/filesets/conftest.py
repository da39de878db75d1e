import pytest

from volano.core.clock import ManualClock, SystemClock
from volano.data.filesets import Filesets
from volano.store import Blobs, Catalog, Ledger


@pytest.fixture
def catalog(sqlite, tmp_path):
    clock = ManualClock()
    return Catalog(sqlite, Blobs(tmp_path / "blobs", sqlite), Ledger(sqlite, clock), clock)


@pytest.fixture
def later():
    """The hour after this one: nothing was written right before it."""

    class Later(SystemClock):
        def now_us(self):
            return super().now_us() + 3_600_000_000

    return Later()


@pytest.fixture
def filesets(catalog, tmp_path, later):
    return Filesets(catalog, tmp_path / "cache", later)


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "képek"
    (folder / "ű" / "深い").mkdir(parents=True)
    (folder / "void").mkdir()
    (folder / "a.txt").write_bytes(b"a\r\n")
    (folder / "same.txt").write_bytes(b"a\r\n")
    (folder / "empty").write_bytes(b"")
    (folder / "ű" / "深い" / "Привет, Welt\n.bin").write_bytes(bytes(range(256)))
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("./ű//深い")
    return folder
