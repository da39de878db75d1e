"""The formats, one a file: importing this registers them."""

from volano.data.sources.formats import (
    arrow,
    delimited,
    jsonl,
    office,
    parquet,
    pdf,
    plaintext,
    webpage,
)

__all__ = [
    "arrow", "delimited", "jsonl", "office", "parquet", "pdf", "plaintext", "webpage",
]  # fmt: skip
