"""Targets may name the file of the authorities that vouch for them."""

from alembic import op
from sqlalchemy import Column, Text, text

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.add_column("targets", Column("ca_file", Text, nullable=False, server_default=text("''")))
