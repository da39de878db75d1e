"""What is deprecated, which releases are retired, and the environments that a release goes through."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.create_table(
        "deprecations",
        Column("subject", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("since_us", BigInteger, nullable=False),
        Column("until_us", BigInteger),
        Column("successor", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("by", Text, nullable=False),
    )
    op.create_table(
        "retired_releases",
        Column("digest", Text, primary_key=True),
        Column("ref", Text, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("why", Text, nullable=False),
        Column("by", Text, nullable=False),
    )
    op.create_table(
        "environment_orders",
        Column("channel", Text, primary_key=True),
        Column("environments", Text, nullable=False),
        Column("least_us", BigInteger, nullable=False),
        Column("least_calls", Integer, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
