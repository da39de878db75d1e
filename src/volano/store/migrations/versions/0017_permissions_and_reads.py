"""Who may read a dataset, what their columns are, and who has read it."""

from alembic import op
from sqlalchemy import BigInteger, Column, Text

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "permissions",
        Column("thing", Text, primary_key=True),
        Column("principal", Text, primary_key=True),
        Column("verb", Text, primary_key=True),
        Column("classes", Text, nullable=False),
        Column("given_us", BigInteger, nullable=False),
        Column("given_by", Text, nullable=False),
    )
    op.create_table(
        "column_classes",
        Column("thing", Text, primary_key=True),
        Column("column", Text, primary_key=True),
        Column("class", Text, nullable=False),
        Column("set_us", BigInteger, nullable=False),
        Column("set_by", Text, nullable=False),
    )
    op.create_table(
        "dataset_reads",
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
    )
    op.create_index("dataset_reads_dataset", "dataset_reads", ["dataset", "at_us"])
    op.create_index("dataset_reads_run", "dataset_reads", ["run"])
