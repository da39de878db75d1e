"""Which blobs were used when, and which artifacts are held."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("blobs", Column("used_us", BigInteger, nullable=False, server_default="0"))
    op.create_table(
        "artifact_holds",
        Column("id", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("added_us", BigInteger, nullable=False),
        Column("added_by", Text, nullable=False),
        Column("released_us", BigInteger),
    )
    op.create_index("artifact_holds_digest", "artifact_holds", ["digest"])
