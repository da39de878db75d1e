"""The tables of own prices and budgets. Both are kept for good: what was cleared says when."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from volano.store.metadata import METADATA

prices = Table(
    "prices",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("target", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("price", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)

budgets = Table(
    "budgets",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("window", Text, nullable=False),
    Column("nano", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("cleared_us", BigInteger),
    Index("budgets_subject", "kind", "name"),
)
