"""MLflow: a folder with an `MLmodel` file, of which only the flavour `transformers` is data.

All other flavours are pickles or code, and are refused with that reason. In
the flavour `transformers` the weights lie in `model/`, the tokenizer in
`components/tokenizer/`.

Source: mlflow.org/docs, "MLflow Models" (storage format); github.com/mlflow/mlflow,
`mlflow/transformers/model_io.py`. Written as these say; not tried with MLflow itself.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from volano.data.sources.front import plain_yaml
from volano.models.checks.configs import read_bounded
from volano.models.errors import RefusedFileError

FILE = "MLmodel"
WEIGHTS, TOKENIZER = "model/", "components/tokenizer/"
_TOKENIZERS = ("tokenizer", "special_tokens", "added_tokens", "vocab", "merges", "chat_template")
WAY = "Log it with `mlflow.transformers.log_model`, or export the weights as safetensors."


def take(files: Mapping[str, Path]) -> tuple[dict[str, Path], dict[str, Any]]:
    """Return the model's own files under plain names, and what is known of its source.

    Raises:
        RefusedFileError: its flavours are pickles or code, or the file cannot be read.
    """
    told = _read(files[FILE])
    flavors = told.get("flavors")
    if not isinstance(flavors, dict) or not isinstance(flavors.get("transformers"), dict):
        names = sorted(str(name)[:40] for name in flavors) if isinstance(flavors, dict) else []
        kinds = ", ".join(names[:10]) or "none"
        reason = f"its flavours ({kinds}) are pickles or code, and not `transformers`"
        raise RefusedFileError(file=FILE, reason=reason, way=WAY)
    if flavors["transformers"].get("code"):
        raise RefusedFileError(file=FILE, reason="it comes with code of its own", way=WAY)
    found: dict[str, Path] = {}
    for prefix in (TOKENIZER, WEIGHTS):
        found |= {n.removeprefix(prefix): p for n, p in files.items() if n.startswith(prefix)}
    source: dict[str, Any] = {"mlflow": True}
    for key in ("run_id", "model_uuid"):
        if isinstance(told.get(key), str):
            source[key] = told[key][:100]
    return found, source


def arrange(folder: Path, *, architecture: str, name: str, at_us: int) -> None:
    """Bring the files of a transformers folder into MLflow's order, and write `MLmodel`."""
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        tokenizer = path.name.startswith(_TOKENIZERS)
        place = folder / (TOKENIZER if tokenizer else WEIGHTS) / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        path.rename(place)
    told = {
        "artifact_path": name,
        "flavors": {
            "python_function": {"loader_module": "mlflow.transformers"},
            "transformers": {
                "code": None,
                "components": ["tokenizer"],
                "framework": "pt",
                "instance_type": "TextGenerationPipeline",
                "model_binary": WEIGHTS.rstrip("/"),
                "pipeline_model_type": architecture,
                "source_model_name": name,
                "task": "text-generation",
                "tokenizer_type": "PreTrainedTokenizerFast",
            },
        },
        "utc_time_created": time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at_us // 1_000_000)),
    }
    text = yaml.safe_dump(told, sort_keys=False, allow_unicode=True)
    (folder / FILE).write_text(text, encoding="utf-8")
    (folder / "requirements.txt").write_text("transformers\ntorch\nsafetensors\n")


def _read(path: Path) -> dict[str, Any]:
    try:
        told = plain_yaml(read_bounded(path, 1 << 20, FILE).decode())
    except ValueError as error:
        raise RefusedFileError(file=FILE, reason=f"it is not YAML: {error}", way=WAY) from error
    if not isinstance(told, dict):
        raise RefusedFileError(file=FILE, reason="it is no mapping", way=WAY)
    return told
