"""Targets: connections to provider accounts and servers."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, Text

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "targets",
        Column("name", Text, primary_key=True),
        Column("provider", Text, nullable=False),
        Column("url", Text, nullable=False),
        Column("region", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("key_env", Text, nullable=False),
        Column("plain_http", Boolean, nullable=False),
        Column("enabled", Boolean, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("updated_us", BigInteger, nullable=False),
    )
