"""Find the events of one subject without reading the whole ledger."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_index("events_subject", "events", ["subject"])
