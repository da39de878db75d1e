"""DVC: what its files say is read from its cache; a version is written as a folder that it tracks.

A `.dvc` file or `dvc.lock` names outputs by md5. The objects lie in `.dvc/cache/files/md5/ab/cd…`, those
of DVC before 3 in `.dvc/cache/ab/cd…`; there a text's md5 was taken without carriage returns. An
object `….dir` is a JSON list of the files in a folder.

Source: dvc.org/doc/user-guide/project-structure (`.dvc` files, dvc.lock, internal files); written
folders were compared with what DVC 3.67 writes.
"""

import configparser
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from volano.data.exchange.content import Content
from volano.data.exchange.errors import (
    BadTrackerFileError,
    DamagedObjectError,
    LinkNotExportedError,
    MissingObjectsError,
    NoOutputsError,
)
from volano.data.filesets.walk import FILE, FOLDER, LINK, PROGRAM, Found
from volano.data.sources.front import plain_yaml

FETCH = "dvc pull"
_MD5 = re.compile(r"[0-9a-f]{32}(\.dir)?")
_MOST_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Out:
    """One output: its path below the imported folder, its md5, and where it may lie by itself."""

    path: str
    md5: str
    place: Path
    program: bool = False
    old: bool = False


def read_dvc(folder: Path) -> list[tuple[Found, Path]]:
    """Return the files that DVC tracks in a folder, and where their bytes lie; all are checked.

    Raises:
        NoOutputsError: it tracks none.
        BadTrackerFileError: a file of DVC cannot be understood.
        MissingObjectsError: some objects are not on this machine.
        DamagedObjectError: one is not what its md5 says.
    """
    folder = folder.resolve()
    root = next((one for one in (folder, *folder.parents) if (one / ".dvc").is_dir()), folder)
    caches = _caches(root)
    outs = [out for path in _trackers(folder) for out in _outs(path, folder)]
    if not outs:
        raise NoOutputsError(path=folder)
    lacking: list[str] = []
    files = [one for out in outs for one in _opened(out, caches, lacking)]
    found = {}
    for out in files:
        place = _object(out, caches)
        if place is None:
            lacking.append(f"{out.path} ({out.md5})")
        else:
            found[out.path] = (_found(out, place), place)
    if lacking:
        raise MissingObjectsError(n=len(lacking), tool="DVC", some=_some(lacking), fetch=FETCH)
    return [found[path] for path in sorted(found)]


def write_dvc(contents: Iterable[Content], folder: Path, name: str) -> int:
    """Write the files below `folder/name`, with `name.dvc` and DVC's cache; return how many.

    Raises:
        LinkNotExportedError: one is a symbolic link.
    """
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")
    (folder / ".dvcignore").write_text("")
    (folder / ".gitignore").write_text(f"/{name}\n/.dvc/cache\n/.dvc/tmp\n")
    listed, size = [], 0
    for content in contents:
        if content.mode == LINK:
            raise LinkNotExportedError(path=content.path, tool="DVC")
        if content.mode == FOLDER:
            (folder / name / content.path).mkdir(parents=True, exist_ok=True)
            continue
        target = folder / name / content.path
        target.parent.mkdir(parents=True, exist_ok=True)
        md5 = _copied(content, target, folder)
        size += target.stat().st_size
        listed.append({"md5": md5, "relpath": content.path})
    listed.sort(key=lambda one: one["relpath"])
    data = json.dumps(listed, sort_keys=True).encode()
    md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
    _keep(folder, f"{md5}.dir", data)
    out = {"md5": f"{md5}.dir", "size": size, "nfiles": len(listed), "hash": "md5", "path": name}
    text = yaml.safe_dump({"outs": [out]}, sort_keys=False, allow_unicode=True)
    (folder / f"{name}.dvc").write_text(text, encoding="utf-8")
    return len(listed)


def _copied(content: Content, target: Path, folder: Path) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    with target.open("wb") as file:
        for part in content.parts():
            md5.update(part)
            file.write(part)
    target.chmod(0o755 if content.mode == PROGRAM else 0o644)
    digest = md5.hexdigest()
    kept = _place(folder / ".dvc" / "cache" / "files" / "md5", digest)
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with kept.open("wb") as copy:
            for part in content.parts():
                copy.write(part)
        kept.chmod(0o444)
    return digest


def _keep(folder: Path, name: str, data: bytes) -> None:
    kept = _place(folder / ".dvc" / "cache" / "files" / "md5", name)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(data)
    kept.chmod(0o444)


def _trackers(folder: Path) -> list[Path]:
    found = [*folder.rglob("*.dvc"), *folder.rglob("dvc.lock")]
    return sorted(
        path for path in found
        if path.is_file() and ".dvc" not in path.relative_to(folder).parts[:-1]
    )  # fmt: skip


def _outs(tracker: Path, folder: Path) -> Iterator[Out]:
    told = _yaml(tracker)
    given = _locked(told, tracker) if tracker.name == "dvc.lock" else told.get("outs")
    if not isinstance(given, list):
        raise _bad(tracker, "it has no list `outs`")
    for one in given:
        if not isinstance(one, dict) or not isinstance(one.get("path"), str):
            raise _bad(tracker, "an output has no path")
        place = (tracker.parent / str(told.get("wdir", ".")) / one["path"]).resolve()
        if not place.is_relative_to(folder):
            raise _bad(tracker, f"`{one['path']}` lies outside of the folder")
        path = place.relative_to(folder).as_posix()
        old = one.get("hash") != "md5"
        if isinstance(one.get("files"), list):
            for inner in one["files"]:
                yield _inner(inner, path, place, tracker, old=old)
        else:
            md5 = _md5(one.get("md5"), tracker, path)
            yield Out(path, md5, place, bool(one.get("isexec")), old)


def _locked(told: Mapping[str, Any], tracker: Path) -> list[Any]:
    """Return the outputs of all stages of a dvc.lock, of the first schema or the second."""
    stages = told.get("stages", told)
    if not isinstance(stages, dict):
        raise _bad(tracker, "`stages` is no mapping")
    found = []
    for stage in stages.values():
        outs = stage.get("outs", []) if isinstance(stage, dict) else []
        if not isinstance(outs, list):
            raise _bad(tracker, "`outs` of a stage is no list")
        found += outs
    return found


def _opened(out: Out, caches: list[Path], lacking: list[str]) -> Iterator[Out]:
    """Yield the files of an output: itself, or what its `.dir` object lists."""
    if not out.md5.endswith(".dir"):
        yield out
        return
    place = _lying(out.md5, caches)
    if place is None:
        lacking.append(f"{out.path} ({out.md5})")
        return
    data = place.read_bytes()
    if hashlib.md5(data, usedforsecurity=False).hexdigest() != out.md5.removesuffix(".dir"):
        raise DamagedObjectError(path=out.path, why="its md5 differs", object=place, fetch=FETCH)
    try:
        listed = json.loads(data)
    except ValueError as error:
        raise _bad(place, str(error)) from error
    if not isinstance(listed, list):
        raise _bad(place, "it is no list")
    for one in listed:
        yield _inner(one, out.path, out.place, place, old=out.old)


def _inner(one: Any, path: str, place: Path, tracker: Path, *, old: bool) -> Out:
    name = one.get("relpath") if isinstance(one, dict) else None
    if (
        not isinstance(name, str)
        or not name
        or name.startswith("/")
        or ".." in PurePosixPath(name).parts
    ):
        raise _bad(tracker, "a file in it has no path within the folder")
    md5 = _md5(one.get("md5"), tracker, name)
    return Out(f"{path}/{PurePosixPath(name)}", md5, place / name, bool(one.get("isexec")), old)


def _object(out: Out, caches: list[Path]) -> Path | None:
    """Return where the bytes of a file lie: in the cache, or in the folder itself; checked."""
    cached = _lying(out.md5, caches)
    own = out.place if _within(out) else None
    for place in (cached, own):
        if place is not None and place.is_file() and _is(place, out):
            return place
    if cached is not None:
        raise DamagedObjectError(path=out.path, why="its md5 differs", object=cached, fetch=FETCH)
    return None


def _within(out: Out) -> bool:
    """Whether the output lies where it says, and not behind a link to elsewhere."""
    root = out.place
    for _ in PurePosixPath(out.path).parts:
        root = root.parent
    return out.place.resolve().is_relative_to(root.resolve())


def _is(place: Path, out: Out) -> bool:
    with place.open("rb") as file:
        if (
            hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
            == out.md5
        ):
            return True
    if not out.old or place.stat().st_size > _MOST_BYTES:
        return False
    data = place.read_bytes().replace(b"\r\n", b"\n")
    return hashlib.md5(data, usedforsecurity=False).hexdigest() == out.md5


def _lying(name: str, caches: list[Path]) -> Path | None:
    return next((p for cache in caches if (p := _place(cache, name)).is_file()), None)


def _place(cache: Path, name: str) -> Path:
    return cache / name[:2] / name[2:]


def _caches(root: Path) -> list[Path]:
    """Return where objects may lie: the folder that the settings name, in the new layout and the old."""
    place = root / ".dvc" / "cache"
    for name in ("config", "config.local"):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read(root / ".dvc" / name, encoding="utf-8")
            if told := parser.get("cache", "dir", fallback=""):
                place = (root / ".dvc" / told).resolve()
        except (configparser.Error, UnicodeDecodeError) as error:
            raise _bad(root / ".dvc" / name, str(error).split("\n")[0]) from error
    return [place / "files" / "md5", place]


def _yaml(path: Path) -> dict[str, Any]:
    try:
        told = plain_yaml(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise _bad(path, str(error).split("\n")[0]) from error
    if not isinstance(told, dict):
        raise _bad(path, "it is no mapping")
    return told


def _md5(value: Any, tracker: Path, path: str) -> str:
    if not isinstance(value, str) or not _MD5.fullmatch(value):
        raise _bad(tracker, f"`{path}` has no md5")
    return value


def _found(out: Out, place: Path) -> Found:
    at = place.stat()
    mode = PROGRAM if out.program else FILE
    return Found(out.path, mode, at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino)


def _some(lacking: list[str]) -> str:
    more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
    return ", ".join(lacking[:5]) + more


def _bad(path: Path, why: str) -> BadTrackerFileError:
    return BadTrackerFileError(path=path, tool="DVC", why=why)
