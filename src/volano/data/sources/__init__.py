"""Sources: rows come in from files, folders, the web, databases, datasets and own traces.

What enters: a spec, the small mapping that stands in a recipe. What leaves: rows,
each with its `origin`, and what was set aside, each with its reason.

- `source`: what a source is, and the registry of their kinds. `keeper`: opens them.
- `places/`: one file for each kind of place. `formats/`: one for each kind of file.
- `reading`, `limits`, `spec`: what a spec may say. `reasons`: why something is set aside.
- `unpack`, `lined`, `sound`: bytes, lines and values that somebody else wrote.
- `apart`, `documents`: HTML, PDF and DOCX are read in a process of their own.
- `guard`, `robots`, `patience`, `fetch`, `answers`: asking servers.
- `strict`: reading for `data add`, which takes a file whole or not at all.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from volano.data.sources.jsons import DuplicateKeyError, loads_strict
from volano.data.sources.strict import COLUMNS, read

if TYPE_CHECKING:
    from volano.data.sources.keeper import Sources as Sources
    from volano.data.sources.keeper import open_source as open_source
    from volano.data.sources.source import SOURCES as SOURCES
    from volano.data.sources.source import Around as Around
    from volano.data.sources.source import Source as Source

_LAZY = {
    "SOURCES": "source", "Around": "source", "Source": "source",
    "Sources": "keeper", "open_source": "keeper",
}  # fmt: skip
"""Loaded on first use: most who import this only read JSON."""

__all__ = [
    "COLUMNS", "SOURCES", "Around", "DuplicateKeyError", "Source", "Sources", "loads_strict",
    "open_source", "read",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
