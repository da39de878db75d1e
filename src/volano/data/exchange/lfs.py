"""Git LFS: pointer files and the objects that they stand for.

A pointer is a small text with the sha256 and the size of what it stands for; the object lies in
`.git/lfs/objects/ab/cd/abcd…`. What is no pointer is taken as it is.

Source: github.com/git-lfs/git-lfs, docs/spec.md.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from volano.data.exchange.content import Content
from volano.data.exchange.errors import (
    BadTrackerFileError,
    DamagedObjectError,
    LinkNotExportedError,
    MissingObjectsError,
)
from volano.data.exchange.place import MARK
from volano.data.filesets.walk import FILE, FOLDER, LINK, PROGRAM, Found, walk

FETCH = "git lfs pull"
_VERSIONS = (
    b"version https://git-lfs.github.com/spec/v1\n",
    b"version https://hawser.github.com/spec/v1\n",
)
_MOST_BYTES = 1024
_BODY = re.compile(rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n?")
_NAME = ".gitattributes"
ATTRIBUTES = f"""* filter=lfs diff=lfs merge=lfs -text
{_NAME} !filter !diff !merge text
{MARK} !filter !diff !merge text
"""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a pointer file says."""

    oid: str
    size: int

    def to_bytes(self) -> bytes:
        """Return the one spelling that the specification allows."""
        return _VERSIONS[0] + f"oid sha256:{self.oid}\nsize {self.size}\n".encode()


def pointer_of(data: bytes, path: str) -> Pointer | None:
    """Read a pointer; None when this is none.

    Raises:
        BadTrackerFileError: it begins as one, and cannot be understood.
    """
    version = next((one for one in _VERSIONS if data.startswith(one)), None)
    if version is None or len(data) >= _MOST_BYTES:
        return None
    body = _BODY.fullmatch(data.removeprefix(version))
    if body is None:
        why = "it is a pointer with extensions, or a torn one"
        raise BadTrackerFileError(path=path, tool="Git LFS", why=why)
    return Pointer(body[1].decode(), int(body[2]))


def read_lfs(folder: Path) -> list[tuple[Found, Path]]:
    """Return the files of a folder, with the objects in place of pointers; all are checked.

    Raises:
        BadTrackerFileError: a pointer cannot be understood.
        MissingObjectsError: some objects are not on this machine.
        DamagedObjectError: one is not what its pointer says.
        The errors of `walk`.
    """
    folder = folder.resolve()
    objects = _objects(folder)
    lacking, files = [], []
    for found in walk(folder):
        place = folder / found.path
        if found.path == MARK or (
            found.path == _NAME and place.read_bytes() == ATTRIBUTES.encode()
        ):
            continue
        pointer = None
        if found.mode in (FILE, PROGRAM) and 0 < found.size < _MOST_BYTES:
            pointer = pointer_of(place.read_bytes(), found.path)
        if pointer is None:
            files.append((found, place))
            continue
        kept = objects / pointer.oid[:2] / pointer.oid[2:4] / pointer.oid
        if not kept.is_file():
            lacking.append(f"{found.path} ({pointer.oid[:12]}…)")
            continue
        files.append((_checked(kept, pointer, found), kept))
    if lacking:
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        some = ", ".join(lacking[:5]) + more
        raise MissingObjectsError(n=len(lacking), tool="Git LFS", some=some, fetch=FETCH)
    return files


def write_lfs(contents: Iterable[Content], folder: Path) -> int:
    """Write pointers, `.gitattributes` and the objects below `.git/lfs`; return how many files.

    Raises:
        LinkNotExportedError: one is a symbolic link.
    """
    (folder / _NAME).write_text(ATTRIBUTES)
    objects, count = folder / ".git" / "lfs" / "objects", 0
    objects.mkdir(parents=True)
    for content in contents:
        if content.mode == LINK:
            raise LinkNotExportedError(path=content.path, tool="Git LFS")
        if content.mode == FOLDER:
            continue
        target = folder / content.path
        if content.path == _NAME:
            target.write_bytes(b"".join(content.parts()) + b"\n" + ATTRIBUTES.encode())
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        pointer = _stored(content, objects)
        target.write_bytes(pointer.to_bytes() if pointer.size else b"")
        target.chmod(0o755 if content.mode == PROGRAM else 0o644)
        count += 1
    return count


def _stored(content: Content, objects: Path) -> Pointer:
    sha, size, new = hashlib.sha256(), 0, objects / ".new"
    with new.open("wb") as file:
        for part in content.parts():
            sha.update(part)
            size += len(part)
            file.write(part)
    oid = sha.hexdigest()
    kept = objects / oid[:2] / oid[2:4] / oid
    if size and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        new.rename(kept)
    else:
        new.unlink()
    return Pointer(oid, size)


def _checked(kept: Path, pointer: Pointer, found: Found) -> Found:
    with kept.open("rb") as file:
        oid = hashlib.file_digest(file, "sha256").hexdigest()
    at = kept.stat()
    if (oid, at.st_size) != (pointer.oid, pointer.size):
        why = "its sha256 or size differs"
        raise DamagedObjectError(path=found.path, why=why, object=kept, fetch=FETCH)
    return Found(found.path, found.mode, at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino)


def _objects(folder: Path) -> Path:
    """Return where objects lie: in `.git` of this folder or one above, or where a worktree points."""
    for one in (folder, *folder.parents):
        git = one / ".git"
        if git.is_dir():
            return git / "lfs" / "objects"
        if git.is_file():
            told = git.read_text(encoding="utf-8", errors="replace").strip()
            place = (one / told.removeprefix("gitdir:").strip()).resolve()
            common = place / "commondir"
            if common.is_file():
                place = (place / common.read_text(encoding="utf-8").strip()).resolve()
            return place / "lfs" / "objects"
    return folder / ".git" / "lfs" / "objects"
