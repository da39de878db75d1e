"""Limits are set, listed and cleared here; the gateway's workers hold to what is published."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from volano.access.errors import (
    BadLimitError,
    EmptyLimitError,
    NoSuchKeyError,
    NoSuchLimitError,
    TooManyLimitsError,
    UnknownMeasureError,
)
from volano.access.limit import MEASURES, MOST, Limit, check_subject
from volano.access.tables import keys, limits
from volano.core.clock import Clock
from volano.core.ports.publish import Publish
from volano.core.principal import Principal
from volano.store.db import Database
from volano.store.ledger import Ledger

MOST_SUBJECTS = 4096
"""As many slots as the gateway's counters have (`gateway.tally.SLOTS`)."""

LimitList = list[Limit]


class Limits:
    """The limits of one workspace, one for each subject that has any."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock, publish: Publish | None = None):
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._publish = publish

    def set(
        self,
        subject: str,
        *,
        rpm: int | None = None,
        tpm: int | None = None,
        concurrency: int | None = None,
        by: Principal,
    ) -> Limit:
        """Limit a subject: `key/ID`, `group/PATH`, `channel/NAME`. What is not given stays.

        A group or a channel need not be there yet: its limit waits for it.

        Raises:
            BadSubjectError, BadLimitError, EmptyLimitError, TooManyLimitsError: as they say.
            NoSuchKeyError: there is no key of this id.
        """
        subject = check_subject(subject)
        given = {"rpm": rpm, "tpm": tpm, "concurrency": concurrency}
        changes = {name: _check(name, value) for name, value in given.items() if value is not None}
        if not changes:
            raise EmptyLimitError(subject=subject)
        with self._db.write() as conn:
            _check_there(conn, subject)
            found = _get(conn, subject)
            stamp = {"updated_us": self._clock.now_us(), "updated_by": str(by)}
            if found is None:
                if (conn.scalar(select(func.count()).select_from(limits)) or 0) >= MOST_SUBJECTS:
                    raise TooManyLimitsError(most=MOST_SUBJECTS)
                conn.execute(insert(limits).values(subject=subject, **changes, **stamp))
            else:
                conn.execute(_at(update(limits), subject).values(**changes, **stamp))
            self._ledger.append("limit", subject, (), changes, by=by, conn=conn)
            limit = _get(conn, subject)
        self._tell()
        assert limit is not None
        return limit

    def clear(self, subject: str, *, measures: Iterable[str] = (), by: Principal) -> Limit:
        """Take a subject's limit away, or only these measures of it. Return what is left.

        Raises:
            BadSubjectError, UnknownMeasureError: as they say.
            NoSuchLimitError: there is none of these.
        """
        subject, gone = check_subject(subject), tuple(measures) or MEASURES
        for measure in gone:
            if measure not in MEASURES:
                raise UnknownMeasureError(measure=ascii(measure)[1:-1][:40])
        with self._db.write() as conn:
            found = _get(conn, subject)
            if found is None or all(getattr(found, measure) is None for measure in gone):
                of = "" if gone == MEASURES else f" of {', '.join(gone)}"
                raise NoSuchLimitError(subject=subject, of=of)
            now = self._clock.now_us()
            values = {**dict.fromkeys(gone), "updated_us": now, "updated_by": str(by)}
            conn.execute(_at(update(limits), subject).values(values))
            left = _get(conn, subject)
            assert left is not None
            if left.empty:
                conn.execute(_at(delete(limits), subject))
            content = {"measures": gone}
            self._ledger.append("unlimit", subject, (), content, by=by, conn=conn)
        self._tell()
        return left

    def list(self) -> LimitList:
        """Return all limits, by subject."""
        with self._db.read() as conn:
            rows = conn.execute(select(limits).order_by(limits.c.subject)).all()
        return [_limit(row) for row in rows]

    def _tell(self) -> None:
        """Put the change before the gateway."""
        if self._publish is not None:
            self._publish()


def _check(name: str, value: int) -> int:
    if not 1 <= value <= MOST:
        raise BadLimitError(measure=name, value=value)
    return value


def _check_there(conn: Connection, subject: str) -> None:
    """A key has an id that nobody can guess: a limit on none is a slip."""
    kind, _, name = subject.partition("/")
    if kind == "key" and conn.scalar(select(keys.c.id).where(keys.c.id == name)) is None:
        raise NoSuchKeyError(id=name[:20])


def _at(statement: Any, subject: str) -> Any:
    return statement.where(limits.c.subject == subject)


def _get(conn: Connection, subject: str) -> Limit | None:
    row = conn.execute(_at(select(limits), subject)).first()
    return None if row is None else _limit(row)


def _limit(row: Row[Any]) -> Limit:
    return Limit(row.subject, row.rpm, row.tpm, row.concurrency, row.updated_us, row.updated_by)
