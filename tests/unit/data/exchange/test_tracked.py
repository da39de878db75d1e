"""What DVC and Git LFS track comes in, checked; versions go out as they would have written them."""

import hashlib
import json
from pathlib import Path

import pytest
import yaml

from volano.data.exchange import errors
from volano.data.exchange.lfs import Pointer, pointer_of

FILES = {"a.txt": b"a\r\n", "ű/深い.bin": bytes(range(256)), "empty": b""}


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


class Dvc:
    """A folder as DVC leaves it, written by its documentation."""

    def __init__(self, root: Path, *, old: bool = False, cache: str = ""):
        self.root, self.old = root, old
        (root / ".dvc").mkdir(parents=True)
        config = f"[cache]\n    dir = {cache}\n" if cache else ""
        (root / ".dvc" / "config").write_text(config)
        self.cache = root / ".dvc" / (cache or "cache")

    def keep(self, data: bytes, name: str = "") -> str:
        name = name or md5(data.replace(b"\r\n", b"\n") if self.old else data)
        place = self.cache if self.old else self.cache / "files" / "md5"
        path = place / name[:2] / name[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return name

    def folder(self, files: dict[str, bytes]) -> str:
        listed = [{"md5": self.keep(data), "relpath": path} for path, data in sorted(files.items())]
        data = json.dumps(listed, sort_keys=True).encode()
        return self.keep(data, f"{md5(data)}.dir")

    def out(self, name: str, path: str, **more) -> dict:
        return {"md5": name, "path": path, **({} if self.old else {"hash": "md5"}), **more}

    def track(self, name: str, path: str, **more) -> None:
        told = {"outs": [self.out(name, path, **more)]}
        (self.root / f"{path}.dvc").write_text(yaml.safe_dump(told, allow_unicode=True))


def contents(room, ref):
    tree = room.filesets.tree(room.filesets.get(ref))
    reader = room.filesets.reader(tree)
    return {entry.path: b"".join(reader.parts(entry)) for entry in tree.entries}


@pytest.mark.parametrize("old", [False, True])
def test_a_folder_and_a_file_of_dvc(room, tmp_path, anna, old):
    dvc = Dvc(tmp_path / "repo", old=old)
    dvc.track(dvc.folder(FILES), "data")
    dvc.track(dvc.keep(b"#!/bin/sh"), "run.sh", isexec=True)
    made = room.exchange.read("imgs", dvc.root, by=anna).value
    assert (made.kind, made.manifest.meta["source"]) == (
        "fileset",
        {"folder": "repo", "form": "dvc"},
    )
    wanted = {f"data/{path}": data for path, data in FILES.items()}
    assert contents(room, "imgs") == {**wanted, "run.sh": b"#!/bin/sh"}
    kinds = {one["path"]: one["kind"] for one in room.filesets.files("imgs")}
    assert kinds["run.sh"] == "program" and kinds["data/a.txt"] == "file"


@pytest.mark.parametrize("schema", ["1.0", "2.0"])
def test_outputs_of_a_pipeline(room, tmp_path, anna, schema):
    dvc = Dvc(tmp_path / "repo", cache="../shared")
    outs = {"cmd": "x", "deps": [{"path": "in"}], "outs": [dvc.out(dvc.keep(b"made"), "out.bin")]}
    lock = {"make": outs} if schema == "1.0" else {"schema": schema, "stages": {"make": outs}}
    (dvc.root / "dvc.lock").write_text(yaml.safe_dump(lock))
    room.exchange.read("p", dvc.root, by=anna)
    assert contents(room, "p") == {"out.bin": b"made"}


def test_a_file_in_the_folder_will_do_where_the_cache_lacks_it(room, tmp_path, anna):
    dvc = Dvc(tmp_path / "repo")
    (dvc.root / "here").write_bytes(b"here")
    dvc.track(md5(b"here"), "here")
    room.exchange.read("p", dvc.root, by=anna)
    assert contents(room, "p") == {"here": b"here"}


def test_missing_and_damaged_objects_of_dvc(room, tmp_path, anna):
    dvc = Dvc(tmp_path / "repo")
    dvc.track(md5(b"gone"), "gone")
    dvc.track(md5(b"gone too") + ".dir", "folder")
    with pytest.raises(errors.MissingObjectsError) as caught:
        room.exchange.read("p", dvc.root, by=anna)
    assert "2 objects of DVC" in caught.value.message and "dvc pull" in caught.value.advice
    (dvc.root / "folder.dvc").unlink()
    dvc.keep(b"something else", md5(b"gone"))
    with pytest.raises(errors.DamagedObjectError, match="`gone`"):
        room.exchange.read("p", dvc.root, by=anna)
    assert room.catalog.counts() == {}


@pytest.mark.parametrize(
    ("path", "md5_of", "inner"),
    [
        ("../out", "0" * 32, None), ("/etc/passwd", "0" * 32, None), ("a", "xyz", None),
        ("a", None, [{"md5": "0" * 32, "relpath": "../../x"}]), ("a", None, {"no": "list"}),
        ("a", None, [{"relpath": "x"}]), ("a", None, ["x"]),
    ],
)  # fmt: skip
def test_hostile_files_of_dvc(room, tmp_path, anna, path, md5_of, inner):
    dvc = Dvc(tmp_path / "repo")
    if inner is not None:
        data = json.dumps(inner).encode()
        md5_of = dvc.keep(data, f"{md5(data)}.dir")
    (dvc.root / "x.dvc").write_text(yaml.safe_dump({"outs": [dvc.out(md5_of, path)]}))
    with pytest.raises(errors.BadTrackerFileError):
        room.exchange.read("p", dvc.root, form="dvc", by=anna)


@pytest.mark.parametrize("text", ["a: [", "[]", "outs: 1", "outs: [1]", "\x00"])
def test_files_of_dvc_that_are_none(room, tmp_path, anna, text):
    dvc = Dvc(tmp_path / "repo")
    (dvc.root / "x.dvc").write_text(text)
    with pytest.raises(errors.BadTrackerFileError):
        room.exchange.read("p", dvc.root, by=anna)


def tracked(room, tmp_path, anna):
    source = tmp_path / "source"
    for path, data in FILES.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(data)
    (source / "a.txt").chmod(0o755)
    return room.filesets.track(source, name="imgs", by=anna)


def test_a_file_set_as_dvc_writes_it(room, tmp_path, anna):
    tracked(room, tmp_path, anna)
    out = tmp_path / "out"
    assert room.exchange.write("imgs", out, form="dvc", by=anna).files == 3
    (told,) = yaml.safe_load((out / "imgs.dvc").read_text())["outs"]
    assert (told["path"], told["hash"], told["nfiles"], told["size"]) == ("imgs", "md5", 3, 259)
    place = out / ".dvc" / "cache" / "files" / "md5" / told["md5"][:2] / told["md5"][2:]
    listed = json.loads(place.read_text())
    assert md5(place.read_bytes()) == told["md5"].removesuffix(".dir")
    assert {one["relpath"]: one["md5"] for one in listed} == {p: md5(d) for p, d in FILES.items()}
    assert {p: (out / "imgs" / p).read_bytes() for p in FILES} == FILES
    room.exchange.read("back", out, by=anna)
    assert contents(room, "back") == {f"imgs/{path}": data for path, data in FILES.items()}


def test_a_file_set_as_git_lfs_writes_it(room, tmp_path, anna):
    tracked(room, tmp_path, anna)
    out = tmp_path / "out"
    room.exchange.write("imgs", out, form="lfs", by=anna)
    oid = hashlib.sha256(FILES["a.txt"]).hexdigest()
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 3\n"
    assert (out / "a.txt").read_text() == text
    assert (out / "a.txt").stat().st_mode & 0o100
    assert (out / "empty").read_bytes() == b""
    assert (out / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid).read_bytes() == FILES["a.txt"]
    assert "filter=lfs" in (out / ".gitattributes").read_text()
    room.exchange.read("back", out, by=anna)
    assert contents(room, "back") == FILES


def test_attributes_of_the_files_own_stay(room, tmp_path, anna):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / ".gitattributes").write_text("*.md text")
    (tmp_path / "s" / "x").write_text("x")
    room.filesets.track(tmp_path / "s", by=anna)
    room.exchange.write("s", tmp_path / "out", form="lfs", by=anna)
    lines = (tmp_path / "out" / ".gitattributes").read_text().splitlines()
    assert lines[0] == "*.md text" and "* filter=lfs diff=lfs merge=lfs -text" in lines


def test_missing_and_damaged_objects_of_lfs(room, tmp_path, anna):
    root = tmp_path / "repo"
    (root / ".git").mkdir(parents=True)
    oid = hashlib.sha256(b"real").hexdigest()
    (root / "x.bin").write_bytes(Pointer(oid, 4).to_bytes())
    (root / "plain.txt").write_text("as it is")
    (root / ".gitattributes").write_text("*.bin filter=lfs")
    with pytest.raises(errors.MissingObjectsError, match="1 objects of Git LFS"):
        room.exchange.read("p", root, by=anna)
    kept = root / ".git/lfs/objects" / oid[:2] / oid[2:4] / oid
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"fake")
    with pytest.raises(errors.DamagedObjectError):
        room.exchange.read("p", root, by=anna)
    kept.write_bytes(b"real")
    room.exchange.read("p", root, by=anna)
    wanted = {"x.bin": b"real", "plain.txt": b"as it is", ".gitattributes": b"*.bin filter=lfs"}
    assert contents(room, "p") == wanted


def test_pointers():
    good = Pointer("a" * 64, 12)
    assert pointer_of(good.to_bytes(), "x") == good
    hawser = good.to_bytes().replace(b"git-lfs.github", b"hawser.github")
    assert pointer_of(hawser, "x") == good
    assert pointer_of(b"version 1\n", "x") is None
    for bad in (good.to_bytes()[:-8], good.to_bytes().replace(b"oid", b"ext-0-a sha256:b\noid")):
        with pytest.raises(errors.BadTrackerFileError):
            pointer_of(bad, "x")


def test_rows_go_out_tracked_with_their_card(room, tmp_path, anna):
    room.rows.write("faq", [("train", {"text": "x"})], meta={}, by=anna)
    done = room.exchange.write("faq", tmp_path / "out", form="dvc", by=anna)
    assert (done.rows, done.files) == (1, 2)
    assert sorted(p.name for p in (tmp_path / "out" / "faq").iterdir()) == [
        "README.md",
        "train.jsonl",
    ]


def test_what_a_format_cannot_say_is_refused(room, tmp_path, anna):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "l").symlink_to("x")
    room.filesets.track(tmp_path / "s", by=anna)
    for form in ("dvc", "lfs"):
        with pytest.raises(errors.LinkNotExportedError):
            room.exchange.write("s", tmp_path / form, form=form, by=anna)
        assert not (tmp_path / form).exists()
    for form in ("", "jsonl", "hf"):
        with pytest.raises(errors.UnfitFormError):
            room.exchange.write("fileset/s", tmp_path / "out", form=form, by=anna)
