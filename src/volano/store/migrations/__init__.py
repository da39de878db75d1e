"""The schema of all rooms, step by step: `versions/` holds one file a step.

A step is written once and never changed afterwards: databases in the field
have run it. Alembic, which runs them, is a fifth of a command's start: it is
imported where a step is missing, which is once.
"""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

FOLDER = Path(__file__).parent
_VERSION = table("alembic_version", column("version_num"))


def upgrade(conn: Connection, revision: str = "head", *, where: str = "") -> None:
    """Run the missing steps inside the transaction that is open on `conn`.

    Raises:
        NewerSchemaError: the database is at a step that this volano does not know.
    """
    if revision == "head" and _reached(conn) == [_last()]:
        return
    from volano.store.migrations import steps

    steps.run(conn, revision, where=where)


def _reached(conn: Connection) -> list[str]:
    """The step that the database is at; none where it is new."""
    if not inspect(conn).has_table(_VERSION.name):
        return []
    return list(conn.scalars(select(_VERSION.c.version_num)))


def _last() -> str:
    """The number that the newest step bears in its file's name."""
    return max(path.name for path in (FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]
