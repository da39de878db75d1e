"""SLOs, alert rules, alerts, silences, and the outbox of notices."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer, Text

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "slos",
        Column("name", Text, primary_key=True),
        Column("said", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
    op.create_table(
        "alert_rules",
        Column("kind", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("source", Text, nullable=False),
        Column("said", Text, nullable=False),
        Column("applied_us", BigInteger, nullable=False),
        Column("applied_by", Text, nullable=False),
    )
    op.create_table(
        "alerts",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("rule", Text, nullable=False),
        Column("labels", Text, nullable=False),
        Column("severity", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("value", Float),
        Column("told", Text, nullable=False),
        Column("pending_us", BigInteger, nullable=False),
        Column("fired_us", BigInteger),
        Column("acked_us", BigInteger),
        Column("acked_by", Text, nullable=False),
        Column("well_us", BigInteger),
        Column("resolved_us", BigInteger),
        Column("notified_us", BigInteger),
    )
    op.create_index("alerts_state", "alerts", ["state"])
    op.create_table(
        "alert_silences",
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("rule", Text, nullable=False),
        Column("labels", Text, nullable=False),
        Column("why", Text, nullable=False),
        Column("since_us", BigInteger, nullable=False),
        Column("until_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
    op.create_table(
        "alert_outbox",
        Column("id", Text, primary_key=True),
        Column("receiver", Text, nullable=False),
        Column("change", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("due_us", BigInteger, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("state", Text, nullable=False),
        Column("error", Text, nullable=False),
        Column("done_us", BigInteger),
    )
    op.create_index("alert_outbox_state", "alert_outbox", ["state", "receiver"])
