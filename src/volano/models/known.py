"""Known: what can be told of base, data and machine before a run, without loading anything heavy."""

import json
import math
from pathlib import Path
from typing import Any

from volano.data.keeper import Datasets
from volano.models.keeper import Models
from volano.models.training.devices import gpus
from volano.models.training.incompatible import Facts
from volano.models.training.plan import HERE, Plan
from volano.store.artifact import Artifact

OURS = "recipe.json"


def facts(plan: Plan, base: Artifact | None, models: Models, datasets: Datasets) -> Facts:
    """Return what the table of what does not go together wants to know."""
    here = gpus() if plan.on == HERE else None  # the GPUs of a cluster are its own matter
    found: dict[str, Any] = {"gpus": here, "shape": _shape(plan, datasets)}
    if base is None:
        return Facts(**found)
    files, meta = base.manifest.files, base.manifest.meta
    found |= {
        "base_format": meta["format"],
        "base_weights": any(name.endswith(".safetensors") for name in files),
        "base_ours": meta["format"] == "gguf" and OURS in files,
        "base_data": bool(models.data_of(base)),
        "base_parameters": meta.get("parameters"),
    }
    if "config.json" in files:
        found |= _config(base, models)
    return Facts(**found)


def _config(base: Artifact, models: Models) -> dict[str, Any]:
    config = _json(models.file(base.ref, "config.json"))
    files = base.manifest.files
    chat = "chat_template.jinja" in files
    if not chat and "tokenizer_config.json" in files:
        chat = bool(_json(models.file(base.ref, "tokenizer_config.json")).get("chat_template"))
    return {"base_context": config.get("max_position_embeddings"), "base_chat": chat}


def _shape(plan: Plan, datasets: Datasets) -> str | None:
    if plan.data is None:
        return None
    row = next(datasets.stream(plan.data, plan.split, limit=1), None)
    if row is None:
        return None
    return "chat" if "messages" in row else "pairs" if "completion" in row else "text"


def _json(path: Path) -> dict[str, Any]:
    value = json.loads(path.read_text(encoding="utf-8"))
    return value if isinstance(value, dict) else {}


def size_of(path: Path) -> tuple[int, int]:
    """Return parameters and bytes of a safetensors file, from its header alone.

    The header is an 8-byte length and JSON; one that claims more than 100 MB is not read.
    """
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > 100_000_000:
            return 0, path.stat().st_size
        header = json.loads(file.read(length))
    shapes = [one["shape"] for name, one in header.items() if name != "__metadata__"]
    return sum(math.prod(shape) for shape in shapes), path.stat().st_size
