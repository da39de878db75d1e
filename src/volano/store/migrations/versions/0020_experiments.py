"""The arms of a rollout that compares several releases."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.add_column("rollouts", Column("arms", Text))
