"""The table of targets. No key is in it: only the names of variables are."""

from sqlalchemy import BigInteger, Boolean, Column, Table, Text, text

from volano.store.metadata import METADATA

targets = Table(
    "targets",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("region", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("key_env", Text, nullable=False),
    Column("plain_http", Boolean, nullable=False),
    Column("ca_file", Text, nullable=False, server_default=text("''")),
    Column("enabled", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("updated_us", BigInteger, nullable=False),
)
