"""Function: what a reader adds to the SQL of both databases."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Function(NamedTuple):
    """SQLite knows it by name, DuckDB also by the types that it takes and gives.

    It is called with None for NULL. A BLOB may come as a zstd frame or as what is in it.
    """

    name: str
    call: Callable[..., Any]
    takes: tuple[str, ...]
    gives: str
