"""Kinds of models: what lies in the artifact (its format), and what serves it (its engine)."""

from volano.store.artifact import Artifact

KIND = "model"

ENGINES = {"gguf": "llamacpp", "ct2": "ctranslate2", "onnx": "onnx"}
"""What serves a format, where the model itself does not say it."""

GGUF = "model.gguf"

PLAN = "plan.json"
"""How another's model was tuned here; `recipe.json` is that of our own small networks."""

UNSERVED = "unserved"
"""In the meta: why no engine's file lies beside the weights."""


def format_of(model: Artifact) -> str:
    """Return a model's format; empty where its row is broken."""
    return str(model.manifest.meta.get("format", ""))


def engine_of(model: Artifact) -> str:
    """Return the engine that serves a model; empty where none here does."""
    said = model.manifest.meta.get("engine")
    if said:
        return str(said)
    known = ENGINES.get(format_of(model), "")
    return known or (ENGINES["gguf"] if GGUF in model.manifest.files else "")
