"""Models: weights that answer, and pointers to models that live elsewhere.

What enters: folders that a training run left, models from elsewhere (`exchange`,
behind `checks`), addresses of models at a provider, and the ticket router that comes
with volano. What leaves: artifacts of kind `model`, and the files that an engine
serves. In order: `training` makes a model in a child process, `export` writes it for an
engine, `parity` proves that the file answers as the weights do, `trained` checks the
folder, and `keeper` keeps it. `compression` makes smaller forms, `lives` says what state a
model is in, `cards` what it is. A model whose parity did not pass is kept, but never used.

`export`, `compression` and `training` need the extra `volano[train]`; the rest does not.

Lazy, because a training child needs neither the keeper nor the store.
"""

from importlib import import_module
from typing import Any

_PUBLIC = {
    "BadPointerError": "volano.models.errors",
    "ModelNotUsableError": "volano.models.errors",
    "Models": "volano.models.keeper",
    "NotAModelError": "volano.models.errors",
}

__all__ = ["BadPointerError", "ModelNotUsableError", "Models", "NotAModelError"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'volano.models' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
