"""Adapter: low-rank additions to a base, kept apart from it.

An adapter is some percent of its base's size and is worth nothing without it:
its artifact's parent of role `base` says which one, by digest. Engines load the
base once and answer by whichever adapter a request names.
"""

import json
from pathlib import Path
from typing import Any

from volano.core.digest import Digest
from volano.models.errors import NotAModelError
from volano.store.artifact import Artifact

CONFIG, WEIGHTS, SERVED = "adapter_config.json", "adapter_model.safetensors", "adapter.gguf"
FORMAT = "adapter"
FILES = (SERVED, WEIGHTS, CONFIG, "recipe.json", "card.json", "parity.json")
MAGIC = b"GGUF"


def base_of(model: Artifact) -> Digest | None:
    """Return the digest of the model that this one is an adapter on; None where it is none."""
    if model.manifest.meta.get("format") != FORMAT:
        return None
    [digest] = [parent.digest for parent in model.manifest.parents if parent.role == "base"]
    return digest


def read(folder: Path) -> tuple[dict[str, Path], dict[str, Any]]:
    """Check a folder that holds an adapter; return its files and the meta of the artifact.

    Raises:
        NotAModelError: a file is missing, not readable, not GGUF, or the
            parity proof is about another file.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise NotAModelError(folder=folder, reason=f"there is no {', '.join(missing)}")
    data = (folder / SERVED).read_bytes()
    if not data.startswith(MAGIC):
        raise NotAModelError(folder=folder, reason=f"{SERVED} does not begin as GGUF does")
    config, recipe, card, parity = (_json(folder, name) for name in FILES[2:])
    if parity.get("gguf") != Digest.of(data):
        raise NotAModelError(folder=folder, reason=f"parity.json is not about this {SERVED}")
    proof = {k: parity.get(k) for k in ("n", "equal", "precision", "required", "passed")}
    meta = {"format": FORMAT, **card, "rank": config.get("r"), "parity": proof, "recipe": recipe}
    return {name: folder / name for name in FILES}, meta


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotAModelError(folder=folder, reason=f"{name} is not JSON") from error
    if not isinstance(value, dict):
        raise NotAModelError(folder=folder, reason=f"{name} is not an object")
    return value
