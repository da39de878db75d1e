"""The table of reads: one row for each time that somebody read rows of a dataset."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from volano.store.metadata import METADATA

reads = Table(
    "dataset_reads",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("dataset", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("split", Text, nullable=False),
    Column("columns", Text, nullable=False),
    Column("masked", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("run", Text),
    Column("outcome", Text, nullable=False),
    Index("dataset_reads_dataset", "dataset", "at_us"),
    Index("dataset_reads_run", "run"),
)
