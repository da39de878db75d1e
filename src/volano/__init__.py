"""volano: operate language models through their whole life, in one loop.

The package is lazy (PEP 562): importing `volano.client` loads nothing else,
and the public names below load their room on first use.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "App": "volano.app",
    "Client": "volano.client",
    "Digest": "volano.core.digest",
    "Manifest": "volano.core.manifest",
    "Principal": "volano.core.principal",
    "Ref": "volano.core.ref",
    "Score": "volano.core.score",
    "Settings": "volano.settings",
    "Verdict": "volano.core.verdict",
    "VolanoError": "volano.core.errors",
}

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604 - names come from the table


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'volano' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
