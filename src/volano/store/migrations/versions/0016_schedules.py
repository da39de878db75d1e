"""Runs start by themselves: schedules, and each time that one was due."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Text

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "schedules",
        Column("name", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("inputs", Text, nullable=False),
        Column("cron", Text),
        Column("zone", Text, nullable=False),
        Column("trigger", Text),
        Column("policy", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("group", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("paused", Boolean, nullable=False),
        Column("next_us", BigInteger),
        Column("missed", BigInteger, nullable=False),
        Column("mark", Text, nullable=False),
        Column("pending", Text, nullable=False),
        Column("problem", Text, nullable=False),
    )
    op.create_table(
        "firings",
        Column("id", Text, primary_key=True),
        Column("schedule", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("planned_us", BigInteger, nullable=False),
        Column("fired_us", BigInteger, nullable=False),
        Column("cause", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("run", Text),
        Column("patient", Boolean, nullable=False),
    )
    op.create_index("firings_key", "firings", ["schedule", "key"], unique=True)
    op.create_index("firings_open", "firings", ["state"])
    op.create_index("firings_run", "firings", ["run"])
