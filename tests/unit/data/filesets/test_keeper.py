"""A folder becomes a version and a folder again; the next look reads only what changed."""

import hashlib
import os
import socket
import sys
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from volano.core.clock import SystemClock
from volano.core.manifest import Manifest
from volano.core.principal import Principal
from volano.data.filesets import Filesets, bundle, errors
from volano.data.filesets.walk import walk
from volano.store.errors import UnknownArtifactError
from volano.store.garbage import Garbage

ANNA = Principal("person", "anna")


def held(folder):
    """What a folder holds: bytes, links as they are, whether it may be executed."""
    found = {}
    for one in walk(folder):
        path = folder / one.path
        if one.mode == "l":
            found[one.path] = os.readlink(path)
        elif one.mode == "d":
            found[one.path] = "folder"
        else:
            found[one.path] = (path.read_bytes(), one.mode)
    return found


def test_a_folder_comes_back_as_it_was(filesets, folder, tmp_path):
    made = filesets.track(folder, name="képek", by=ANNA)
    assert (made.kind, made.ref) == ("fileset", "képek@1")
    counts = made.manifest.meta["counts"]
    assert (counts["files"], counts["links"], counts["folders"]) == (5, 1, 1)
    done = filesets.checkout("képek", tmp_path / "out", by=ANNA)
    assert not done and done.same == 7
    assert held(tmp_path / "out") == held(folder)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert not filesets.status(tmp_path / "out")


def test_small_files_share_a_bundle_and_repeated_bytes_are_kept_once(filesets, folder, catalog):
    made = filesets.track(folder, name="a", by=ANNA)
    assert sorted(made.manifest.files) == ["bundles/000000", "tree"]
    assert made.manifest.files["bundles/000000"].size == 3 + 256 + len("#!/bin/sh\n")
    assert catalog.verify(made) == []


def test_status_reads_what_changed_and_nothing_else(filesets, folder):
    filesets.track(folder, name="a", by=ANNA)
    calm = filesets.status(folder)
    assert (bool(calm), calm.read, calm.same) == (False, 0, 7)
    (folder / "a.txt").write_bytes(b"other")
    (folder / "run.sh").chmod(0o644)
    (folder / "empty").unlink()
    (folder / "new").write_bytes(b"n")
    found = filesets.status(folder)
    assert found.changed == ("a.txt", "run.sh")
    assert (found.added, found.removed) == (("new",), ("empty",))
    assert found.read == 3
    again = filesets.status(folder)
    assert (again.changed, again.read) == (found.changed, 0)


def test_a_file_touched_but_not_changed_is_the_same(filesets, folder):
    filesets.track(folder, name="a", by=ANNA)
    os.utime(folder / "a.txt", ns=(1, 1))
    found = filesets.status(folder)
    assert not found and found.read == 1
    assert filesets.status(folder).read == 0


def test_a_write_in_the_same_tick_of_the_clock_is_seen(catalog, folder, tmp_path):
    """Same size, same times, same inode: only an entry that is in doubt tells."""
    filesets = Filesets(catalog, tmp_path / "cache", SystemClock())
    path = folder / "a.txt"
    filesets.track(folder, name="a", by=ANNA)
    at = path.stat()
    with path.open("r+b") as file:
        file.write(b"B")
    os.utime(path, ns=(at.st_mtime_ns, at.st_mtime_ns))
    assert filesets.status(folder).changed == ("a.txt",)


def test_the_next_version_keeps_only_what_is_new(filesets, folder, catalog):
    first = filesets.track(folder, name="a", by=ANNA)
    assert filesets.track(folder, by=ANNA) == first
    (folder / "more").write_bytes(b"more")
    second = filesets.track(folder, by=ANNA)
    assert second.ref == "a@2"
    old, new = first.manifest.files, second.manifest.files
    assert new["bundles/000000"] == old["bundles/000000"]
    assert new["bundles/000001"].size == 4
    assert [one.ref for one in filesets.list("a")] == ["a@2", "a@1"]


def test_a_lost_cache_costs_time_only(filesets, folder, catalog, tmp_path, later):
    made = filesets.track(folder, name="a", by=ANNA)
    other = Filesets(catalog, tmp_path / "elsewhere", later)
    with pytest.raises(errors.NotTrackedError):
        other.status(folder)
    assert other.track(folder, name="a", by=ANNA) == made
    for path in (tmp_path / "elsewhere").rglob("*.seen"):
        path.write_bytes(b"\x93rubbish")
    with pytest.raises(errors.NotTrackedError):
        other.status(folder)


def test_large_files_are_cut_by_content(filesets, folder, tmp_path, monkeypatch):
    noise = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(40_000))
    (folder / "large").write_bytes(noise)
    first = filesets.track(folder, name="a", by=ANNA)
    (folder / "large").write_bytes(noise[:500_000] + b"edit" + noise[500_000:])
    second = filesets.track(folder, by=ANNA)
    new = set(second.manifest.files.values()) - set(first.manifest.files.values())
    grown = sum(f.size for f in new if f != second.manifest.files["tree"])
    assert 0 < grown < 600_000
    for ref in ("a@1", "a@2"):
        filesets.checkout(ref, tmp_path / ref, by=ANNA)
    assert (tmp_path / "a@1" / "large").read_bytes() == noise
    assert held(tmp_path / "a@2") == held(folder)


def test_without_the_extra_large_files_are_whole(filesets, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "find_spec", lambda _: None)
    (folder / "large").write_bytes(b"0123456789" * 40_000)
    (folder / "twin").write_bytes(b"0123456789" * 40_000)
    filesets.track(folder, name="a", by=ANNA)
    filesets.checkout("a", tmp_path / "out", by=ANNA)
    assert held(tmp_path / "out") == held(folder)


def test_many_bundles(filesets, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "FULL", 100)
    for n in range(200):
        (folder / f"{n}").write_bytes(b"%d" % n * 10)
    made = filesets.track(folder, name="a", by=ANNA)
    assert len(made.manifest.files) > 40
    (folder / "3").unlink()
    filesets.track(folder, by=ANNA)
    filesets.checkout("a@2", tmp_path / "out", by=ANNA)
    assert held(tmp_path / "out") == held(folder)


def test_checkout_moves_a_tracked_folder_between_versions(filesets, folder, tmp_path):
    filesets.track(folder, name="a", by=ANNA)
    first = held(folder)
    (folder / "void").rmdir()
    (folder / "link").unlink()
    (folder / "link").mkdir()
    (folder / "link" / "inner").write_bytes(b"now a folder")
    filesets.track(folder, by=ANNA)
    second = held(folder)
    (folder / "own").write_bytes(b"mine, and in nobody's way")
    filesets.checkout("a@1", folder, by=ANNA)
    assert held(folder) == {**first, "own": (b"mine, and in nobody's way", "f")}
    filesets.checkout("a@2", folder, by=ANNA)
    assert held(folder) == {**second, "own": (b"mine, and in nobody's way", "f")}


def test_checkout_never_loses_what_no_version_has(filesets, folder, tmp_path):
    filesets.track(folder, name="a", by=ANNA)
    (folder / "a.txt").write_bytes(b"an edit")
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_bytes(b"years of work")
    for place, named in ((folder, "a.txt"), (other, "thesis.txt")):
        with pytest.raises(errors.WouldOverwriteError) as caught:
            filesets.checkout("a", place, by=ANNA)
        assert named in caught.value.message
    assert (folder / "a.txt").read_bytes() == b"an edit"
    filesets.checkout("a", folder, force=True, by=ANNA)
    assert (folder / "a.txt").read_bytes() == b"a\r\n"
    filesets.checkout("a", other, force=True, by=ANNA)
    assert (other / "thesis.txt").read_bytes() == b"years of work"


def test_no_link_is_written_through(filesets, folder, tmp_path):
    filesets.track(folder, name="a", by=ANNA)
    outside = tmp_path / "outside"
    outside.mkdir()
    place = tmp_path / "place"
    place.mkdir()
    (place / "ű").symlink_to(outside)
    with pytest.raises(errors.UnwritableError):
        filesets.checkout("a", place, force=True, by=ANNA)
    assert list(outside.iterdir()) == []


@pytest.mark.skipif(sys.platform == "darwin", reason="its file systems know UTF-8 names only")
def test_what_cannot_be_kept_is_said_and_nothing_is(filesets, folder, catalog):
    bad = os.fsencode(folder) + b"/caf\xe9"
    with open(bad, "wb"):
        pass
    with pytest.raises(errors.BadFileNameError) as caught:
        filesets.track(folder, name="a", by=ANNA)
    assert "udce9" in caught.value.message
    os.unlink(bad)
    os.mkfifo(folder / "pipe")
    with pytest.raises(errors.SpecialFileError, match="a pipe"):
        filesets.track(folder, name="a", by=ANNA)
    assert catalog.counts() == {}


def test_folders_that_are_none(filesets, tmp_path):
    with pytest.raises(errors.NoFolderError):
        filesets.track(tmp_path / "nowhere", name="a", by=ANNA)
    (tmp_path / "none").mkdir()
    with pytest.raises(errors.EmptyFolderError):
        filesets.track(tmp_path / "none", by=ANNA)
    with pytest.raises(UnknownArtifactError, match="fileset"):
        filesets.checkout("nothing", tmp_path / "x", by=ANNA)


def test_the_books_of_tools_are_left_out(filesets, folder):
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    filesets.track(folder, name="a", by=ANNA)
    assert ".git/HEAD" not in [one["path"] for one in filesets.files("a")]


@pytest.mark.parametrize("path", ["../out", "/etc/x", "a/../../b", "", ".", "a//b", "nul\\u0000"])
def test_a_tree_that_leads_out_of_its_folder_is_refused(filesets, catalog, tmp_path, path):
    line = f'["{path}","l",1,"00",[],"x"]\n'.encode()
    tree = b'{"format":1,"bundles":[]}\n' + line
    catalog.record("fileset", "evil", files={"tree": tree}, by=ANNA)
    with pytest.raises(errors.BadTreeError):
        filesets.checkout("evil", tmp_path / "in" / "out", by=ANNA)
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    "tree",
    [
        b"", b"{}", b'{"format":9,"bundles":[]}\n', b'{"format":1,"bundles":[]}\n["a"]\n',
        b'{"format":1,"bundles":[]}\n["a","f",3,"00",[[0,0,3]]]\n',
        b'{"format":1,"bundles":["00"]}\n["a","f",3,"00",[[0,0,2]]]\n',
        b'{"format":1,"bundles":[]}\n["a","q",0,""]\n',
        b'{"format":1,"bundles":[]}\n["a","l",1,"0",[],"/etc"]\n["a/passwd","f",0,""]\n',
        b'{"format":1,"bundles":[]}\n["a","f",0,""]\n["a","f",0,""]\n',
    ],
)  # fmt: skip
def test_a_tree_that_is_none_is_refused(filesets, catalog, tmp_path, tree):
    catalog.record("fileset", "evil", files={"tree": tree}, by=ANNA)
    with pytest.raises(errors.BadTreeError):
        filesets.checkout("evil", tmp_path / "out", by=ANNA)


def test_manifests_do_not_change_with_the_way_there(filesets, folder, catalog):
    made = filesets.track(folder, name="a", by=ANNA)
    assert replace(made.manifest) == Manifest.from_bytes(made.manifest.to_bytes())


NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name not in {".", "..", ".git", ".hg", ".svn", ".dvc", ".volano"})


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(files=st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=12))
def test_any_names_and_bytes_come_back(filesets, tmp_path_factory, files):
    place = tmp_path_factory.mktemp("any")
    (place / "in").mkdir()
    for name, data in files.items():
        (place / "in" / name).write_bytes(data)
    made = filesets.track(place / "in", name="any", by=ANNA)
    filesets.checkout(made.ref, place / "out", by=ANNA)
    assert {p.name: p.read_bytes() for p in (place / "out").iterdir()} == files


def test_a_socket_is_named(filesets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        one.bind("f/s")
        with pytest.raises(errors.SpecialFileError, match="a socket"):
            filesets.track(tmp_path / "f", by=ANNA)


@pytest.fixture
def garbage(catalog, sqlite):
    return Garbage(
        db=sqlite, catalog=catalog, blobs=catalog.blobs, ledger=catalog.ledger, clock=SystemClock()
    )


def test_garbage_that_is_collected_before_the_recording_takes_nothing(
    filesets, folder, catalog, garbage, monkeypatch
):
    record = catalog.record

    def late(*said, **more):
        assert garbage.collect(grace_minutes=0, by=ANNA)["blobs"] == 0
        return record(*said, **more)

    monkeypatch.setattr(catalog, "record", late)
    made = filesets.track(folder, name="a", by=ANNA)
    assert catalog.verify(made) == []
    kept = filesets.keep(
        "b", [(found, folder / found.path) for found in walk(folder)], source={}, by=ANNA
    )
    assert catalog.verify(kept) == []


def test_a_version_that_was_dropped_is_no_base(filesets, folder, catalog, garbage):
    filesets.track(folder, name="a", by=ANNA)
    garbage.drop("fileset", "a@1", "test", by=ANNA)
    (folder / "more.txt").write_bytes(b"more")
    garbage.collect(grace_minutes=0, by=ANNA)
    made = filesets.track(folder, name="a", by=ANNA)
    assert catalog.verify(made) == []


def test_a_base_that_is_dropped_meanwhile_leaves_its_bytes(
    filesets, folder, catalog, garbage, monkeypatch
):
    filesets.track(folder, name="a", by=ANNA)
    (folder / "more.txt").write_bytes(b"more")
    record = catalog.record

    def late(*said, **more):
        garbage.drop("fileset", "a@1", "test", by=ANNA)
        garbage.collect(grace_minutes=0, by=ANNA)
        return record(*said, **more)

    monkeypatch.setattr(catalog, "record", late)
    assert catalog.verify(filesets.track(folder, name="a", by=ANNA)) == []
