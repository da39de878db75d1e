"""Garbage: bytes that no artifact reaches go, and never others.

The order makes it safe against writers and against being killed:

1. look which packs there are, then who writes: nothing goes that was put, or
   relied on, since the oldest living session began, nor within the grace;
2. mark: follow every artifact to all its blobs. What cannot be read, or is not
   in the index, stops it here: then nobody knows what may go;
3. delete rows of the index, each again under the condition of 1;
4. delete packs without rows whose writer is dead, and copy what lives in packs
   that are mostly dead: new pack, then rows, then the old pack goes.

Killed in between, it leaves packs that no row names: the next run's step 4.
Marks are 64 bits a blob. Two digests that agree in them keep a dead blob, and
never lose a living one.
"""

from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, delete, func, select, update

from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.manifest import Manifest
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.core.text import nfc
from volano.store import pack
from volano.store.artifact import DROPPED, Artifact
from volano.store.blobs import SUFFIX, Blobs, new_name
from volano.store.catalog import Catalog
from volano.store.db import Database
from volano.store.errors import DroppedError, HeldError, NeededError, UnreachedError
from volano.store.holds import ArtifactHold, ArtifactHolds
from volano.store.ledger import Ledger
from volano.store.pack import Place
from volano.store.reach import first_bytes
from volano.store.session import alone, living
from volano.store.tables import artifacts, blobs, labels, parents

MOSTLY = 0.5
"""A pack of whose bytes this share is dead is written anew."""
_BATCH = 400
_MINUTE_US = 60_000_000
Marks = np.ndarray[Any, np.dtype[np.uint64]]
Holds = list[ArtifactHold]


@dataclass(slots=True)
class Collected:
    """What went: blobs and their bytes; packs deleted and written anew; bytes of disk.

    `kept_young` blobs are reached by nothing and too young to go; `writers` put at the moment.
    """

    blobs: int = 0
    bytes: int = 0
    packs: int = 0
    rewritten: int = 0
    freed_bytes: int = 0
    kept_young: int = 0
    writers: int = 0
    dry_run: bool = False


class Garbage:
    """Collects garbage in the store of one workspace, and keeps the holds."""

    def __init__(
        self, *, db: Database, catalog: Catalog, blobs: Blobs, ledger: Ledger, clock: Clock
    ):
        self._db, self._catalog, self._blobs = db, catalog, blobs
        self._ledger, self._clock = ledger, clock
        self._holds = ArtifactHolds(db, ledger, clock)

    def hold(self, ref: str, *, reason: str, by: Principal) -> ArtifactHold:
        """Keep an artifact, of any kind, and its bytes, until the hold is released.

        Raises:
            UnknownArtifactError, AmbiguousRefError: the ref names none, or several.
            BadHoldReasonError: no reason, or a very long one.
            DroppedError: its bytes were dropped already.
        """
        return self._holds.add(self._catalog.find(ref), reason, by=by)

    def unhold(self, id: str, *, by: Principal) -> ArtifactHold:  # noqa: A002 - the sentence's word
        """End a hold.

        Raises:
            NoArtifactHoldError: there is none of this id.
        """
        return self._holds.release(id, by=by)

    def holds(self) -> Holds:
        """Return the holds that stand, oldest first."""
        return self._holds.list()

    def drop(self, kind: str, ref: str | Ref, why: str, *, by: Principal) -> Artifact:
        """Let the bytes of a version go; its manifest, its number and its lineage stay.

        The next collection deletes those that nothing else reaches. The same
        content recorded again brings the version back.

        Raises:
            UnknownArtifactError: the ref names none.
            DroppedError: it was dropped already.
            HeldError: a hold stands on it.
            NeededError: it has a label, or something of another kind was made of it.
        """
        artifact = self._catalog.get(kind, ref)
        here = artifacts.c.digest == artifact.digest
        with self._db.write() as conn:
            if conn.scalar(select(artifacts.c.state).where(here)) == DROPPED:
                raise DroppedError(ref=artifact.ref, subject=artifact)
            self._check_free(conn, artifact)
            conn.execute(update(artifacts).where(here).values(state=DROPPED))
            content = {"why": nfc(why), "size": artifact.size}
            self._ledger.append("drop", str(artifact), [artifact.digest], content, by=by, conn=conn)
        return self._catalog.by_digest(artifact.digest)

    def _check_free(self, conn: Connection, artifact: Artifact) -> None:
        hold = self._holds.on(conn, artifact.digest)
        if hold is not None:
            raise HeldError(ref=artifact.ref, reason=hold.reason, id=hold.id)
        label = conn.scalar(select(labels.c.label).where(labels.c.digest == artifact.digest))
        if label is not None:
            raise NeededError(
                ref=artifact.ref, why=f"it is `{artifact.name}:{label}`",
                advice_="Move the label to another version first.",
            )  # fmt: skip
        made = select(artifacts).join(parents, parents.c.child == artifacts.c.digest)
        other = (parents.c.parent == artifact.digest, artifacts.c.kind != artifact.kind)
        child = conn.execute(made.where(*other).limit(1)).first()
        if child is not None:
            raise NeededError(
                ref=artifact.ref, why=f"the {child.kind} `{child.name}@{child.number}` stands on it",
                advice_="What others were made of stays, so that it can be told how they were made.",
            )  # fmt: skip

    def collect(
        self,
        *,
        grace_minutes: int = 60,
        compact: bool = False,
        dry_run: bool = False,
        by: Principal,
    ) -> dict[str, Any]:
        """Delete the bytes that no artifact reaches and nobody put within the grace.

        Packs that are mostly dead are written anew; with `compact` all that
        hold a dead byte.

        Raises:
            UnreachedError: an artifact's bytes are damaged or missing: nothing was deleted.
            BusyFolderError: somebody collects already.
        """
        done = Collected(dry_run=dry_run)
        with alone(self._blobs.folder):
            pack.sweep(self._blobs.folder)
            packs = sorted(self._blobs.folder.glob(f"*{SUFFIX}"))
            writers = living(self._blobs.folder)
            done.writers = len(writers)
            oldest_us = self._clock.now_us() - grace_minutes * _MINUTE_US
            horizon_us = min(oldest_us, *(writer.began_us for writer in writers), 2**62)
            marks = self._mark()
            self._sweep_index(marks, horizon_us, done)
            if not dry_run:
                share = 0.0 if compact else MOSTLY
                self._sweep_packs(packs, {writer.id for writer in writers}, share, done)
        facts = asdict(done)
        if not dry_run and (done.blobs or done.packs or done.rewritten):
            self._ledger.append("collect", "store/blobs", [], facts, by=by)
        return facts

    def _mark(self) -> Marks:
        """Return the marks of all that artifacts reach, in order, once each.

        Raises:
            UnreachedError: of one it cannot be known.
        """
        found = array("Q")
        seen: set[str] = set()
        for row in self._catalog.rows():
            artifact = f"{row.kind}/{row.name}@{row.number}"
            try:
                if Digest.of(row.manifest) != row.digest:
                    raise UnreachedError(artifact=artifact, why="its manifest is damaged")
                files = Manifest.from_bytes(row.manifest).files
                found.extend(map(first_bytes, self._catalog.reach.whole(files, seen)))
            except UnreachedError:
                raise
            except VolanoError as error:
                raise UnreachedError(artifact=artifact, why=error.message) from error
        marks: Marks = np.unique(np.frombuffer(found, dtype=np.uint64))
        self._check_present(marks)
        return marks

    def _check_present(self, marks: Marks) -> None:
        """Refuse where the index lacks what is reached: its pack may lie here, without a row."""
        there = np.zeros(len(marks), dtype=bool)
        for rows in self._index():
            at, known = _look_up(marks, rows)
            there[at[known]] = True
        lacking = int(len(marks) - there.sum())
        if lacking:
            why = f"{lacking} of its blobs, or of others', are not in the index"
            raise UnreachedError(
                artifact="an artifact", why=why,
                hint="Nothing was deleted. Say `volano audit reindex`, then `volano audit blobs`.",
            )  # fmt: skip

    def _sweep_index(self, marks: Marks, horizon_us: int, done: Collected) -> None:
        for rows in self._index():
            _, known = _look_up(marks, rows)
            dead = [row for row, reached in zip(rows, known, strict=True) if not reached]
            old = [row for row in dead if row.used_us < horizon_us]
            done.kept_young += len(dead) - len(old)
            if old and not done.dry_run:
                old = self._forget(old, horizon_us)
            done.blobs += len(old)
            done.bytes += sum(row.stored for row in old)

    def _forget(self, rows: list[Any], horizon_us: int) -> list[Any]:
        """Delete rows that are still as old as they were; return those that went."""
        wanted = [row.digest for row in rows]
        gone = delete(blobs).where(blobs.c.digest.in_(wanted), blobs.c.used_us < horizon_us)
        with self._db.write() as conn:
            went = set(conn.scalars(gone.returning(blobs.c.digest)))
        return [row for row in rows if row.digest in went]

    def _index(self) -> Iterator[list[Any]]:
        """Yield the whole index, some rows at a time, by digest."""
        columns = (blobs.c.digest, blobs.c.stored, blobs.c.used_us)
        query, last = select(*columns).order_by(blobs.c.digest).limit(_BATCH), ""
        while True:
            with self._db.read() as conn:
                rows = list(conn.execute(query.where(blobs.c.digest > last)))
            if not rows:
                return
            yield rows
            last = rows[-1].digest

    def _sweep_packs(
        self, packs: list[Path], writers: set[str], share: float, done: Collected
    ) -> None:
        living_bytes = self._living_bytes()
        for path in packs:
            size = path.stat().st_size
            alive = living_bytes.get(path.name, 0)
            if not alive and path.name[:16] not in writers:
                path.unlink()
                done.packs += 1
                done.freed_bytes += size
            elif alive and size - len(pack.MAGIC) - alive > size * share:
                written = self._rewrite(path)
                if written:
                    done.rewritten += 1
                    done.freed_bytes += size - written

    def _living_bytes(self) -> dict[str, int]:
        total = func.sum(blobs.c.stored + pack.HEADER_BYTES)
        with self._db.read() as conn:
            rows = conn.execute(select(blobs.c.pack, total).group_by(blobs.c.pack)).all()
        return {name: int(count) for name, count in rows}

    def _rewrite(self, path: Path) -> int:
        """Copy what lives in a pack to a new one, and delete it; return the new one's bytes.

        A pack in which a record is not where the index says stays as it is: 0.
        """
        with self._db.read() as conn:
            query = select(blobs).where(blobs.c.pack == path.name).order_by(blobs.c.offset)
            rows = conn.execute(query).all()
        name, offset, moved = new_name(), len(pack.MAGIC), []
        with path.open("rb") as old, pack.new_file(path.with_name(name)) as new:
            new.write(pack.MAGIC)
            for row in rows:
                old.seek(row.offset)
                head = old.read(pack.HEADER_BYTES)
                place = Place(
                    Digest(row.digest), row.pack, row.offset, row.stored, row.size, row.codec
                )
                if pack.read_header(head, place.pack, place.offset) != place:
                    break
                new.write(head)
                if _copy(old, new, place.stored):
                    break
                moved.append({"of": row.digest, "to": offset})
                offset += pack.HEADER_BYTES + place.stored
        if len(moved) < len(rows):
            path.with_name(name).unlink()
            return 0
        here = (blobs.c.digest == bindparam("of"), blobs.c.pack == path.name)
        with self._db.write() as conn:
            statement = update(blobs).where(*here).values(pack=name, offset=bindparam("to"))
            conn.execute(statement, moved)
        path.unlink()
        return offset


def _look_up(marks: Marks, rows: list[Any]) -> tuple[Any, Any]:
    """Return for each row its place among the marks, and whether it is one of them."""
    wanted = np.array([first_bytes(row.digest) for row in rows], dtype=np.uint64)
    if not len(marks):
        return np.zeros(len(rows), dtype=int), np.zeros(len(rows), dtype=bool)
    at = np.minimum(np.searchsorted(marks, wanted), len(marks) - 1)
    return at, marks[at] == wanted


def _copy(source: Any, to: Any, count: int) -> int:
    """Copy so many bytes; return how many were lacking."""
    while count and (part := source.read(min(count, pack.FRAME_BYTES))):
        to.write(part)
        count -= len(part)
    return count
