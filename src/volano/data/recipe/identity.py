"""What a step is, for the cache: its name, version, settings, and whose code it is."""

import hashlib
import sys
from functools import cache
from pathlib import Path
from typing import Any

from volano.data.recipe.recipe import plain_settings


def identity(step: Any) -> dict[str, Any]:
    """Return plain values that are others whenever the step may give other rows.

    Our steps say so with `version`. Of others the module's bytes count too:
    whoever writes a step of their own changes it often and counts seldom. A
    step that reads a file or a model has a method `fingerprint` that names it;
    one whose settings also say where a file lies has `known_by`, without that.
    """
    kind = type(step)
    settings = step.known_by() if callable(getattr(step, "known_by", None)) else None
    told: dict[str, Any] = {
        "name": str(step.name), "version": step.version,
        "settings": plain_settings(step) if settings is None else settings,
    }  # fmt: skip
    if not kind.__module__.startswith("volano."):
        told["code"] = _code(kind.__module__)
    if callable(getattr(step, "fingerprint", None)):
        told["fingerprint"] = str(step.fingerprint())
    return told


@cache
def _code(module: str) -> str:
    """Return the sha256 of a module's file; its name where it has none."""
    path = getattr(sys.modules.get(module), "__file__", None)
    try:
        return hashlib.sha256(Path(path or "").read_bytes()).hexdigest()
    except OSError:
        return module
