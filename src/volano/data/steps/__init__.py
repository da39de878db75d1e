"""The steps that ours bring; each file registers its own in `STEPS`."""

from volano.data.steps import (
    balance,
    boilerplate,
    chat,
    columns,
    labels,
    language,
    pack,
    pii,
    quality,
    repair,
    sample,
    tokenise,
)

__all__ = [
    "balance",
    "boilerplate",
    "chat",
    "columns",
    "labels",
    "language",
    "pack",
    "pii",
    "quality",
    "repair",
    "sample",
    "tokenise",
]
