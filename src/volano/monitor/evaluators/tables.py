"""The tables of evaluators, of what each day cost, and of what was drawn and how it went."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from volano.store.metadata import METADATA

evaluators = Table(
    "evaluators",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("said", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
)

places = Table(
    "evaluator_places",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("paused_us", BigInteger),
    Column("removed_us", BigInteger),
)
"""How far each has read. `seq` moves in one transaction with the counts of what was read."""

days = Table(
    "evaluator_days",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("seen", BigInteger, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("nano", BigInteger, nullable=False),
)
"""What fitted, and what models were asked. `calls` and `nano` are written before they are spent."""

evaluations = Table(
    "evaluations",
    METADATA,
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
    Index("evaluations_time", "name", "at_us"),
    Index("evaluations_untold", "name", "told"),
)
"""One row a drawn trace. `state`: scored, failed, late or budget; `at_us` when the call ended."""

backfills = Table(
    "evaluator_backfills",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("before_seq", BigInteger),
    Column("state", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
)
"""Past periods, read from the newest call to the oldest. `state`: waiting or done."""
