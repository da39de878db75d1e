"""Evaluators of live calls: their versions, places, days, evaluations and backfills."""

from alembic import op
from sqlalchemy import BigInteger, Column, Float, Integer, Text

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "evaluators",
        Column("name", Text, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("said", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
    )
    op.create_table(
        "evaluator_places",
        Column("name", Text, primary_key=True),
        Column("seq", BigInteger, nullable=False),
        Column("paused_us", BigInteger),
        Column("removed_us", BigInteger),
    )
    op.create_table(
        "evaluator_days",
        Column("name", Text, primary_key=True),
        Column("day", Text, primary_key=True),
        Column("seen", BigInteger, nullable=False),
        Column("calls", BigInteger, nullable=False),
        Column("nano", BigInteger, nullable=False),
    )
    op.create_table(
        "evaluations",
        Column("name", Text, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("trace_id", Text, primary_key=True),
        Column("at_us", BigInteger, nullable=False),
        Column("state", Text, nullable=False),
        Column("probability", Float, nullable=False),
        Column("cluster", Text, nullable=False),
        Column("group", Text, nullable=False),
        Column("slices", Text, nullable=False),
        Column("scores", Text, nullable=False),
        Column("unmeasured", Text, nullable=False),
        Column("sources", Text, nullable=False),
        Column("calls", Integer, nullable=False),
        Column("nano", BigInteger, nullable=False),
        Column("currency", Text, nullable=False),
        Column("told", Integer, nullable=False),
    )
    op.create_index("evaluations_time", "evaluations", ["name", "at_us"])
    op.create_index("evaluations_untold", "evaluations", ["name", "told"])
    op.create_table(
        "evaluator_backfills",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("since_us", BigInteger, nullable=False),
        Column("until_us", BigInteger, nullable=False),
        Column("before_seq", BigInteger),
        Column("state", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
    )
