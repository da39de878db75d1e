"""The tables of keys, limits and permissions. The text of a key is in no column: only its fingerprint is.

A rotated key has two fingerprints for a while: `former_hmac` is the older one.
"""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from volano.store.metadata import METADATA

keys = Table(
    "keys",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hmac", Text, nullable=False, unique=True),
    Column("group", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_us", BigInteger),
    Column("revoked_us", BigInteger),
    Column("ips", Text, nullable=False, server_default="[]"),
    Column("rotated_us", BigInteger),
    Column("former_hmac", Text),
    Column("former_until_us", BigInteger),
    Index("keys_former_hmac", "former_hmac", unique=True),
)

limits = Table(
    "limits",
    METADATA,
    Column("subject", Text, primary_key=True),
    Column("rpm", BigInteger),
    Column("tpm", BigInteger),
    Column("concurrency", BigInteger),
    Column("updated_us", BigInteger, nullable=False),
    Column("updated_by", Text, nullable=False),
)

permissions = Table(
    "permissions",
    METADATA,
    Column("thing", Text, primary_key=True),
    Column("principal", Text, primary_key=True),
    Column("verb", Text, primary_key=True),
    Column("classes", Text, nullable=False),
    Column("given_us", BigInteger, nullable=False),
    Column("given_by", Text, nullable=False),
)

column_classes = Table(
    "column_classes",
    METADATA,
    Column("thing", Text, primary_key=True),
    Column("column", Text, primary_key=True),
    Column("class", Text, nullable=False),
    Column("set_us", BigInteger, nullable=False),
    Column("set_by", Text, nullable=False),
)
