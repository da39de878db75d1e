"""The table of models' states: one row for each move, the last one holds."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from volano.store.metadata import METADATA

model_states = Table(
    "model_states",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("before", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
)
