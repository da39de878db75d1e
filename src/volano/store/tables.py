"""The store's own tables. Other rooms keep theirs in their own `tables.py`."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from volano.store.metadata import METADATA

artifacts = Table(
    "artifacts",
    METADATA,
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
    Index("artifacts_kind_name", "kind", "name"),
)

parents = Table(
    "artifact_parents",
    METADATA,
    Column("child", Text, primary_key=True),
    Column("parent", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Index("artifact_parents_parent", "parent"),
)

labels = Table(
    "labels",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("label", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("moved_us", BigInteger, nullable=False),
    Column("moved_by", Text, nullable=False),
)

blobs = Table(
    "blobs",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("pack", Text, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("stored", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("codec", Integer, nullable=False),
    Column("used_us", BigInteger, nullable=False, server_default="0"),
)
"""`used_us`: when somebody last put these bytes; the garbage collector keeps what is younger."""

artifact_holds = Table(
    "artifact_holds",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("added_us", BigInteger, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("released_us", BigInteger),
    Index("artifact_holds_digest", "digest"),
)

events = Table(
    "events",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("at_us", BigInteger, nullable=False),
    Column("principal", Text, nullable=False),
    Column("verb", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("digests", Text, nullable=False),
    Column("commitment", Text, nullable=False),
    Column("leaf", Text, nullable=False),
    Index("events_subject", "subject"),
)

contents = Table(
    "event_contents",
    METADATA,
    Column("event_id", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("content", LargeBinary, nullable=False),
)
