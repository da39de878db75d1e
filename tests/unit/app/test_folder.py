"""The state folder: private, and with short paths for sockets wherever it lies."""

import os
import shutil
import socket
import stat
from pathlib import Path

import pytest

from volano.app import folder as folders
from volano.settings import load


@pytest.fixture(autouse=True)
def short(tmp_path, monkeypatch):
    """A temporary folder with a short path, as /tmp is one."""
    made = f"/tmp/vt-{os.urandom(4).hex()}"
    Path(made).mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", made)
    yield made
    shutil.rmtree(made)


def deep(tmp_path):
    home = tmp_path / ("tief" * 20) / ("mély" * 10)
    home.mkdir(parents=True)
    return home


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def can_listen(folder):
    with socket.socket(socket.AF_UNIX) as probe:
        path = folder.resolve() / "engine-0123456789ab.sock"
        probe.bind(str(path))
        path.unlink()


def test_it_is_its_owners_alone(tmp_path):
    settings = load(tmp_path)
    folders.make(settings)
    settings.folder.chmod(0o755)
    folders.make(settings)
    assert mode(settings.folder) == 0o700
    for part in (*folders.PARTS, "run"):
        assert mode(settings.path(part)) == 0o700


def test_deep_folders_have_their_sockets_elsewhere(tmp_path, short):
    settings = load(deep(tmp_path))
    folders.make(settings)
    run = settings.path("run")
    assert run.is_symlink()
    assert str(run.resolve()).startswith(os.path.realpath(short))
    assert mode(run) == 0o700
    can_listen(run)
    before = run.resolve()
    folders.make(settings)
    assert run.resolve() == before


def test_after_the_short_folder_was_cleared_it_is_made_again(tmp_path, short):
    settings = load(deep(tmp_path))
    folders.make(settings)
    shutil.rmtree(settings.path("run").resolve())
    folders.make(settings)
    can_listen(settings.path("run"))


def test_another_temporary_folder_does_not_move_the_sockets(tmp_path, monkeypatch):
    """A second shell with its own TMPDIR must find the sockets of what is running."""
    settings = load(deep(tmp_path))
    folders.make(settings)
    before = settings.path("run").resolve()
    (tmp_path / "t").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    folders.make(settings)
    assert settings.path("run").resolve() == before


def test_a_copy_has_sockets_of_its_own(tmp_path):
    first = load(deep(tmp_path))
    folders.make(first)
    copy = tmp_path / ("copy" * 25)
    shutil.copytree(first.home, copy, symlinks=True)
    second = load(copy)
    folders.make(second)
    assert second.path("run").resolve() != first.path("run").resolve()
    short = load(tmp_path / "c")
    shutil.copytree(first.home, short.home, symlinks=True)
    folders.make(short)
    runs = {one.path("run").resolve() for one in (first, second, short)}
    assert len(runs) == 3


def test_a_folder_that_was_moved_into_the_deep_works(tmp_path):
    small = load(tmp_path / "s")
    small.home.mkdir()
    folders.make(small)
    small.path("run", "state.json").write_text("{}")
    home = deep(tmp_path) / "s"
    small.home.rename(home)
    folders.make(load(home))
    can_listen(load(home).path("run"))


def test_somebody_elses_short_folder_is_not_used(tmp_path, short):
    settings = load(deep(tmp_path))
    folders.make(settings)
    place = settings.path("run").resolve()
    place.rmdir()
    (tmp_path / "trap").mkdir()
    place.symlink_to(tmp_path / "trap")
    with pytest.raises(folders.NoFolderError):
        folders.make(settings)


@pytest.mark.parametrize("what", ["file", "file-inside", "missing-parent"])
def test_a_folder_that_cannot_be_made_is_told(tmp_path, what):
    home = tmp_path / "h"
    if what == "file":
        home.mkdir()
        (home / ".volano").write_text("")
    elif what == "file-inside":
        (home / ".volano").mkdir(parents=True)
        (home / ".volano" / "spool").write_text("")
    else:
        home.write_text("")
    with pytest.raises(folders.NoFolderError) as caught:
        folders.make(load(home))
    assert "--home" in caught.value.advice
