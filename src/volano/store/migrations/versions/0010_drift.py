"""Pinned windows of traffic, and the looks that compare later ones with them."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer, Text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "drift_references",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("ref", Text, nullable=False),
        Column("channel", Text, nullable=False),
        Column("release", Text, nullable=False),
        Column("since_us", BigInteger, nullable=False),
        Column("until_us", BigInteger, nullable=False),
        Column("n", Integer, nullable=False),
        Column("units", Integer, nullable=False),
        Column("by", Text, nullable=False),
        Column("shift", Float, nullable=False),
        Column("window_us", BigInteger, nullable=False),
        Column("every_us", BigInteger, nullable=False),
        Column("alpha", Float, nullable=False),
        Column("period_us", BigInteger, nullable=False),
        Column("held", Float, nullable=False),
        Column("held_us", BigInteger, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("unpinned_us", BigInteger),
    )
    op.create_index("drift_references_name", "drift_references", ["name"])
    op.create_table(
        "drift_looks",
        Column("id", Text, primary_key=True),
        Column("reference", Text, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("look", Text, nullable=False),
    )
    op.create_index("drift_looks_reference", "drift_looks", ["reference", "at_us"])
