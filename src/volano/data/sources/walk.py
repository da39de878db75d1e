"""Walking a folder: the files that a pattern names, in order, each real folder once.

Links are followed while they stay in the folder. So a loop of links ends, and
nobody who may put a link into the folder gets another file of the machine read.
"""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Protocol

from volano.data.sources import reasons
from volano.data.sources.spec import bad, shown

_OUTSIDE = "say `outside: true` to follow it"
_FOLDERS, _ANY, _STAR = _STARS = ("(?:.*/)?", ".*", "[^/]*")
_QUICK_STARS = 2


@dataclass(frozen=True, slots=True)
class Found:
    """A file, its path from the folder, and why it must not be read, if so."""

    path: Path
    name: str
    reason: str = ""
    detail: str = ""


def walk(
    folder: Path, pattern: str, *, exclude: Sequence[str] = (), prefix: str = "",
    hidden: bool = False, outside: bool = False,
) -> Iterator[Found]:  # fmt: skip
    """Yield the files below a folder whose path from it fits the pattern, sorted.

    `*` and `?` stay within a name, `**` spans folders. Names that begin with a dot are
    passed over, unless `hidden`. `prefix` is the folder's own name, for `exclude`.
    `outside` also follows links out of the folder.
    """
    wanted, unwanted = compiled(pattern), [compiled(one) for one in exclude]
    deepest = pattern.count("/") if "**" not in pattern else None
    hidden = hidden or pattern.startswith(".")
    root = folder.resolve()
    seen: set[tuple[int, int]] = set()
    stack = [(folder, "")]
    while stack:
        here, above = stack.pop()
        try:
            about = here.stat()
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(here) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Found(here, _said(above) or ".", reasons.UNREADABLE, error.strerror or str(error))
            continue
        below = []
        for entry in entries:
            name = f"{above}{entry.name}"
            if entry.name.startswith(".") and not hidden:
                continue
            if any(rule.fullmatch(prefix + name) or rule.fullmatch(name) for rule in unwanted):
                continue
            if _is_folder(entry):
                if deepest is not None and name.count("/") >= deepest:
                    continue
                if not outside and entry.is_symlink() and not _within(Path(entry.path), root):
                    yield Found(Path(entry.path), _said(name), reasons.LEADS_OUT, _OUTSIDE)
                else:
                    below.append((Path(entry.path), f"{name}/"))
            elif wanted.fullmatch(name):
                yield _looked(entry, name, None if outside else root)
        stack += reversed(below)


class Pattern(Protocol):
    """What paths must fit."""

    def fullmatch(self, path: str, /) -> object:
        """Return something true where a path fits."""
        ...


@cache
def compiled(pattern: str) -> Pattern:
    """Return a pattern for paths: a regular expression, unless its stars could try for ever.

    Raises:
        BadSourceError: a range in brackets that is none.
    """
    parts = tuple(_parts(pattern))
    try:
        if sum(part in _STARS for part in parts) > _QUICK_STARS:
            return _Stepwise(tuple(p if p in _STARS else re.compile(p, re.DOTALL) for p in parts))
        return re.compile("".join(parts), re.DOTALL)
    except re.error as error:
        raise bad(f"the pattern `{shown(pattern)}` cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class _Stepwise:
    """A pattern of many stars: all places that it can have come to, part by part.

    A regular expression would try the stars against each other, n^stars steps for a path
    of n characters that somebody else named; this takes n steps for each part.
    """

    parts: tuple[str | re.Pattern[str], ...]

    def fullmatch(self, path: str, /) -> bool:
        """Whether the whole path fits."""
        here, end = {0}, len(path)
        for part in self.parts:
            if not here:
                return False
            if part == _ANY:
                here = set(range(min(here), end + 1))
            elif part == _FOLDERS:
                here |= {at + 1 for at in range(min(here), end) if path[at] == "/"}
            elif part == _STAR:
                here = _within_a_name(path, here)
            else:
                here = {at + 1 for at in here if part.match(path, at)}  # type: ignore[union-attr]
        return end in here


def _within_a_name(path: str, here: set[int]) -> set[int]:
    """Return these places, and those after them up to the next slash."""
    found: set[int] = set()
    for at in here:
        while at not in found:
            found.add(at)
            if at < len(path) and path[at] != "/":
                at += 1
    return found


def _parts(pattern: str) -> Iterator[str]:
    """Yield a pattern's parts as regular expressions: stars, and what stands for one character."""
    at = 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            part, took = _FOLDERS, 3
        elif rest.startswith("**"):
            part, took = _ANY, 2
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            negated = rest[1] == "!"
            inner = re.sub(r"([\[\\^&~|])", r"\\\1", rest[2 if negated else 1 : end])
            part, took = f"[{'^/' if negated else ''}{inner}]", end + 1
        else:
            part, took = {"*": _STAR, "?": "[^/]"}.get(rest[0], re.escape(rest[0])), 1
        yield part
        at += took


def fixed_part(pattern: str) -> tuple[str, str]:
    """Return the folders of a pattern that are plain names, and the rest of it."""
    parts = PurePosixPath(pattern).parts
    plain = 0
    while plain < len(parts) - 1 and not re.search(r"[*?\[]", parts[plain]):
        plain += 1
    return str(PurePosixPath(*parts[:plain])) if plain else "", "/".join(parts[plain:])


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _looked(entry: "os.DirEntry[str]", name: str, root: Path | None) -> Found:
    path = Path(entry.path)
    try:
        about = path.stat()
    except OSError as error:
        reason = reasons.LOOP if entry.is_symlink() else reasons.UNREADABLE
        return Found(path, _said(name), reason, error.strerror or str(error))
    if not stat.S_ISREG(about.st_mode):
        return Found(path, _said(name), reasons.UNREADABLE, "it is not a regular file")
    if root is not None and entry.is_symlink() and not _within(path, root):
        return Found(path, _said(name), reasons.LEADS_OUT, _OUTSIDE)
    return Found(path, _said(name))


def _within(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _said(name: str) -> str:
    """Return a name that text can hold, also where the disk's is no UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace").rstrip("/")
