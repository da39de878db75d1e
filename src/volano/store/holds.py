"""Holds on artifacts: while one stands, its artifact is not dropped and its bytes do not go."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from volano.core.clock import Clock
from volano.core.ids import uuid7
from volano.core.principal import Principal
from volano.core.text import nfc
from volano.store.artifact import DROPPED, Artifact
from volano.store.db import Database
from volano.store.errors import BadHoldReasonError, DroppedError, NoArtifactHoldError
from volano.store.ledger import Ledger
from volano.store.tables import artifact_holds, artifacts

MOST_CHARS = 500


@dataclass(frozen=True, slots=True)
class ArtifactHold:
    """Why an artifact must stay, and who says so. `added_us`: microseconds UTC."""

    id: str
    ref: str
    digest: str
    reason: str
    added_us: int
    added_by: str


class ArtifactHolds:
    """All holds on artifacts of one workspace. What was released stays in the ledger."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock):
        self._db, self._ledger, self._clock = db, ledger, clock

    def add(self, artifact: Artifact, reason: str, *, by: Principal) -> ArtifactHold:
        """Hold an artifact.

        Raises:
            BadHoldReasonError: no reason, or a very long one.
            DroppedError: its bytes were dropped already.
        """
        reason = nfc(reason).strip()
        if not 0 < len(reason) <= MOST_CHARS:
            raise BadHoldReasonError(most=MOST_CHARS)
        now = self._clock.now_us()
        made = ArtifactHold(uuid7(now), str(artifact), artifact.digest, reason, now, str(by))
        with self._db.write() as conn:
            of = artifacts.c.digest == artifact.digest
            if conn.scalar(select(artifacts.c.state).where(of)) == DROPPED:
                raise DroppedError(ref=artifact.ref, subject=artifact)
            row = (made.id, made.digest, reason, now, str(by), None)
            conn.execute(insert(artifact_holds).values(row))
            content = {"id": made.id, "reason": reason}
            self._ledger.append("hold", str(artifact), [artifact.digest], content, by=by, conn=conn)
        return made

    def release(self, id: str, *, by: Principal) -> ArtifactHold:  # noqa: A002 - the sentence's word
        """End a hold.

        Raises:
            NoArtifactHoldError: there is none of this id.
        """
        with self._db.write() as conn:
            row = conn.execute(_standing().where(artifact_holds.c.id == id)).first()
            if row is None:
                raise NoArtifactHoldError(id=id)
            done = _hold(row)
            ended = update(artifact_holds).where(artifact_holds.c.id == id)
            conn.execute(ended.values(released_us=self._clock.now_us()))
            self._ledger.append("unhold", done.ref, [row.digest], {"id": id}, by=by, conn=conn)
        return done

    def list(self) -> list[ArtifactHold]:
        """Return the holds that stand, oldest first."""
        with self._db.read() as conn:
            rows = conn.execute(_standing().order_by(artifact_holds.c.added_us)).all()
        return [_hold(row) for row in rows]

    def on(self, conn: Connection, digest: str) -> ArtifactHold | None:
        """Return a hold that stands on this artifact, if any."""
        row = conn.execute(_standing().where(artifact_holds.c.digest == digest)).first()
        return None if row is None else _hold(row)


def _standing() -> Any:
    columns = (artifact_holds, artifacts.c.kind, artifacts.c.name, artifacts.c.number)
    joined = artifact_holds.join(artifacts, artifacts.c.digest == artifact_holds.c.digest)
    return select(*columns).select_from(joined).where(artifact_holds.c.released_us.is_(None))


def _hold(row: Row[Any]) -> ArtifactHold:
    ref = f"{row.kind}/{row.name}@{row.number}"
    return ArtifactHold(row.id, ref, row.digest, row.reason, row.added_us, row.added_by)
