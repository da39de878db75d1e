"""The tables of references and looks. A reference that was unpinned says when."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from volano.store.metadata import METADATA

references = Table(
    "drift_references",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("units", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("shift", Float, nullable=False),
    Column("window_us", BigInteger, nullable=False),
    Column("every_us", BigInteger, nullable=False),
    Column("alpha", Float, nullable=False),
    Column("period_us", BigInteger, nullable=False),
    Column("held", Float, nullable=False),
    Column("held_us", BigInteger, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("unpinned_us", BigInteger),
    Index("drift_references_name", "name"),
)

looks = Table(
    "drift_looks",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("reference", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("look", Text, nullable=False),
    Index("drift_looks_reference", "reference", "at_us"),
)
