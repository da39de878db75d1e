"""Times in which no channel moves to anything new."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "freezes",
        Column("id", Text, primary_key=True),
        Column("channels", Text, nullable=False),
        Column("from_us", BigInteger, nullable=False),
        Column("until_us", BigInteger),
        Column("why", Text, nullable=False),
        Column("by", Text, nullable=False),
    )
