"""What state a model is in, and who moved it there and why."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "model_states",
        Column("digest", Text, primary_key=True),
        Column("n", Integer, primary_key=True),
        Column("at_us", BigInteger, nullable=False),
        Column("before", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("by", Text, nullable=False),
    )
