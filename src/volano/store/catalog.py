"""The catalog: every artifact under its kind, name and number, with labels and lineage.

To record is to write the blobs first and then, in one transaction, the row,
its parents and the ledger's event. So whoever is killed in between leaves
bytes that nobody names, and never a name without bytes.

A row whose manifest does not give its digest is never taken for the artifact:
asked for by name it is an error, in a list it is shown as broken.
"""

import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, select, update

from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.errors import IntegrityError, VolanoError
from volano.core.manifest import BadManifestError, File, Manifest, Parent
from volano.core.ports.follow import Follow
from volano.core.principal import Principal
from volano.core.ref import Ref, check_label, check_name
from volano.core.text import nfc
from volano.store.artifact import BROKEN, DROPPED, READY, Artifact, LineageNode
from volano.store.blobs import Blobs
from volano.store.db import Database
from volano.store.errors import (
    AmbiguousRefError,
    BadPathError,
    CorruptManifestError,
    DroppedError,
    MissingBlobError,
    UnknownArtifactError,
    UnknownFileError,
    UnknownParentError,
)
from volano.store.ledger import Event, Ledger
from volano.store.reach import Reach
from volano.store.session import Session
from volano.store.tables import artifacts, labels, parents

Artifacts = list[Artifact]
Problems = list[str]
_BATCH = 400
CHECKED_BYTES = 512 * 2**20
"""So many bytes are read in a look at the blobs: a second or two."""
BESIDE = ("recipe", "card", "contract", "model-card")
"""Kinds that bear the name of the dataset, or the model, that they are of."""


class Catalog:
    """All artifacts of one workspace."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        ledger: Ledger,
        clock: Clock,
        follow: Mapping[str, Follow] | None = None,
    ):
        """`follow` reads which further blobs a file names, by the end of the file's path."""
        self.blobs = blobs
        self.ledger = ledger
        self.reach = Reach(blobs, follow or {})
        self._db = db
        self._clock = clock

    def record(
        self,
        kind: str,
        name: str,
        *,
        files: Mapping[str, bytes | Path | File],
        parents: Sequence[Parent] = (),
        meta: Mapping[str, Any] | None = None,
        made_by: str | None = None,
        by: Principal,
    ) -> Artifact:
        """Keep a new version under the next number, and return it.

        A file may be one that the store has: put in a session that goes on, or
        a file of one of the parents.

        The same content recorded again under the same kind and name (files,
        parents, meta, made_by) is the version that is there already: a step
        that is run again after a crash makes no second one. A `File` (see `stored`)
        names bytes that are in the store already.

        Raises:
            BadRefError: kind or name cannot be one.
            BadPathError: a file's path would lead out of a folder.
            UnreadableSourceError: a source file cannot be read.
            UnknownParentError: a parent is not in the catalog.
            DroppedError: a file of a parent was to stay, and the parent's were dropped.
            MissingBlobError: a `File` names bytes that the store has no longer.
            NotCanonicalError: `meta` is not plain JSON.
            DiskFullError: no room; nothing was recorded.
        """
        for path in files:
            _check_path(path)
        with self.blobs.session() as session:
            kept = self._keep(files, session)
            manifest = Manifest(
                check_name(kind), check_name(name), self._clock.now_us(), kept, tuple(parents),
                made_by, dict(meta or {}),
            )  # fmt: skip
            manifest = Manifest.from_bytes(manifest.to_bytes())
            with self._db.write() as conn:
                borrows = any(isinstance(data, File) for data in files.values())
                _check_parents(conn, manifest.parents, borrows=borrows)
                twin = _twin(conn, manifest)
                if twin is not None:
                    return self._again(conn, twin, by)
                return self._write(conn, manifest, by)

    def stored(self, digest: str) -> File:
        """Return what `record` takes for bytes that are in the store already.

        Raises:
            MissingBlobError: they are not.
        """
        return File(Digest(digest), self.blobs.size(digest))

    def get(self, kind: str, ref: str | Ref) -> Artifact:
        """Return the artifact of this kind that the ref names.

        Raises:
            BadRefError: the ref is not one.
            UnknownArtifactError: nothing bears that name; says what is near it.
            AmbiguousRefError: the beginning of a digest fits several versions.
            CorruptManifestError: its row is not what was recorded.
        """
        with self._db.read() as conn:
            return _one(conn, kind, Ref.parse(ref))

    def by_digest(self, digest: str) -> Artifact:
        """Return the artifact whose manifest has this digest.

        Raises:
            UnknownArtifactError: there is none.
            CorruptManifestError: its row is not what was recorded.
        """
        with self._db.read() as conn:
            row = conn.execute(select(artifacts).where(artifacts.c.digest == digest)).first()
            if row is None:
                raise UnknownArtifactError(what="artifact", ref=digest, hint=_where_to_look(None))
            return _load(conn, [row])[0]

    def find(self, ref: str) -> Artifact:
        """Return the artifact that a ref names across kinds: `support@1`, `release/support@1`.

        A digest, or its beginning, names one too: `sha256:ab12cd`. A recipe, a card or a
        contract has the name of its dataset, and gives way to it.

        Raises:
            BadRefError: the ref is not one.
            UnknownArtifactError: nothing bears that name.
            AmbiguousRefError: artifacts of several kinds do.
            CorruptManifestError: its row is not what was recorded.
        """
        text = nfc(ref)
        with self._db.read() as conn:
            rows = _by_prefix(conn, text) if text.startswith("sha256:") else _anywhere(conn, text)
            if len(rows) > 1:
                rows = [row for row in rows if row.kind not in BESIDE] or rows
            if len(rows) > 1:
                raise AmbiguousRefError(ref=text, choices=_choices(rows))
            if not rows:
                raise _unknown(conn, None, text)
            return _load(conn, rows)[0]

    def list(
        self,
        kind: str | None = None,
        name: str | None = None,
        *,
        limit: int = 50,
        before_us: int | None = None,
    ) -> Artifacts:
        """Return artifacts, newest first; `before_us` leaves out those made then or later.

        One whose row is not what was recorded is among them, its state `broken`.
        """
        query = select(artifacts).order_by(
            artifacts.c.created_us.desc(), artifacts.c.number.desc(), artifacts.c.digest
        )
        for column, value in ((artifacts.c.kind, kind), (artifacts.c.name, name)):
            if value is not None:
                query = query.where(column == nfc(value))
        if before_us is not None:
            query = query.where(artifacts.c.created_us < before_us)
        with self._db.read() as conn:
            return _load(conn, conn.execute(query.limit(limit)).all(), _shown)

    def names(self, kind: str) -> Artifacts:
        """Return the newest version of each name of this kind, in order of the names."""
        newest = _newest(kind)
        query = select(artifacts).join(
            newest,
            and_(artifacts.c.name == newest.c.name, artifacts.c.number == newest.c.number),
        )
        with self._db.read() as conn:
            rows = conn.execute(query.where(artifacts.c.kind == kind)).all()
            found = _load(conn, rows, _shown)
        return sorted(found, key=lambda artifact: artifact.name)

    def labelled(self, kind: str, label: str) -> Artifacts:
        """Return what bears a label, of whatever name, in order of the names."""
        query = select(artifacts).join(
            labels, and_(labels.c.kind == artifacts.c.kind, labels.c.digest == artifacts.c.digest,
                         labels.c.name == artifacts.c.name),
        ).where(labels.c.kind == kind, labels.c.label == label)  # fmt: skip
        with self._db.read() as conn:
            found = _load(conn, conn.execute(query).all(), _shown)
        return sorted(found, key=lambda artifact: artifact.name)

    def moved(self, kind: str, name: str, label: str) -> Event | None:
        """Return how a label came to be where it is, or was taken away, last; who did it."""
        found = self.ledger.list(subject=f"{kind}/{name}:{label}", limit=1)
        return found[0] if found else None

    def read(self, artifact: Artifact, path: str) -> bytes:
        """Return the bytes of one file of an artifact, checked.

        Raises:
            UnknownFileError: the artifact has no such file.
            MissingBlobError, CorruptBlobError: the store has lost or damaged them.
        """
        return self.blobs.get(_file(artifact, path).digest)

    def checkout(self, artifact: Artifact, path: str, to: Path | str) -> Path:
        """Put one file of an artifact into the file system at `to`; return that path.

        Raises:
            UnknownFileError, MissingBlobError, CorruptBlobError: as in `read`.
            DiskFullError: no room.
        """
        return self.blobs.checkout(_file(artifact, path).digest, to)

    def label(self, kind: str, ref: str | Ref, label: str, *, by: Principal) -> Artifact:
        """Move a label to this artifact, from wherever it was; return the artifact.

        Raises:
            BadRefError: the label cannot be one.
            UnknownArtifactError: the ref names nothing.
        """
        label, now = check_label(label), self._clock.now_us()
        with self._db.write() as conn:
            artifact = _one(conn, kind, Ref.parse(ref))
            old = conn.scalar(select(labels.c.digest).where(_is_label(kind, artifact.name, label)))
            if old != artifact.digest:
                conn.execute(delete(labels).where(_is_label(kind, artifact.name, label)))
                row = (kind, artifact.name, label, artifact.digest, now, str(by))
                conn.execute(insert(labels).values(row))
                content = {"from": old, "to": artifact.ref}
                subject = f"{kind}/{artifact.name}:{label}"
                self.ledger.append("label", subject, [artifact.digest], content, by=by, conn=conn)
        return self.by_digest(artifact.digest)

    def unlabel(self, kind: str, ref: str | Ref, *, by: Principal) -> Artifact:
        """Take a label away (`faq:stable`); return the artifact that bore it.

        Raises:
            UnknownArtifactError: nothing bears this label.
        """
        ref = Ref.parse(ref)
        if ref.label is None:
            raise UnknownArtifactError(what="label", ref=ref, hint=f"Write `{ref.name}:label`.")
        with self._db.write() as conn:
            artifact = _one(conn, kind, ref)
            conn.execute(delete(labels).where(_is_label(kind, ref.name, ref.label)))
            subject, content = f"{kind}/{ref}", {"from": artifact.ref}
            self.ledger.append("unlabel", subject, [artifact.digest], content, by=by, conn=conn)
        return self.by_digest(artifact.digest)

    def lineage(self, digest: str, *, depth: int = 20) -> LineageNode:
        """Return the tree of an artifact's ancestors, at most `depth` generations up.

        An ancestor that is reached by several ways is one node in several places.

        Raises:
            UnknownArtifactError: there is no such artifact.
        """
        root = self.by_digest(digest)
        known = {root.digest: root}
        edges: dict[str, tuple[Parent, ...]] = {}
        level = [root]
        with self._db.read() as conn:
            for _ in range(depth):
                edges.update((str(one.digest), one.manifest.parents) for one in level)
                wanted = {p.digest for one in level for p in one.manifest.parents} - set(known)
                level = _by_digests(conn, wanted, _shown)
                known.update((one.digest, one) for one in level)
        return _tree(root.digest, known, edges)

    def children(self, digest: str) -> Artifacts:
        """Return the artifacts that were made from this one, oldest first."""
        query = select(parents.c.child).where(parents.c.parent == digest)
        with self._db.read() as conn:
            found = _by_digests(conn, set(conn.scalars(query)), _shown)
        return sorted(found, key=lambda one: (one.created_us, one.kind, one.name, one.number))

    def made_of(self, digests: Iterable[str]) -> Artifacts:
        """Return the artifacts that were made from any of these."""
        wanted, found = sorted(set(digests)), set()
        with self._db.read() as conn:
            for start in range(0, len(wanted), _BATCH):
                some = parents.c.parent.in_(wanted[start : start + _BATCH])
                found |= set(conn.scalars(select(parents.c.child).where(some)))
            return _by_digests(conn, found, _shown)

    def made_by(self, runs: Iterable[str]) -> Artifacts:
        """Return the artifacts that these Runs made."""
        query = select(artifacts).where(artifacts.c.made_by.in_(sorted(set(runs))))
        with self._db.read() as conn:
            return _load(conn, conn.execute(query.order_by(artifacts.c.created_us)).all(), _shown)

    def by_digests(self, digests: Iterable[str]) -> Artifacts:
        """Return those of these artifacts that there are."""
        with self._db.read() as conn:
            return _by_digests(conn, set(digests), _shown)

    def counts(self) -> dict[str, int]:
        """Return how many artifacts there are of each kind."""
        query = select(artifacts.c.kind, func.count()).group_by(artifacts.c.kind)
        with self._db.read() as conn:
            return dict(sorted((kind, count) for kind, count in conn.execute(query)))

    def verify(self, artifact: Artifact) -> Problems:
        """Check what is stored of an artifact: its manifest and all its bytes; return problems."""
        query = select(artifacts).where(artifacts.c.digest == artifact.digest)
        with self._db.read() as conn:
            row = conn.execute(query).first()
        if row is None:
            return [f"{artifact} is not in the catalog"]
        try:
            files = _manifest(row).files
        except CorruptManifestError as error:
            return [str(error.facts["why"])]
        if row.state == DROPPED:
            return [f"its bytes were dropped; see `volano audit log --subject {artifact}`"]
        return [
            f"{path}: {why}"
            for path, file in files.items()
            for _, why in self.blobs.verify(self.reach.whole({path: file})).bad
        ]

    def verify_blobs(self, *, all: bool = False) -> dict[str, Any]:  # noqa: A002 - the word of the sentence
        """Check stored bytes against their digests: all when they are small or asked for, else some.

        Bytes that an artifact names and the index lacks are problems too.
        `checked` of `blobs` says how much was read.
        """
        digests, count = self.blobs.some(sys.maxsize if all else CHECKED_BYTES)
        problems = [why for _, why in self.blobs.verify(digests).bad]
        problems += [
            f"The bytes {digest} are not in the index."
            for digest in self.blobs.lacking(self.named())
        ]
        return {"blobs": count, "checked": len(digests), "problems": problems}

    def rebuild_index(self, *, by: Principal) -> dict[str, Any]:
        """Find all blobs in their packs anew; return how many, and what is damaged or still lacks."""
        scan = self.blobs.rebuild_index()
        problems = [f"{what}: {why}" for what, why in scan.bad]
        problems += [f"{digest}: in no pack" for digest in self.blobs.lacking(self.named())]
        facts = {"blobs": scan.blobs, "packs": scan.packs, "problems": problems}
        self.ledger.append("rebuild_index", "store/blobs", [], facts, by=by)
        return facts

    def named(self) -> Iterator[str]:
        """Yield the digest of every blob that any artifact names, by whatever way; some twice.

        What is damaged is passed over: it is told by `verify` of its artifact.
        """
        seen: set[str] = set()
        for row in self.rows():
            with suppress(IntegrityError, MissingBlobError):
                yield from self.reach.whole(Manifest.from_bytes(row.manifest).files, seen)

    def rows(self) -> Iterator[Row[Any]]:
        """Yield the row of every artifact whose bytes must be there, in one snapshot."""
        query = select(artifacts).where(artifacts.c.state != DROPPED).order_by(artifacts.c.digest)
        last = ""
        with self._db.read() as conn:
            while some := conn.execute(query.where(artifacts.c.digest > last).limit(_BATCH)).all():
                yield from some
                last = some[-1].digest

    def _again(self, conn: Connection, twin: Row[Any], by: Principal) -> Artifact:
        """Return the version that is there already; one whose bytes were dropped has them again."""
        if twin.state == DROPPED:
            here = artifacts.c.digest == twin.digest
            conn.execute(update(artifacts).where(here).values(state=READY))
            subject = f"{twin.kind}/{twin.name}@{twin.number}"
            self.ledger.append("restore", subject, [twin.digest], {}, by=by, conn=conn)
            return _by_digests(conn, {twin.digest})[0]
        return _load(conn, [twin])[0]

    def _keep(self, files: Mapping[str, bytes | Path | File], session: Session) -> dict[str, File]:
        """Put all files into the store: the small ones together, in one pack."""
        small = {path: data for path, data in files.items() if isinstance(data, bytes)}
        named = self.blobs.put_many(small.values(), session=session)
        there = [file.digest for file in files.values() if isinstance(file, File)]
        self.blobs.rely_on(there, session=session)
        digests = dict(zip(small, named, strict=True))
        kept = {}
        for path, data in files.items():
            if isinstance(data, File):
                kept[path] = data
            elif isinstance(data, Path):
                digest = self.blobs.put_file(data, session=session)
                kept[path] = File(digest, self.blobs.size(digest))
            else:
                kept[path] = File(digests[path], len(data))
        return kept

    def _write(self, conn: Connection, manifest: Manifest, by: Principal) -> Artifact:
        kind, name, digest = manifest.kind, manifest.name, manifest.digest
        same = and_(artifacts.c.kind == kind, artifacts.c.name == name)
        number = (conn.scalar(select(func.max(artifacts.c.number)).where(same)) or 0) + 1
        artifact = Artifact(kind, name, number, digest, manifest, (), str(by))
        conn.execute(
            insert(artifacts).values(
                digest=digest, kind=kind, name=name, number=number, manifest=manifest.to_bytes(),
                size=manifest.size, created_us=manifest.created_us, created_by=str(by),
                made_by=manifest.made_by, state=artifact.state,
            )
        )  # fmt: skip
        edges = {(digest, parent.digest, parent.role) for parent in manifest.parents}
        if edges:
            conn.execute(insert(parents).values(sorted(edges)))
        content = {"size": manifest.size, "made_by": manifest.made_by}
        self.ledger.append("record", str(artifact), [digest], content, by=by, conn=conn)
        return artifact


def _twin(conn: Connection, manifest: Manifest) -> Row[Any] | None:
    """Find the version with the same content: the same digest, but for the moment of recording."""
    query = select(artifacts).where(
        artifacts.c.kind == manifest.kind,
        artifacts.c.name == manifest.name,
        artifacts.c.size == manifest.size,
        artifacts.c.made_by.is_not_distinct_from(manifest.made_by),
    )
    for row in conn.execute(query.order_by(artifacts.c.number.desc())):
        if replace(manifest, created_us=row.created_us).digest == row.digest:
            return row
    return None


def _check_parents(conn: Connection, edges: Iterable[Parent], *, borrows: bool) -> None:
    known = {one.digest: one for one in _by_digests(conn, {edge.digest for edge in edges})}
    for edge in edges:
        if edge.digest not in known:
            raise UnknownParentError(digest=edge.digest, role=edge.role)
        if borrows and known[edge.digest].state == DROPPED:
            raise DroppedError(ref=known[edge.digest].ref, subject=known[edge.digest])


def _one(conn: Connection, kind: str, ref: Ref) -> Artifact:
    rows = _rows(conn, kind, ref)
    if len(rows) > 1:
        raise AmbiguousRefError(ref=ref, choices=_choices(rows))
    if not rows:
        raise _unknown(conn, kind, ref)
    return _load(conn, rows)[0]


def _rows(conn: Connection, kind: str | None, ref: Ref) -> Sequence[Row[Any]]:
    """Return the rows that a ref may mean: for a name or number, at most one of each kind."""
    query = select(artifacts).where(artifacts.c.name == ref.name)
    if kind is not None:
        query = query.where(artifacts.c.kind == kind)
    if ref.number is not None:
        query = query.where(artifacts.c.number == ref.number)
    elif ref.digest is not None:
        query = query.where(artifacts.c.digest.startswith(ref.digest, autoescape=True))
    elif ref.label is not None:
        query = query.join(
            labels,
            and_(labels.c.kind == artifacts.c.kind, labels.c.digest == artifacts.c.digest),
        ).where(labels.c.name == ref.name, labels.c.label == ref.label)
    else:
        newest = _newest(kind)
        query = query.join(
            newest,
            and_(
                artifacts.c.kind == newest.c.kind,
                artifacts.c.name == newest.c.name,
                artifacts.c.number == newest.c.number,
            ),
        )
    return conn.execute(query).all()


def _newest(kind: str | None) -> Any:
    query = select(
        artifacts.c.kind, artifacts.c.name, func.max(artifacts.c.number).label("number")
    ).group_by(artifacts.c.kind, artifacts.c.name)
    return (query if kind is None else query.where(artifacts.c.kind == kind)).subquery()


def _anywhere(conn: Connection, text: str) -> Sequence[Row[Any]]:
    """Read `a/b@1` both ways: the name `a/b` of any kind, and the name `b` of kind `a`."""
    rows = list(_rows(conn, None, Ref.parse(text)))
    kind, slash, rest = text.partition("/")
    if slash:
        rows += _rows(conn, kind, Ref.parse(rest))
    return rows


def _by_prefix(conn: Connection, text: str) -> Sequence[Row[Any]]:
    prefix = Ref.parse(f"digest@{text}").digest or text
    query = select(artifacts).where(artifacts.c.digest.startswith(prefix, autoescape=True))
    return conn.execute(query.limit(6)).all()


def _by_digests(conn: Connection, digests: set[Any], read: "_Read | None" = None) -> Artifacts:
    wanted = sorted(digests)
    found: list[Row[Any]] = []
    for start in range(0, len(wanted), _BATCH):
        some = wanted[start : start + _BATCH]
        found += conn.execute(select(artifacts).where(artifacts.c.digest.in_(some))).all()
    return _load(conn, found, read)


def _load(conn: Connection, rows: Sequence[Row[Any]], read: "_Read | None" = None) -> Artifacts:
    """Add the labels to the rows; `read` is `_artifact` when not given, or `_shown`."""
    borne: dict[str, list[str]] = {row.digest: [] for row in rows}
    digests = list(borne)
    for start in range(0, len(digests), _BATCH):
        some = digests[start : start + _BATCH]
        query = select(labels.c.digest, labels.c.label).where(labels.c.digest.in_(some))
        for digest, label in conn.execute(query):
            borne[digest].append(label)
    return [(read or _artifact)(row, borne[row.digest]) for row in rows]


def _artifact(row: Row[Any], borne: Iterable[str]) -> Artifact:
    return Artifact(
        row.kind, row.name, row.number, Digest(row.digest), _manifest(row),
        tuple(sorted(borne)), row.created_by, row.state,
    )  # fmt: skip


def _shown(row: Row[Any], borne: Iterable[str]) -> Artifact:
    """Return the artifact, or, when its row is not what was recorded, what can be said of it."""
    try:
        return _artifact(row, borne)
    except CorruptManifestError as error:
        empty = Manifest(row.kind, row.name, row.created_us, made_by=row.made_by)
        return Artifact(
            row.kind, row.name, row.number, Digest(row.digest), empty, tuple(sorted(borne)),
            row.created_by, BROKEN, str(error.facts["why"]),
        )  # fmt: skip


_Read = Callable[[Row[Any], Iterable[str]], Artifact]


def _manifest(row: Row[Any]) -> Manifest:
    """Return the manifest of a row.

    Raises:
        CorruptManifestError: it is not the one that was recorded under this digest and name.
    """
    artifact = f"{row.kind}/{row.name}@{row.number}"
    if Digest.of(row.manifest) != row.digest:
        why = f"the manifest of {artifact} does not give its digest {row.digest}"
        raise CorruptManifestError(artifact=artifact, why=why)
    try:
        manifest = Manifest.from_bytes(row.manifest)
    except BadManifestError as error:
        raise CorruptManifestError(artifact=artifact, why=error.message) from error
    if (row.kind, row.name) != (manifest.kind, manifest.name):
        why = f"the row of {artifact} holds the manifest of another artifact"
        raise CorruptManifestError(artifact=artifact, why=why)
    return manifest


def _tree(
    root: str, known: Mapping[Digest, Artifact], edges: Mapping[str, tuple[Parent, ...]]
) -> LineageNode:
    """Join artifacts and edges; each ancestor's own parents are built once."""
    built: dict[str, tuple[LineageNode, ...]] = {}

    def above(digest: str) -> tuple[LineageNode, ...]:
        if digest not in built:
            built[digest] = tuple(
                LineageNode(known[edge.digest], edge.role, above(edge.digest))
                for edge in edges.get(digest, ())
                if edge.digest in known
            )
        return built[digest]

    return LineageNode(known[Digest(root)], "", above(root))


def _is_label(kind: str, name: str, label: str) -> Any:
    return and_(labels.c.kind == kind, labels.c.name == name, labels.c.label == label)


def _check_path(path: str) -> None:
    steps = path.split("/")
    if not path.isprintable() or "\\" in path or {"", ".", ".."} & set(steps):
        raise BadPathError(path=ascii(path)[:120])


def _file(artifact: Artifact, path: str) -> File:
    file = artifact.manifest.files.get(nfc(path))
    if file is None:
        known = ", ".join(sorted(artifact.manifest.files)) or "none"
        raise UnknownFileError(artifact=artifact, path=path, known=known)
    return file


def _choices(rows: Sequence[Row[Any]]) -> str:
    return ", ".join(sorted(f"{row.kind}/{row.name}@{row.number}" for row in rows))


def _unknown(conn: Connection, kind: str | None, ref: Ref | str) -> VolanoError:
    """Say what is near: another version of that name, or a name spelled almost so."""
    facts: dict[str, Any] = {"what": kind or "artifact", "ref": ref}
    names = select(artifacts.c.kind, artifacts.c.name, func.max(artifacts.c.number))
    query = names.group_by(artifacts.c.kind, artifacts.c.name)
    if kind is not None:
        query = query.where(artifacts.c.kind == kind)
    rows = conn.execute(query).all()
    wanted = ref.name if isinstance(ref, Ref) else ref.partition("@")[0].partition(":")[0]
    known = {name if kind else f"{of}/{name}": number for of, name, number in rows}
    known |= {name: number for _, name, number in rows}
    near = difflib.get_close_matches(wanted, known, n=1)
    if wanted in known:
        hint = f"The newest version of `{wanted}` is `{wanted}@{known[wanted]}`."
    elif near:
        hint = f"Did you mean `{near[0]}@{known[near[0]]}`?"
    else:
        hint = _where_to_look(kind)
    return UnknownArtifactError(**facts, hint=hint)


def _where_to_look(kind: str | None) -> str:
    nouns = {"dataset": "data", "report": "eval", "model-card": "model", None: ""}
    if kind == "fileset":
        return "See what there is with `volano data tracked`."
    if kind in ("contract", "card"):
        return "See what there is with `volano data list`."
    noun = nouns.get(kind, kind)
    return f"See what there is with `volano {noun} list`." if noun else "See `volano status`."
