"""What is hidden in calls and spans before they are recorded."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "masks",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("pattern", Text, nullable=False),
        Column("replace", Text, nullable=False),
        Column("channel", Text, nullable=False),
        Column("where", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
        Column("removed_us", BigInteger),
    )
