"""Own prices, and budgets."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "prices",
        Column("id", Text, primary_key=True),
        Column("target", Text, nullable=False),
        Column("provider", Text, nullable=False),
        Column("model", Text, nullable=False),
        Column("from_us", BigInteger, nullable=False),
        Column("price", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
    op.create_table(
        "budgets",
        Column("id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("window", Text, nullable=False),
        Column("nano", BigInteger, nullable=False),
        Column("currency", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("cleared_us", BigInteger),
    )
    op.create_index("budgets_subject", "budgets", ["kind", "name"])
