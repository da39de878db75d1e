"""Trained: the folder that a training run leaves, checked before it becomes an artifact.

Only the known files are taken, and weights only as safetensors and GGUF:
nothing that could carry code. The parity proof must be about this very GGUF.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from volano.core.digest import Digest
from volano.models import adapter
from volano.models.errors import NotAModelError
from volano.models.kinds import PLAN

WEIGHTS = "model.gguf"
UNTUNED = ("scratch", "distill")
"""Methods that tune no base. Their `recipe.json` says how a later tuning begins; it did not happen."""
CARD, PARITY = "card.json", "parity.json"
REQUIRED = (WEIGHTS, "recipe.json", CARD, PARITY)
OPTIONAL = ("model.safetensors", "config.json", "tokenizer.json")
FOREIGN = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
    "model.safetensors.index.json",
)
"""What a folder in Hugging Face's format may hold beside its weights."""
MAGIC = b"GGUF"


@dataclass(frozen=True, slots=True)
class Trained:
    """Files by name, and the meta of the artifact to be."""

    files: dict[str, Path]
    meta: dict[str, Any]


def read(folder: Path) -> Trained:
    """Check a folder and describe it.

    Raises:
        NotAModelError: a file is missing, not readable, not GGUF, or the
            parity proof is about another file.
    """
    if (folder / PLAN).is_file():
        return _foreign(folder)
    if (folder / adapter.SERVED).is_file():
        return Trained(*adapter.read(folder))
    missing = [name for name in REQUIRED if not (folder / name).is_file()]
    if missing:
        raise NotAModelError(folder=folder, reason=f"there is no {', '.join(missing)}")
    recipe, card, proof = _json(folder, "recipe.json"), _json(folder, CARD), _proof(folder, WEIGHTS)
    files = {name: folder / name for name in REQUIRED + OPTIONAL if (folder / name).is_file()}
    if card.get("method") in UNTUNED:
        recipe = {name: value for name, value in recipe.items() if name != "tuning"}
    return Trained(files, {"format": "gguf", **card, "parity": proof, "recipe": recipe})


def _foreign(folder: Path) -> Trained:
    """A tuned model in Hugging Face's format, or an adapter on one; perhaps with an engine's file."""
    is_adapter = (folder / adapter.CONFIG).is_file()
    wanted = (PLAN, CARD, adapter.CONFIG if is_adapter else "config.json")
    missing = [name for name in wanted if not (folder / name).is_file()]
    weights = sorted(folder.glob("*.safetensors"))
    if missing or not weights:
        said = ", ".join(missing) or "*.safetensors"
        raise NotAModelError(folder=folder, reason=f"there is no {said}")
    paths = [folder / name for name in (*wanted, *FOREIGN)] + weights
    files = {path.name: path for path in paths if path.is_file()}
    form = adapter.FORMAT if is_adapter else "safetensors"
    meta = {"format": form, **_json(folder, CARD), "plan": _json(folder, PLAN)}
    served = adapter.SERVED if is_adapter else WEIGHTS
    if (folder / served).is_file():
        files |= {name: folder / name for name in (served, PARITY)}
        meta["parity"] = _proof(folder, served)
    return Trained(files, meta)


def _proof(folder: Path, served: str) -> dict[str, Any]:
    parity, data = _json(folder, PARITY), (folder / served).read_bytes()
    if not data.startswith(MAGIC):
        raise NotAModelError(folder=folder, reason=f"{served} does not begin as GGUF does")
    if parity.get("gguf") != Digest.of(data):
        raise NotAModelError(folder=folder, reason=f"{PARITY} is not about this {served}")
    return {k: parity.get(k) for k in ("n", "equal", "precision", "required", "passed")}


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        value = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotAModelError(folder=folder, reason=f"{name} is not JSON") from error
    if not isinstance(value, dict):
        raise NotAModelError(folder=folder, reason=f"{name} is not an object")
    return value
