"""The composition root: the only place that knows all rooms. `rooms` builds them, `app` runs them.

It is lazy (PEP 562): the command line asks `lock` who holds the folder without loading a room.
"""

from importlib import import_module

TYPE_CHECKING = False  # as `typing` has it; importing that takes longer than all of this
if TYPE_CHECKING:
    from typing import Any

    from volano.app.app import App as App
    from volano.app.app import NoTraceError as NoTraceError

__all__ = ["App", "NoTraceError"]


def __getattr__(name: str) -> "Any":
    if name in __all__:
        found = globals()[name] = getattr(import_module("volano.app.app"), name)
        return found
    raise AttributeError(f"module 'volano.app' has no attribute {name!r}")
