"""The catalog's tables of retention rules, holds and masks. All are kept for good: what ended says when."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from volano.store.metadata import METADATA

retention = Table(
    "retention",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("days", Integer, nullable=False),
    Column("body_days", Integer, nullable=False),
    Column("channel", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("tag", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("removed_us", BigInteger),
)

holds = Table(
    "holds",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("trace", Text, nullable=False),
    Column("session", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("group", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("released_us", BigInteger),
)

masks = Table(
    "masks",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("pattern", Text, nullable=False),
    Column("replace", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("where", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("removed_us", BigInteger),
)
