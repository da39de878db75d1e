"""The ledger: who did what, when, on which digests; append-only, provable, erasable.

Each event is a leaf of a Merkle tree (RFC 9162). A leaf holds the bare facts
and a salted commitment to the content, not the content itself: when a person
asks to be forgotten, the content and its salt are deleted, the leaf stays, and
every proof still holds. `verify` finds changed, missing and reordered events;
whoever notes a root elsewhere can also find a history that was rewritten whole.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select

from volano.core.canon import canonical
from volano.core.clock import Clock
from volano.core.digest import Digest
from volano.core.errors import VolanoError
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.store.db import Database
from volano.store.errors import EraseRefusedError, UnknownEventError
from volano.store.merkle import Frontier, inclusion_path, leaf_hash, proves
from volano.store.tables import contents, events

ERASE = "erase"


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. `content` is None when it was erased; `at_us` is microseconds UTC."""

    seq: int
    id: str
    at_us: int
    principal: str
    verb: str
    subject: str
    digests: tuple[Digest, ...]
    commitment: str
    leaf: str
    content: Mapping[str, Any] | None

    @property
    def erased(self) -> bool:
        """Whether the content is gone; the facts and the proof stay."""
        return self.content is None


Events = list[Event]


@dataclass(frozen=True, slots=True)
class Proof:
    """That an event is in the ledger of this size and root. All hashes in hex."""

    seq: int
    size: int
    leaf: str
    path: tuple[str, ...]
    root: str

    def holds(self) -> bool:
        """Recompute the root from the leaf and the path; needs no database."""
        steps = [bytes.fromhex(step) for step in self.path]
        leaf, root = bytes.fromhex(self.leaf), bytes.fromhex(self.root)
        return proves(leaf, self.seq - 1, self.size, steps, root)


@dataclass(frozen=True, slots=True)
class Check:
    """What `verify` found. `problems` are (seq, sentence); `erased` are seqs, which is no fault."""

    size: int
    root: str
    problems: tuple[tuple[int, str], ...] = ()
    erased: tuple[int, ...] = field(default=())

    def __bool__(self) -> bool:
        return not self.problems


class Ledger:
    """The events of one workspace."""

    def __init__(self, db: Database, clock: Clock):
        self._db = db
        self._clock = clock

    def append(
        self,
        verb: str,
        subject: str,
        digests: Iterable[str],
        content: Mapping[str, Any],
        *,
        by: Principal,
        conn: Connection | None = None,
    ) -> Event:
        """Write one event; with `conn`, as part of that writing transaction.

        Raises:
            NotCanonicalError: the content is not plain JSON.
        """
        salt, body = os.urandom(16), canonical(dict(content))
        with self._writing(conn) as writer:
            now = self._clock.now_us()
            facts: dict[str, Any] = {
                "seq": (writer.scalar(select(func.max(events.c.seq))) or 0) + 1,
                "id": uuid7(now),
                "at_us": now,
                "principal": nfc(str(by)),
                "verb": verb,
                "subject": nfc(subject),
                "digests": [Digest(digest) for digest in digests],
                "commitment": _commit(salt, body),
            }
            leaf = leaf_hash(canonical(facts)).hex()
            row = {**facts, "digests": json.dumps(facts["digests"]), "leaf": leaf}
            writer.execute(insert(events).values(row))
            writer.execute(insert(contents).values(event_id=facts["id"], salt=salt, content=body))
        facts["digests"] = tuple(facts["digests"])
        return Event(**facts, leaf=leaf, content=json.loads(body))

    def list(
        self,
        *,
        limit: int = 50,
        after: int | None = None,
        subject: str | None = None,
        under: str | None = None,
    ) -> Events:
        """Return events, newest first; with `after` a seq, those that follow it, oldest first.

        `under` keeps those whose subject begins so (`run/`).
        """
        query = _joined().limit(limit)
        if under is not None:
            query = query.where(events.c.subject.startswith(nfc(under), autoescape=True))
        if subject is not None:
            query = query.where(events.c.subject == nfc(subject))
        if after is None:
            query = query.order_by(events.c.seq.desc())
        else:
            query = query.where(events.c.seq > after).order_by(events.c.seq)
        with self._db.read() as conn:
            return [_event(row) for row in conn.execute(query)]

    def root(self, size: int | None = None) -> tuple[int, str]:
        """Return (size, root in hex) of the ledger now, or as it was at an earlier size."""
        with self._db.read() as conn:
            frontier = Frontier(_leaves(conn, size))
        return frontier.size, frontier.root().hex()

    def prove(self, seq: int) -> Proof:
        """Return the proof that the event of this seq is in the ledger.

        Raises:
            UnknownEventError: there is no such event.
        """
        with self._db.read() as conn:
            leaves = list(_leaves(conn))
        if not 1 <= seq <= len(leaves):
            raise UnknownEventError(event=seq)
        path = tuple(step.hex() for step in inclusion_path(seq - 1, leaves))
        root = Frontier(leaves).root().hex()
        return Proof(seq, len(leaves), leaves[seq - 1].hex(), path, root)

    def verify(self, known: tuple[int, str] | None = None) -> Check:
        """Read every event and check it; with a `known` (size, root), check history against it."""
        problems: list[tuple[int, str]] = []
        erased: list[int] = []
        frontier, past, last = Frontier(), None, 0
        with self._db.read() as conn:
            tombs = set(conn.scalars(select(events.c.subject).where(events.c.verb == ERASE)))
            for row in conn.execute(_joined().order_by(events.c.seq)):
                problems += [(row.seq, what) for what in _faults(row, last + 1, tombs)]
                last = row.seq
                erased += [row.seq] if row.content is None and row.id in tombs else []
                frontier.append(_hash_of(row))
                if known and frontier.size == known[0]:
                    past = frontier.root().hex()
        if known and known != (0, Frontier().root().hex()) and past != known[1]:
            problems.append((known[0], "does not lead to the root that was noted"))
        return Check(frontier.size, frontier.root().hex(), tuple(problems), tuple(erased))

    def erase(self, event_id: str, *, by: Principal, why: str) -> Event:
        """Delete an event's content for good and write down that this was done.

        Raises:
            UnknownEventError: there is no such event.
            EraseRefusedError: it is an erasure itself, or erased already.
        """
        with self._db.write() as conn:
            row = conn.execute(_joined().where(events.c.id == event_id)).first()
            if row is None:
                raise UnknownEventError(event=event_id)
            if row.verb == ERASE:
                raise EraseRefusedError(event=event_id, why="it tells of an erasure")
            if row.content is None:
                raise EraseRefusedError(event=event_id, why="it is erased already")
            conn.execute(delete(contents).where(contents.c.event_id == event_id))
            tombstone = self.append(ERASE, event_id, (), {"why": why}, by=by, conn=conn)
        self._db.scrub()
        return tombstone

    def _writing(self, conn: Connection | None) -> AbstractContextManager[Connection]:
        return nullcontext(conn) if conn is not None else self._db.write()


def _joined() -> Any:
    source = events.outerjoin(contents, events.c.id == contents.c.event_id)
    return select(events, contents.c.salt, contents.c.content).select_from(source)


def _leaves(conn: Connection, size: int | None = None) -> Iterator[bytes]:
    query = select(events.c.leaf).order_by(events.c.seq).limit(size)
    return (bytes.fromhex(leaf) for leaf in conn.scalars(query))


def _event(row: Row[Any]) -> Event:
    content = None if row.content is None else json.loads(row.content)
    digests = tuple(Digest(digest) for digest in json.loads(row.digests))
    return Event(
        row.seq, row.id, row.at_us, row.principal, row.verb, row.subject, digests,
        row.commitment, row.leaf, content,
    )  # fmt: skip


def _commit(salt: bytes, body: bytes) -> str:
    return hashlib.sha256(salt + body).hexdigest()


def _hash_of(row: Row[Any]) -> bytes:
    """Recompute the leaf from the facts; facts that cannot be read hash to nothing's hash."""
    names = ("seq", "id", "at_us", "principal", "verb", "subject", "commitment")
    facts = {name: getattr(row, name) for name in names}
    try:
        return leaf_hash(canonical({**facts, "digests": json.loads(row.digests)}))
    except (ValueError, VolanoError):
        return leaf_hash(b"")


def _faults(row: Row[Any], expected: int, tombs: set[str]) -> Iterator[str]:
    if row.seq != expected:
        yield f"stands where event {expected} should be"
    if _hash_of(row).hex() != row.leaf:
        yield "was changed: its facts do not give its leaf"
    if row.content is None:
        if row.id not in tombs:
            yield "lost its content, and no erasure tells why"
    elif _commit(row.salt, row.content) != row.commitment:
        yield "was changed: its content does not give its commitment"
