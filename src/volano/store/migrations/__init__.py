"""The schema of all rooms, step by step: `versions/` holds one file a step.

A step is written once and never changed afterwards: databases in the field
have run it.
"""

from io import StringIO
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from volano.store.errors import NewerSchemaError

FOLDER = Path(__file__).parent


def upgrade(conn: Connection, revision: str = "head", *, where: str = "") -> None:
    """Run the missing steps inside the transaction that is open on `conn`.

    Raises:
        NewerSchemaError: the database is at a step that this volano does not know.
    """
    config = Config(stdout=StringIO())
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    at = MigrationContext.configure(conn).get_current_revision()
    script = ScriptDirectory.from_config(config)
    if at is not None and not _knows(script, at):
        raise NewerSchemaError(where=where, revision=at)
    if at != script.get_current_head():
        command.upgrade(config, revision)


def _knows(script: ScriptDirectory, revision: str) -> bool:
    try:
        return script.get_revision(revision) is not None
    except CommandError:
        return False
