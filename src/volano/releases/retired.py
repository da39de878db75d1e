"""Retired: a release that serves nothing and never will again."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from volano.releases.errors import RetiredReleaseError
from volano.releases.tables import retired_releases


@dataclass(frozen=True, slots=True)
class Retired:
    """When a release was retired (microseconds UTC), why and by whom."""

    digest: str
    ref: str
    at_us: int
    why: str
    by: str


def retired(conn: Connection, digest: str) -> Retired | None:
    """Return the end of a release, if it has come."""
    query = select(retired_releases).where(retired_releases.c.digest == digest)
    row = conn.execute(query).mappings().first()
    return Retired(**row) if row else None


def refuse_retired(conn: Connection, *digests: str) -> None:
    """Let only releases pass that may serve. Ask in the transaction that lets them.

    Raises:
        RetiredReleaseError: one of them is retired.
    """
    for one in _found(conn, digests):
        day = time.strftime("%Y-%m-%d", time.gmtime(one.at_us // 1_000_000))
        raise RetiredReleaseError(ref=one.ref, since=day, why=f" ({one.why})" if one.why else "")


def _found(conn: Connection, digests: Iterable[str]) -> Iterable[Retired]:
    return filter(None, (retired(conn, digest) for digest in digests))
