"""Where callers of a closed channel are sent."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_table(
        "closed_channels",
        Column("name", Text, primary_key=True),
        Column("successor", Text, nullable=False),
    )
