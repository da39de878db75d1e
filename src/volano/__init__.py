"""volano: operate language models through their whole life, in one loop.

The package is lazy (PEP 562): importing `volano.client` loads nothing else,
and the public names below load their room on first use.
"""

import sys
from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it; importing that takes longer than all of this
if TYPE_CHECKING:
    from typing import Any

    from volano.client import Client as Client
    from volano.client import configure as configure
    from volano.client import current_span as current_span
    from volano.client import feedback as feedback
    from volano.client import flush as flush
    from volano.client import prompt as prompt
    from volano.client import session as session
    from volano.client import trace as trace

__version__ = "0.1.0"

_SPOKEN = ("configure", "current_span", "feedback", "flush", "prompt", "session", "trace")
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
    **dict.fromkeys(_SPOKEN, "volano.client"),
}

__all__ = ["__version__", *sorted(_PUBLIC)]  # noqa: PLE0604 - names come from the table


def __getattr__(name: str) -> "Any":
    if name in _PUBLIC:
        found = globals()[name] = getattr(import_module(_PUBLIC[name]), name)
        return found
    raise AttributeError(f"module 'volano' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Package(type(sys)):  # type: ignore[misc]
    """The package, in which `volano.feedback` is the public function also once the room is loaded.

    Importing a room sets its name here. The room itself stays in `sys.modules`, where
    `from volano.feedback import …` finds it.
    """

    def __setattr__(self, name: str, value: "Any") -> None:
        if not (name in _SPOKEN and isinstance(value, type(sys))):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
