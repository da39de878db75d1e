"""What a channel demands of a release before it moves, and the checks that were made."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "check_rules",
        Column("channel", Text, primary_key=True),
        Column("gates", Text, nullable=False),
        Column("limits", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
    op.create_table(
        "release_checks",
        Column("run", Text, primary_key=True),
        Column("release", Text, nullable=False),
        Column("release_ref", Text, nullable=False),
        Column("baseline", Text, nullable=False),
        Column("baseline_ref", Text, nullable=False),
        Column("channel", Text, nullable=False),
        Column("rule_us", BigInteger, nullable=False),
        Column("outcome", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("gates", Text, nullable=False),
        Column("limits", Text, nullable=False),
        Column("at_us", BigInteger, nullable=False),
        Column("by", Text, nullable=False),
    )
    op.create_index("release_checks_release", "release_checks", ["release", "at_us"])
