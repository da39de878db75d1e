"""The one MetaData that every room's tables hang on, so that one migration makes them all."""

from sqlalchemy import MetaData

METADATA = MetaData()
