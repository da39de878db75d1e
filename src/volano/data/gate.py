"""The gate before the rows of all datasets: who may, what is hidden, and a record of each read.

A read is on record before its first row is given, and how many rows it got once
it ends: one row of a table for a read, however long. A read that was refused is
on record too. A person sees `***` where a column is not for them; a Run gets
all of it or is refused, as nobody should learn from asterisks.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, insert, select, update

from volano.access.errors import NotClearedError
from volano.access.permissions import FILESET, Permissions
from volano.core.clock import Clock
from volano.core.errors import ForbiddenError
from volano.core.ids import uuid7
from volano.core.ports.access import MASK, NOT_RENAMED, Renamed
from volano.core.principal import Principal
from volano.core.ref import Ref
from volano.data.tables import reads
from volano.store.db import Database


@dataclass(frozen=True, slots=True)
class Read:
    """One read of a dataset. `outcome`: open (it goes on, or was cut off), read, or refused."""

    id: str
    at_us: int
    dataset: str
    version: str
    digest: str
    split: str
    columns: tuple[str, ...]
    masked: tuple[str, ...]
    rows: int
    by: str
    run: str | None
    outcome: str


class Gate:
    """Lets reads and writes of datasets in, and keeps the records of reads."""

    def __init__(self, db: Database, permissions: Permissions, clock: Clock):
        self._db = db
        self._permissions = permissions
        self._clock = clock

    def read(
        self,
        dataset: str,
        version: str,
        digest: str,
        *,
        split: str,
        columns: Sequence[str] = (),
        by: Principal,
        run: str | None = None,
        whole: bool = False,
    ) -> "OpenRead":
        """Let a read in; see `core.ports.access`.

        Raises:
            NotPermittedError: the dataset is restricted, and not for this principal.
            NotClearedError: a Run, or a `whole` read, whose principal may not see a column.
        """
        at_us = self._clock.now_us()
        row = {
            "id": uuid7(at_us), "at_us": at_us, "dataset": dataset, "version": version,
            "digest": digest, "split": split, "columns": json.dumps([*columns]), "masked": "[]",
            "rows": 0, "by": str(by), "run": run, "outcome": "open",
        }  # fmt: skip
        try:
            hidden = self._permissions.check(dataset, "read", by).hidden
            shut = {c: of for c, of in hidden.items() if not columns or c in columns}
            if shut and (whole or run is not None):
                raise NotClearedError(
                    principal=by, thing=f"dataset/{dataset}", name=dataset,
                    columns=", ".join(sorted(shut)), classes=",".join(sorted({*shut.values()})),
                )  # fmt: skip
        except ForbiddenError:
            self._keep({**row, "outcome": "refused"})
            raise
        self._keep({**row, "masked": json.dumps(sorted(shut), ensure_ascii=False)})
        return OpenRead(self, str(row["id"]), frozenset(shut))

    def see(self, dataset: str, *, by: Principal) -> None:
        """Let somebody see what a dataset is; it is no read, and not on record.

        Raises:
            NotPermittedError: the dataset is restricted, and not for this principal.
        """
        self._permissions.check(dataset, "read", by)

    def seen(self, datasets: Iterable[str], *, by: Principal) -> frozenset[str]:
        """Return those of these datasets that this principal may read."""
        return self._permissions.readable(datasets, by)

    def write(
        self, dataset: str, *, of: Sequence[str] = (), renamed: Renamed = NOT_RENAMED, by: Principal
    ) -> None:
        """Let a new version in, that is made of other datasets.

        Raises:
            NotPermittedError: the dataset is restricted, and not for this principal.
            OpenToMoreError: it is open to more than those it is made of.
        """
        self._permissions.check(dataset, "write", by)
        self._permissions.check_made_of(dataset, of, by, renamed=renamed)

    def inherit(
        self, dataset: str, of: Sequence[str], *, renamed: Renamed = NOT_RENAMED, by: Principal
    ) -> None:
        """Let a dataset that has no version yet be for those only whom these are for."""
        self._permissions.inherit(dataset, of, renamed=renamed, by=by)

    def list(
        self,
        ref: str | None = None,
        *,
        principal: str | None = None,
        run: str | None = None,
        limit: int = 50,
    ) -> list[Read]:
        """Return the reads of a dataset (`tickets`) or of a version (`tickets@3`), newest first.

        Raises:
            BadRefError: the ref is none.
        """
        query = select(reads).order_by(reads.c.at_us.desc(), reads.c.id.desc()).limit(limit)
        if ref is not None:
            kind, _, rest = ref.partition(":")
            named = Ref.parse(rest if kind == FILESET else ref)
            prefix = f"{FILESET}:" if kind == FILESET else ""
            query = query.where(reads.c.dataset == prefix + named.name)
            if named.number is not None:
                query = query.where(reads.c.version == str(named))
            elif named.digest is not None:
                query = query.where(reads.c.digest.startswith(named.digest, autoescape=True))
        for column, value in ((reads.c.by, principal), (reads.c.run, run)):
            if value is not None:
                query = query.where(column == value)
        with self._db.read() as conn:
            return [_read(row) for row in conn.execute(query)]

    def end(self, read_id: str, rows: int) -> None:
        """Write down that a read has ended."""
        with self._db.write() as conn:
            conn.execute(
                update(reads).where(reads.c.id == read_id).values(rows=rows, outcome="read")
            )

    def _keep(self, row: Mapping[str, Any]) -> None:
        with self._db.write() as conn:
            conn.execute(insert(reads).values(row))


class OpenRead:
    """A read under way."""

    def __init__(self, gate: Gate, read_id: str, masked: frozenset[str]):
        self.masked = masked
        self._gate = gate
        self._id = read_id
        self._rows = 0

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row as its reader may see it, and count it."""
        self._rows += 1
        return self.veiled(row)

    def veiled(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row without what is not for its reader, and do not count it.

        The id goes too: it is a digest of the content, by which a guess could be tried.
        """
        if self.masked.isdisjoint(row):
            return dict(row)
        masked = self.masked | {"id"}
        return {name: MASK if name in masked else value for name, value in row.items()}

    def rows(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield rows as their reader may see them; where it stops reading, that is written down."""
        try:
            for row in rows:
                yield self.row(row)
        finally:
            self.close()

    def close(self) -> None:
        """Write down how many rows were read."""
        self._gate.end(self._id, self._rows)


def _read(row: Row[Any]) -> Read:
    facts = {name: getattr(row, name) for name in Read.__slots__}
    for name in ("columns", "masked"):
        facts[name] = tuple(json.loads(facts[name]))
    return Read(**facts)
