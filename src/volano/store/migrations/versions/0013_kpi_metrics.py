"""Which metrics of feedback KPIs are made of, where the owner says so."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "kpi_metrics",
        Column("kpi", Text, primary_key=True),
        Column("metrics", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
