"""Walk: what lies in a folder, by `scandir`: one stat a file, nothing is opened."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from volano.data.filesets.errors import (
    BadFileNameError,
    NoFolderError,
    SpecialFileError,
    UnreadableFileError,
)

FILE, PROGRAM, LINK, FOLDER = "f", "x", "l", "d"
"""Modes: a file, one that may be executed, a symbolic link, a folder without anything in it."""

SKIPPED = frozenset({".git", ".hg", ".svn", ".dvc", ".volano"})
"""Folders with the books of a tool, not with data."""

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}  # fmt: skip


class Found(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One path of a folder, with what tells whether it changed. Times are nanoseconds."""

    path: str
    mode: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def walk(folder: Path) -> Iterator[Found]:
    """Yield what lies in the folder, in an order that only names decide; links are not followed.

    Raises:
        NoFolderError: there is no such folder.
        BadFileNameError: a name that is not UTF-8.
        SpecialFileError: a pipe, a socket, a device.
        UnreadableFileError: a folder that may not be read.
    """
    if not folder.is_dir():
        raise NoFolderError(path=folder)
    open_folders = [(str(folder), "")]
    while open_folders:
        place, prefix = open_folders.pop()
        entries = _entries(place)
        inner = []
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in SKIPPED:
                    inner.append((entry.path, f"{_checked(entry.name, place)}/"))
            else:
                yield _found(entry, prefix, place)
        if prefix and not entries:
            yield Found(prefix[:-1], FOLDER, 0, 0, 0, 0)
        open_folders += [(path, prefix + name) for path, name in reversed(inner)]


def _entries(place: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UnreadableFileError(path=place, why=error.strerror or error) from error


def _found(entry: os.DirEntry[str], prefix: str, place: str) -> Found:
    path = prefix + _checked(entry.name, place)
    try:
        at = entry.stat(follow_symlinks=False)
    except OSError as error:
        raise UnreadableFileError(path=entry.path, why=error.strerror or error) from error
    if stat.S_ISREG(at.st_mode):
        mode = PROGRAM if at.st_mode & stat.S_IXUSR else FILE
    elif stat.S_ISLNK(at.st_mode):
        mode = LINK
    else:
        what = _KINDS.get(stat.S_IFMT(at.st_mode), "something else")
        raise SpecialFileError(path=entry.path, what=f"it is {what}")
    return Found(path, mode, at.st_size, at.st_mtime_ns, at.st_ctime_ns, at.st_ino)


def _checked(name: str, place: str) -> str:
    if not name.isascii():
        try:
            name.encode()
        except UnicodeEncodeError:
            raise BadFileNameError(name=ascii(name), folder=place) from None
    return name
