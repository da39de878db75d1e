"""Filters over traces may be saved under a name."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "trace_views",
        Column("name", Text, primary_key=True),
        Column("where", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("saved_us", BigInteger, nullable=False),
        Column("saved_by", Text, nullable=False),
    )
