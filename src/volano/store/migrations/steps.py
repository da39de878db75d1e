"""Alembic, told to run our steps on a connection that is open."""

from io import StringIO

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from volano.store.errors import NewerSchemaError
from volano.store.migrations import FOLDER


def run(conn: Connection, revision: str, *, where: str) -> None:
    """Run the steps up to this one.

    Raises:
        NewerSchemaError: the database is at a step that this volano does not know.
    """
    config = Config(stdout=StringIO())
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = conn
    at = MigrationContext.configure(conn).get_current_revision()
    if at is not None and not _knows(ScriptDirectory.from_config(config), at):
        raise NewerSchemaError(where=where, revision=at)
    command.upgrade(config, revision)


def _knows(script: ScriptDirectory, revision: str) -> bool:
    try:
        return script.get_revision(revision) is not None
    except CommandError:
        return False
