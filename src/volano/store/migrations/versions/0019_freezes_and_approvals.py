"""Times in which no channel moves to anything new; who has to agree, and who did."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

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
    op.create_table(
        "approval_rules",
        Column("channel", Text, primary_key=True),
        Column("needed", Integer, nullable=False),
        Column("approvers", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
    op.create_table(
        "approvals",
        Column("id", Text, primary_key=True),
        Column("channel", Text, nullable=False),
        Column("release", Text, nullable=False),
        Column("release_ref", Text, nullable=False),
        Column("serves", Text, nullable=False),
        Column("rule_us", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("why", Text, nullable=False),
    )
    op.create_index("approvals_channel", "approvals", ["channel", "release"])
