"""Compression: a model's folder as a smaller or faster form of it, and what that costs.

In order: `forms` names the forms, `parts` what can be pruned, `importance` measures what
each part is worth, `prune` takes weights or parts away and tunes the rest, `made` does both and leaves a folder, `trial` answers prompts with it in
a process of its own, `measure` compares the answers with the parent's,
`agreement` compares the two distributions of next tokens, and `making` is the
child process that does it all for a Run. None of it knows the catalog.

    made = compress(folder, "q8_0", target)
    facts = measure.measure(made, prompts, expected)

Lazy: names of forms are wanted where torch is not.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "FORMS": "volano.models.compression.forms",
    "Form": "volano.models.compression.forms",
    "Made": "volano.models.compression.made",
    "compress": "volano.models.compression.made",
}

__all__ = ["FORMS", "Form", "Made", "compress"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'volano.models.compression' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
