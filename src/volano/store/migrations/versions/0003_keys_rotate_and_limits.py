"""Keys rotate and have address ranges; keys, groups and channels have limits."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("keys", Column("ips", Text, nullable=False, server_default="[]"))
    op.add_column("keys", Column("rotated_us", BigInteger))
    op.add_column("keys", Column("former_hmac", Text))
    op.add_column("keys", Column("former_until_us", BigInteger))
    op.create_index("keys_former_hmac", "keys", ["former_hmac"], unique=True)
    op.create_table(
        "limits",
        Column("subject", Text, primary_key=True),
        Column("rpm", BigInteger),
        Column("tpm", BigInteger),
        Column("concurrency", BigInteger),
        Column("updated_us", BigInteger, nullable=False),
        Column("updated_by", Text, nullable=False),
    )
