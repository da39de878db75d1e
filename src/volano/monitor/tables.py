"""The tables of SLOs, KPIs, rules, receivers, alerts, silences, and of notices that are to be sent."""

from sqlalchemy import BigInteger, Column, Float, Index, Integer, Table, Text

from volano.store.metadata import METADATA

slos = Table(
    "slos",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("said", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)

kpi_metrics = Table(
    "kpi_metrics",
    METADATA,
    Column("kpi", Text, primary_key=True),
    Column("metrics", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)
"""What the owner says that a KPI is made of; `metrics`: a JSON list of names."""

alert_rules = Table(
    "alert_rules",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("applied_us", BigInteger, nullable=False),
    Column("applied_by", Text, nullable=False),
)
"""What files say. `kind`: rule or receiver; `said`: its JSON, read anew when it is used."""

alerts = Table(
    "alerts",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rule", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("value", Float),
    Column("told", Text, nullable=False),
    Column("pending_us", BigInteger, nullable=False),
    Column("fired_us", BigInteger),
    Column("acked_us", BigInteger),
    Column("acked_by", Text, nullable=False),
    Column("well_us", BigInteger),
    Column("resolved_us", BigInteger),
    Column("notified_us", BigInteger),
    Index("alerts_state", "state"),
)
"""One row an episode. `well_us`: since when it looks well again, or nothing can be seen."""

alert_silences = Table(
    "alert_silences",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("rule", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)

alert_outbox = Table(
    "alert_outbox",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("due_us", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("done_us", BigInteger),
    Index("alert_outbox_state", "state", "receiver"),
)
"""One row a receiver and change of state; `state`: waiting, sent or given up."""
