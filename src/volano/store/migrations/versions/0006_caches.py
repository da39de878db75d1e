"""Channels may have a cache."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("channels", Column("cache_ttl_s", Integer))
    op.add_column("channels", Column("cache_scope", Text))
    op.add_column("channels", Column("cache_set_us", BigInteger))
