"""The tables of channels and rollouts."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from volano.store.metadata import METADATA

channels = Table(
    "channels",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("stable", Text, nullable=False),
    Column("stable_ref", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("group", Text, nullable=False),
    Column("cache_ttl_s", Integer),
    Column("cache_scope", Text),
    Column("cache_set_us", BigInteger),
)

rollouts = Table(
    "rollouts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("candidate", Text, nullable=False),
    Column("candidate_ref", Text, nullable=False),
    Column("baseline", Text),
    Column("baseline_ref", Text),
    Column("plan", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("step", Integer, nullable=False),
    Column("share", Integer, nullable=False),
    Column("salt", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
    Column("ended_us", BigInteger),
    Column("by", Text, nullable=False),
    Column("outcome", Text),
    Column("arms", Text),
    Column("keep_left_us", BigInteger),
    Index("rollouts_channel", "channel", "created_us"),
)

rollout_events = Table(
    "rollout_events",
    METADATA,
    Column("rollout", Text, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("content", Text, nullable=False),
)

freezes = Table(
    "freezes",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("channels", Text, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
)

approval_rules = Table(
    "approval_rules",
    METADATA,
    Column("channel", Text, primary_key=True),
    Column("needed", Integer, nullable=False),
    Column("approvers", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)

approvals = Table(
    "approvals",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("release", Text, nullable=False),
    Column("release_ref", Text, nullable=False),
    Column("serves", Text, nullable=False),
    Column("rule_us", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Index("approvals_channel", "channel", "release"),
)

check_rules = Table(
    "check_rules",
    METADATA,
    Column("channel", Text, primary_key=True),
    Column("gates", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)

release_checks = Table(
    "release_checks",
    METADATA,
    Column("run", Text, primary_key=True),
    Column("release", Text, nullable=False),
    Column("release_ref", Text, nullable=False),
    Column("baseline", Text, nullable=False),
    Column("baseline_ref", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("rule_us", BigInteger, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("gates", Text, nullable=False),
    Column("limits", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Index("release_checks_release", "release", "at_us"),
)
deprecations = Table(
    "deprecations",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("since_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("successor", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
)

closed_channels = Table(
    "closed_channels",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("successor", Text, nullable=False),
)

retired_releases = Table(
    "retired_releases",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("ref", Text, nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("why", Text, nullable=False),
    Column("by", Text, nullable=False),
)

environment_orders = Table(
    "environment_orders",
    METADATA,
    Column("channel", Text, primary_key=True),
    Column("environments", Text, nullable=False),
    Column("least_us", BigInteger, nullable=False),
    Column("least_calls", Integer, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)
