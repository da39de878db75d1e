"""Scorers of one's own, from a plain file beside the suite: `{python: "checks.py:polite"}`.

The file is *run*, with all that this process may do. So it is loaded only where the caller names a folder that it
trusts, which only the owner's own command line does; a suite that comes by HTTP is made with `scoring.make`, which
refuses it. The file must lie in the folder: no way up, no link out. For anything shared, make a package
with the entry point `volano.plugins`.
"""

import hashlib
import types
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from volano.evals.scoring import PYTHON, BadScorerError, Scorer, make, of_function

LARGEST = 1_000_000


def make_in(folder: Path, spec: str | Mapping[str, Any]) -> tuple[str, Scorer]:
    """Return a scorer's name and the scorer, as `scoring.make`; also from a Python file in a trusted folder.

    Raises:
        UnknownPluginError: no scorer has this name.
        BadScorerError: settings that it does not have, a file that is not there, lies elsewhere or breaks.
    """
    if not isinstance(spec, Mapping) or set(spec) != {PYTHON}:
        return make(spec)
    place, _, name = str(spec[PYTHON]).partition(":")
    if not place.endswith(".py") or not name.isidentifier():
        raise BadScorerError(name=PYTHON, why="say it as FILE.py:FUNCTION")
    found = getattr(_module(*_source(folder, place)), name, None)
    if isinstance(found, type):
        return name, cast("Scorer", found())
    if not callable(found):
        raise BadScorerError(name=name, why=f"`{place}` has no function `{name}`")
    return name, of_function(name, found)()


def digest_of(folder: Path, spec: Mapping[str, Any]) -> str:
    """Return the digest of the file that a scorer comes from, so that a report can say which one it was."""
    return hashlib.sha256(_source(folder, str(spec[PYTHON]).partition(":")[0])[1]).hexdigest()


def _source(folder: Path, place: str) -> tuple[str, bytes]:
    root = folder.resolve()
    if "\0" in place:
        raise BadScorerError(name=PYTHON, why="no file has such a name")
    at = (root / place).resolve()
    if not at.is_relative_to(root):
        raise BadScorerError(name=PYTHON, why=f"`{place}` does not lie in the suite's folder")
    try:
        with at.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise BadScorerError(
            name=PYTHON, why=f"`{place}` cannot be read: {error.strerror}"
        ) from None
    if len(text) > LARGEST:
        raise BadScorerError(name=PYTHON, why=f"`{place}` is larger than 1 MB")
    return str(at), text


@lru_cache(maxsize=32)
def _module(place: str, text: bytes) -> types.ModuleType:
    """Run the file once for each content of it."""
    module = types.ModuleType(f"volano_own_{hashlib.sha256(text).hexdigest()[:16]}")
    module.__file__ = place
    try:
        exec(compile(text, place, "exec"), module.__dict__)  # noqa: S102  the owner asked for it
    except Exception as error:
        why = f"`{Path(place).name}` breaks: {type(error).__name__}: {error}"[:300]
        raise BadScorerError(name=PYTHON, why=why) from error
    return module
