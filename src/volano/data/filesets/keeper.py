"""Filesets: the verbs. A folder comes in, an unchanging version goes out, and back."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.clock import Clock
from volano.core.manifest import File, Parent
from volano.core.ports.access import Access
from volano.core.principal import Principal
from volano.core.ref import Ref, check_name
from volano.data.filesets import seen as seeing
from volano.data.filesets.bundle import Bundler, digest_of
from volano.data.filesets.errors import (
    EmptyFolderError,
    NotTrackedError,
    WouldOverwriteError,
)
from volano.data.filesets.seen import Book, Seen
from volano.data.filesets.tree import Entry, Tree, compacted
from volano.data.filesets.walk import FOLDER, LINK, PROGRAM, Found, walk
from volano.data.filesets.writing import Reader, write_new, write_over
from volano.store import Artifact, Catalog
from volano.store.artifact import READY
from volano.store.errors import MissingBlobError
from volano.store.session import Session

KIND = "fileset"
_TREE = "tree"
_LOOKED_BACK = 20
"""So many versions are looked at for one that still has its bytes."""
Artifacts = list[Artifact]
Given = tuple[Found, Path]
"""A path of a file set that is to be, and where its bytes lie now."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between a folder and the version it was tracked as."""

    folder: str
    ref: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    same: int
    read: int
    """How many files had to be read to know."""

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


class Filesets:
    """All file sets of one workspace. `cache` is a folder that may be lost."""

    def __init__(
        self, catalog: Catalog, cache: Path, clock: Clock, *, access: Access | None = None
    ):
        """Without access all may read and write, and nothing is recorded of it."""
        self._access = access
        self._catalog = catalog
        self._book = Book(cache / "seen")
        self._clock = clock

    def track(self, folder: Path | str, *, name: str = "", by: Principal) -> Artifact:
        """Keep a folder's files as the next version of a file set.

        Without a name it is that of the last time, else the folder's own. What
        did not change since is not read.

        Raises:
            NoFolderError, BadFileNameError, SpecialFileError, UnreadableFileError,
                UnsteadyFileError: what lies there.
            EmptyFolderError: nothing does.
            BadRefError: the name cannot be one.
            ForbiddenError: this principal may not write it.
        """
        folder = Path(folder).resolve()
        seen, began_ns = self._book.read(folder), self._clock.now_us() * 1000
        name = check_name(name or seen.ref.partition("@")[0] or folder.name)
        self._let_write(name, by)
        root, entries, looked = str(folder), [], []
        with self._catalog.blobs.session() as session:
            base = self._newest(name, session)
            bundler = Bundler(self._catalog.blobs, session, base)
            kept = {entry.path: entry for entry in base.entries} if base else {}
            for found in walk(folder):
                old, digest = kept.get(found.path), seen.digest(found)
                if old is None or (old.mode, old.digest) != (found.mode, digest):
                    old = bundler.take(f"{root}/{found.path}", found)
                entries.append(old)
                looked.append((found, old.digest))
            if not entries:
                raise EmptyFolderError(path=folder)
            made = self._record(name, entries, bundler, {"folder": folder.name}, (), by)
        self._note(folder, made.ref, entries, looked, began_ns)
        return made

    def keep(
        self,
        name: str,
        given: Iterable[Given],
        *,
        source: Mapping[str, Any],
        parents: Sequence[Parent] = (),
        by: Principal,
    ) -> Artifact:
        """Keep files that lie anywhere as the next version of a file set.

        Raises:
            As `track`.
        """
        self._let_write(check_name(name), by)
        with self._catalog.blobs.session() as session:
            bundler = Bundler(self._catalog.blobs, session, self._newest(name, session))
            entries = [bundler.take(place, found) for found, place in given]
            if not entries:
                raise EmptyFolderError(path=name)
            return self._record(name, entries, bundler, source, parents, by)

    def status(self, folder: Path | str) -> Changes:
        """Return what changed in a folder since it was tracked or written.

        Only names and times are looked at; a file is read where they differ.

        Raises:
            NotTrackedError: it never was, or its notes are lost.
            The errors of `walk`.
        """
        folder = Path(folder).resolve()
        seen, began_ns = self._book.read(folder), self._clock.now_us() * 1000
        if not seen.ref:
            raise NotTrackedError(path=folder)
        looked, read = _look(folder, seen)
        changes = _changes(seen, looked, read)
        if read:
            seen.looks = seeing.looks(looked, began_ns)
            self._book.write(seen)
        return changes

    def checkout(
        self, ref: str | Ref, to: Path | str, *, force: bool = False, by: Principal
    ) -> Changes:
        """Write a version into a folder: a new one, or one that was tracked and has no changes.

        Raises:
            UnknownArtifactError: there is no such file set.
            WouldOverwriteError: the folder holds what no version has, and `force` was not said.
            UnwritableError: it cannot be written.
            MissingBlobError, CorruptBlobError: the store has lost or damaged something.
            ForbiddenError: it is not for this principal.
        """
        artifact = self.get(ref)
        tree, to = self.opened(artifact, by=by), Path(to).resolve()
        reader = Reader(self._catalog.blobs, tree)
        seen, began_ns = self._book.read(to), self._clock.now_us() * 1000
        there = _look(to, seen)[0] if to.is_dir() else []
        if not force and (lost := _lost(seen, there, tree)):
            raise WouldOverwriteError(path=to, what=_some(lost))
        if not there:
            write_new(reader, tree.entries, to)
        else:
            has = {found.path: (found.mode, digest) for found, digest in there}
            wanted = [e for e in tree.entries if has.get(e.path) != (e.mode, e.digest)]
            gone = set(seen.base) & set(has) - {entry.path for entry in tree.entries}
            write_over(reader, wanted, gone, to)
        self._catalog.ledger.append(
            "checkout", str(artifact), [artifact.digest], {"to": str(to)}, by=by
        )
        return self._written(to, artifact.ref, tree, began_ns)

    def files(
        self, ref: str | Ref, *, limit: int = 1000, by: Principal | None = None
    ) -> list[dict[str, Any]]:
        """Return the paths of a version, in their order. Names tell much: the read is on record.

        Raises:
            UnknownArtifactError: there is no such file set.
            ForbiddenError: it is not for this principal.
        """
        words = {PROGRAM: "program", LINK: "link", FOLDER: "folder"}
        return [
            {
                "path": entry.path, "kind": words.get(entry.mode, "file"), "size": entry.size,
                "digest": f"sha256:{entry.digest}" if entry.digest else "", "target": entry.target,
            }
            for entry in self.opened(self.get(ref), by=by).entries[:limit]
        ]  # fmt: skip

    def get(self, ref: str | Ref) -> Artifact:
        """Return a file set's artifact.

        Raises:
            UnknownArtifactError: there is no such file set.
        """
        return self._catalog.get(KIND, ref)

    def list(self, name: str | None = None, *, limit: int = 50) -> Artifacts:
        """Return file sets, newest first."""
        return self._catalog.list(KIND, name, limit=limit)

    def opened(self, artifact: Artifact, *, by: Principal | None) -> Tree:
        """Return the paths of a version for a reader; that they were read is on record.

        Raises:
            ForbiddenError: it is not for this principal.
            BadTreeError: it cannot be used.
        """
        if self._access is not None and by is not None:
            named = f"{KIND}:{artifact.name}"
            digest = str(artifact.digest)
            self._access.read(named, artifact.ref, digest, split="", by=by, whole=True).close()
        return self.tree(artifact)

    def tree(self, artifact: Artifact) -> Tree:
        """Return the paths of a version, and where their bytes lie.

        Raises:
            BadTreeError: it cannot be used.
        """
        return Tree.from_bytes(self._catalog.read(artifact, _TREE), artifact.ref)

    def reader(self, tree: Tree) -> Reader:
        """Return what reads the contents of a version's files."""
        return Reader(self._catalog.blobs, tree)

    def _let_write(self, name: str, by: Principal) -> None:
        if self._access is not None:
            self._access.write(f"{KIND}:{name}", by=by)

    def _newest(self, name: str, session: Session) -> Tree | None:
        """Return the newest version that has its bytes; they stay until the session ends."""
        for newest in self._catalog.list(KIND, name, limit=_LOOKED_BACK):
            if newest.state == READY:
                with suppress(MissingBlobError):
                    files = newest.manifest.files.values()
                    self._catalog.blobs.rely_on((file.digest for file in files), session=session)
                    return self.tree(newest)
        return None

    def _record(
        self, name: str, entries: Sequence[Entry], bundler: Bundler, source: Mapping[str, Any],
        parents: Sequence[Parent], by: Principal,
    ) -> Artifact:  # fmt: skip
        tree = compacted(entries, bundler.close())
        files: dict[str, bytes | Path | File] = {_TREE: tree.to_bytes()}
        for number, digest in enumerate(tree.bundles):
            files[f"bundles/{number:06}"] = self._catalog.stored(f"sha256:{digest}")
        meta = {"source": dict(source), "counts": _counts(entries), "content": tree.content}
        return self._catalog.record(KIND, name, files=files, meta=meta, parents=parents, by=by)

    def _note(
        self, folder: Path, ref: str, entries: Iterable[Entry],
        looked: Iterable[tuple[Found, str]], began_ns: int,
    ) -> None:  # fmt: skip
        base = {entry.path: (entry.mode, entry.digest) for entry in entries}
        self._book.write(Seen(str(folder), ref, base, seeing.looks(looked, began_ns)))

    def _written(self, folder: Path, ref: str, tree: Tree, began_ns: int) -> Changes:
        """Note a folder that was just written: what has the size of its entry is not read."""
        base = {entry.path: entry for entry in tree.entries}
        looked: list[tuple[Found, str]] = []
        for found in walk(folder):
            entry = base.get(found.path)
            if entry and (entry.mode, entry.size) == (found.mode, found.size):
                looked.append((found, entry.digest))
            else:
                looked.append((found, digest_of(folder / found.path, found)))
        self._note(folder, ref, tree.entries, looked, began_ns)
        return _changes(self._book.read(folder), looked, 0)


def _look(folder: Path, seen: Seen) -> tuple[list[tuple[Found, str]], int]:
    """Return what lies in a folder with its digests, and how many files had to be read."""
    looked: list[tuple[Found, str]] = []
    read, root, known = 0, str(folder), seen.digest
    for found in walk(folder):
        digest = known(found)
        if digest is None:
            digest = digest_of(f"{root}/{found.path}", found)
            read += 1
        looked.append((found, digest))
    return looked, read


def _changes(seen: Seen, looked: Iterable[tuple[Found, str]], read: int) -> Changes:
    added, changed, same = [], [], 0
    left = dict(seen.base)
    for found, digest in looked:
        old = left.pop(found.path, None)
        if old is None:
            added.append(found.path)
        elif old != (found.mode, digest):
            changed.append(found.path)
        else:
            same += 1
    return Changes(
        seen.folder, seen.ref, tuple(sorted(added)), tuple(sorted(changed)), tuple(sorted(left)),
        same, read,
    )  # fmt: skip


def _counts(entries: Iterable[Entry]) -> dict[str, int]:
    counts = {"files": 0, "links": 0, "folders": 0, "bytes": 0}
    names = {LINK: "links", FOLDER: "folders"}
    for entry in entries:
        counts[names.get(entry.mode, "files")] += 1
        counts["bytes"] += entry.size
    return counts


def _lost(seen: Seen, there: Iterable[tuple[Found, str]], tree: Tree) -> list[str]:
    """Return the paths of a folder whose content a checkout would lose; all, in one not tracked."""
    wanted = {entry.path: (entry.mode, entry.digest) for entry in tree.entries}
    lost = []
    for found, digest in there:
        is_now = (found.mode, digest)
        stays = found.path not in wanted and found.path not in seen.base and bool(seen.ref)
        if not stays and is_now not in (seen.base.get(found.path), wanted.get(found.path)):
            lost.append(found.path)
    return lost


def _some(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(f"`{path}`" for path in paths[:3]) + more
