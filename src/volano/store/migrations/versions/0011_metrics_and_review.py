"""Metrics of feedback, and review queues."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "metrics",
        Column("name", Text, primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("definition", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("retired_us", BigInteger),
    )
    op.create_table(
        "review_queues",
        Column("name", Text, primary_key=True),
        Column("metric", Text, nullable=False),
        Column("reviewers", Integer, nullable=False),
        Column("guidelines", Text, nullable=False),
        Column("chosen", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("closed_us", BigInteger),
    )
    op.create_table(
        "review_items",
        Column("queue", Text, primary_key=True),
        Column("item", Integer, primary_key=True),
        Column("trace_id", Text, nullable=False),
        Column("resolved", Text),
        Column("resolved_by", Text),
        Column("resolved_us", BigInteger),
    )
    op.create_table(
        "review_answers",
        Column("queue", Text, primary_key=True),
        Column("item", Integer, primary_key=True),
        Column("reviewer", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("until_us", BigInteger, nullable=False),
        Column("answer", Text),
        Column("feedback_id", Text),
        Column("at_us", BigInteger, nullable=False),
    )
    op.create_index("review_answers_by_reviewer", "review_answers", ["queue", "reviewer", "at_us"])
