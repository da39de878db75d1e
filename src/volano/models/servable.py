"""Servable: is there an engine here that answers as this model? Said before it is released."""

import shutil
from importlib.util import find_spec

from volano.models import adapter
from volano.models.errors import ModelNotUsableError
from volano.models.kinds import GGUF, UNSERVED, format_of
from volano.serving.engines import LLAMACPP, SGLANG, VLLM, engine_of
from volano.serving.errors import UnknownEngineError
from volano.store.artifact import Artifact

CONVERT = "Make one that is: `volano model convert {model} --to gguf --name NAME`."
DEVICES = "It is for devices. Release the model that it was made from."
FOR_DEVICES = ("litert", "executorch")


def check(model: Artifact, base: Artifact | None = None) -> Artifact:
    """Return the model again if something here serves it; `base` is that of an adapter.

    Raises:
        ModelNotUsableError: nothing does; says what to do.
    """
    reason = _lack(model, base)
    if not reason:
        return model
    hint = DEVICES if format_of(model) in FOR_DEVICES else CONVERT.format(model=model.ref)
    why = model.manifest.meta.get(UNSERVED)
    raise ModelNotUsableError(
        model=model.ref, reason=f"{reason} ({why.rstrip('.')})" if why else reason, hint=hint
    )


def _lack(model: Artifact, base: Artifact | None) -> str:
    """Return why nothing serves a model; empty where something does."""
    meta, files = model.manifest.meta, model.manifest.files
    if format_of(model) == "pointer":
        return ""
    if base is not None:
        if adapter.SERVED not in files:
            return f"it has no {adapter.SERVED} that an engine could add to its base"
        return "" if GGUF in base.manifest.files else f"its base {base.ref} has no {GGUF}"
    try:
        kind = engine_of(meta, files)
    except UnknownEngineError as error:
        return error.message
    if kind is LLAMACPP and GGUF not in files:
        return f"it has no {GGUF}"
    if kind in (VLLM, SGLANG) and not meta.get("engine") and not _installed(kind.name):
        return f"its format, {format_of(model)}, is served by vLLM or SGLang, and neither is here"
    return ""


def _installed(name: str) -> bool:
    return find_spec(name) is not None or shutil.which(name) is not None
