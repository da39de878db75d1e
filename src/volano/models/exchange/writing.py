"""Writing: which files of a model go out in which form, and what is added to them.

`folder` is all that we have; `gguf` the file that engines of llama.cpp read;
`hf` what `transformers` loads; `ollama` a Modelfile beside the GGUF; `mlflow`
the flavour `transformers`. Nothing is converted here: a form that needs a file
that the model lacks is refused.
"""

import json
from pathlib import Path
from typing import Any

from volano.models.errors import NotExportableError
from volano.models.exchange import mlflow, ollama
from volano.models.exchange.found import ADAPTER, CONFIG, JSONS, README, TEXTS
from volano.models.kinds import GGUF, format_of
from volano.models.wording import SLOT, prompt_of
from volano.store.artifact import Artifact

FORMS = ("folder", "gguf", "hf", "ollama", "mlflow")
_OURS = ("recipe.json", "card.json", "parity.json")
_TOKENIZER = "tokenizer_config.json"


def check_form(model: Artifact, form: str) -> None:
    """Refuse a form that a model cannot be written in.

    Raises:
        NotExportableError: there is no such form, or the model lacks what it needs.
    """

    def no(reason: str) -> None:
        raise NotExportableError(model=model.ref, form=form, reason=reason)

    if form not in FORMS:
        no(f"forms are {', '.join(FORMS)}")
    if format_of(model) == "pointer":
        no("it lives elsewhere, and has no weights here")
    files = model.manifest.files
    if form in ("gguf", "ollama") and GGUF not in files:
        no(f"it has no {GGUF}")
    weights = any(name.endswith(".safetensors") for name in files)
    config = CONFIG in files or (ADAPTER in files and form == "hf")
    if form in ("hf", "mlflow") and not (weights and config):
        no("it has no weights as safetensors with their configuration")


def files_for(model: Artifact, form: str) -> list[str]:
    """Return the model's files that go out in a form."""
    files = [name for name in model.manifest.files if name != README or form == "folder"]
    if form == "folder":
        return files
    if form in ("gguf", "ollama"):
        return [name for name in files if name == GGUF or name.startswith(("LICENSE", "NOTICE"))]
    kept = {*JSONS, *TEXTS, ADAPTER} - {*_OURS, "Modelfile"}
    return [name for name in files if name in kept or name.endswith(".safetensors")]


def finish(model: Artifact, form: str, folder: Path, card: str) -> None:
    """Add what the form has besides: the card, the tokenizer's configuration, Modelfile, MLmodel."""
    if form in ("hf", "mlflow") and CONFIG in model.manifest.files:
        _complete(folder)
    if form == "mlflow":
        architecture = _architecture(folder)
        mlflow.arrange(folder, architecture=architecture, name=model.name, at_us=model.created_us)
    if form == "ollama":
        (folder / "Modelfile").write_text(_modelfile(model), encoding="utf-8")
    (folder / README).write_text(card, encoding="utf-8")


def _modelfile(model: Artifact) -> str:
    said = prompt_of(model)
    settings: dict[str, Any] = dict(said["settings"])
    if "max_tokens" in settings:
        settings["num_predict"] = settings.pop("max_tokens")
    template = said["template"].replace(SLOT, "{{ .Prompt }}") if settings else ""
    return ollama.modelfile(prompt=template, settings=settings)


def _complete(folder: Path) -> None:
    """Write `tokenizer_config.json` where only the tokenizer itself is there, as in what we train."""
    place, tokenizer = folder / _TOKENIZER, folder / "tokenizer.json"
    if place.exists() or not tokenizer.exists():
        return
    added = json.loads(tokenizer.read_text(encoding="utf-8")).get("added_tokens", [])
    words = {one["id"]: one["content"] for one in added}
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True}
    for name in ("bos", "eos", "pad"):
        number = config.get(f"{name}_token_id")
        if isinstance(number, int) and number in words:
            told[f"{name}_token"] = words[number]
    place.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _architecture(folder: Path) -> str:
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    known = config.get("architectures")
    return str(known[0]) if isinstance(known, list) and known else "AutoModelForCausalLM"
