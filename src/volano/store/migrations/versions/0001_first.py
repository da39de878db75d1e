"""The first tables of all rooms: store, jobs, access, releases."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Text, UniqueConstraint

revision = "0001"
down_revision = None


def upgrade() -> None:
    _store()
    _ledger()
    _runs()
    _access()
    _releases()


def _store() -> None:
    op.create_table(
        "artifacts",
        Column("digest", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("number", Integer, nullable=False),
        Column("manifest", LargeBinary, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("made_by", Text),
        Column("state", Text, nullable=False, server_default="ready"),
        UniqueConstraint("kind", "name", "number", name="artifacts_number"),
    )
    op.create_index("artifacts_kind_name", "artifacts", ["kind", "name"])
    op.create_table(
        "artifact_parents",
        Column("child", Text, primary_key=True),
        Column("parent", Text, primary_key=True),
        Column("role", Text, primary_key=True),
    )
    op.create_index("artifact_parents_parent", "artifact_parents", ["parent"])
    op.create_table(
        "labels",
        Column("kind", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("label", Text, primary_key=True),
        Column("digest", Text, nullable=False),
        Column("moved_us", BigInteger, nullable=False),
        Column("moved_by", Text, nullable=False),
    )
    op.create_table(
        "blobs",
        Column("digest", Text, primary_key=True),
        Column("pack", Text, nullable=False),
        Column("offset", BigInteger, nullable=False),
        Column("stored", BigInteger, nullable=False),
        Column("size", BigInteger, nullable=False),
        Column("codec", Integer, nullable=False),
    )


def _ledger() -> None:
    op.create_table(
        "events",
        Column("seq", BigInteger, primary_key=True, autoincrement=False),
        Column("id", Text, nullable=False, unique=True),
        Column("at_us", BigInteger, nullable=False),
        Column("principal", Text, nullable=False),
        Column("verb", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("digests", Text, nullable=False),
        Column("commitment", Text, nullable=False),
        Column("leaf", Text, nullable=False),
    )
    op.create_table(
        "event_contents",
        Column("event_id", Text, primary_key=True),
        Column("salt", LargeBinary, nullable=False),
        Column("content", LargeBinary, nullable=False),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        Column("id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("by", Text, nullable=False),
        Column("group", Text, nullable=False),
        Column("inputs", Text, nullable=False),
        Column("outputs", Text),
        Column("error", Text),
        Column("attempt", Integer, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("started_us", BigInteger),
        Column("ended_us", BigInteger),
    )
    op.create_index("runs_created_us", "runs", ["created_us"])


def _access() -> None:
    op.create_table(
        "keys",
        Column("id", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("hmac", Text, nullable=False, unique=True),
        Column("group", Text, nullable=False),
        Column("scopes", Text, nullable=False),
        Column("created_us", BigInteger, nullable=False),
        Column("created_by", Text, nullable=False),
        Column("expires_us", BigInteger),
        Column("revoked_us", BigInteger),
    )


def _releases() -> None:
    op.create_table(
        "channels",
        Column("name", Text, primary_key=True),
        Column("stable", Text, nullable=False),
        Column("stable_ref", Text, nullable=False),
        Column("unit", Text, nullable=False),
        Column("updated_us", BigInteger, nullable=False),
        Column("group", Text, nullable=False),
    )
    op.create_table(
        "rollouts",
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
    )
    op.create_index("rollouts_channel", "rollouts", ["channel", "created_us"])
    op.create_table(
        "rollout_events",
        Column("rollout", Text, primary_key=True),
        Column("n", Integer, primary_key=True, autoincrement=False),
        Column("at_us", BigInteger, nullable=False),
        Column("kind", Text, nullable=False),
        Column("content", Text, nullable=False),
    )
