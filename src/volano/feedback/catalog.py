"""The tables of this room in the catalog: metrics, review queues with their items and answers.

Feedback itself is a record: it lies in the hot records (`tables`).
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from volano.store.metadata import METADATA

metrics = Table(
    "metrics",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("definition", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("retired_us", BigInteger),
)

queues = Table(
    "review_queues",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("metric", Text, nullable=False),
    Column("reviewers", Integer, nullable=False),
    Column("guidelines", Text, nullable=False),
    Column("chosen", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("closed_us", BigInteger),
)

items = Table(
    "review_items",
    METADATA,
    Column("queue", Text, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("trace_id", Text, nullable=False),
    Column("resolved", Text),
    Column("resolved_by", Text),
    Column("resolved_us", BigInteger),
)

answers = Table(
    "review_answers",
    METADATA,
    Column("queue", Text, primary_key=True),
    Column("item", Integer, primary_key=True),
    Column("reviewer", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("answer", Text),
    Column("feedback_id", Text),
    Column("at_us", BigInteger, nullable=False),
    Index("review_answers_by_reviewer", "queue", "reviewer", "at_us"),
)
"""A place at an item: `leased` until a moment, then `given` or `skipped`."""
