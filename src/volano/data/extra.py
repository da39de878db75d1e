"""Packages that only some work needs: asked for where it begins, and named where they are missing."""

from importlib import import_module
from typing import Any

from volano.data.errors import MissingExtraError


def needed(module: str, *, by: str, package: str = "", extra: str = "data") -> Any:
    """Return the module of a package that comes with `volano[data]` or another extra.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        name = package or module.partition(".")[0]
        raise MissingExtraError(what=by, package=name, extra=extra) from None
