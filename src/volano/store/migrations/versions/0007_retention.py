"""How long traces are kept, and what is kept whatever that says."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "retention",
        Column("id", Text, primary_key=True),
        Column("days", Integer, nullable=False),
        Column("body_days", Integer, nullable=False),
        Column("channel", Text, nullable=False),
        Column("group", Text, nullable=False),
        Column("tag", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
        Column("removed_us", BigInteger),
    )
    op.create_table(
        "holds",
        Column("id", Text, primary_key=True),
        Column("trace", Text, nullable=False),
        Column("session", Text, nullable=False),
        Column("channel", Text, nullable=False),
        Column("group", Text, nullable=False),
        Column("since_us", BigInteger, nullable=False),
        Column("until_us", BigInteger, nullable=False),
        Column("reason", Text, nullable=False),
        Column("added_us", BigInteger, nullable=False),
        Column("added_by", Text, nullable=False),
        Column("released_us", BigInteger),
    )
