"""Writing: which files of a model go out in which form, and what is added to them.

`folder` is all that we have; `gguf` the file that engines of llama.cpp read;
`hf` what `transformers` loads; `ollama` a Modelfile beside the GGUF; `mlflow`
the flavour `transformers`. Nothing is converted here: a form that needs a file
that the model lacks is refused. The words that a model was trained to be asked in go with
every form; where others do not read them there, that is said.
"""

import json
from pathlib import Path
from typing import Any

from volano.models.errors import NotExportableError
from volano.models.exchange import mlflow, ollama, worded
from volano.models.exchange.found import ADAPTER, CONFIG, JSONS, README, TEXTS
from volano.models.exchange.modelfile import ASKED_BY, MODELFILE, Modelfile, again, text_of
from volano.models.kinds import GGUF, format_of
from volano.models.wording import AS_IS, ASKED, Wording, wording_of
from volano.store.artifact import Artifact

FORMS = ("folder", "gguf", "hf", "ollama", "mlflow")
_OURS = ("card.json", "parity.json", worded.FILE)
"""What only volano reads, and takes from nobody else. How it was trained (`recipe.json`, `plan.json`) goes along."""
_TOKENIZER = "tokenizer_config.json"

UNREAD = (
    f"volano reads `{worded.FILE}` at import; transformers and MLflow do not: "
    "there ask in these words, with the text in their place: {!r}."
)
UNTOLD = (
    "The GGUF has no chat template that could carry the words it was trained with: "
    "ask in these, with the text in their place: {!r}."
)
LEFT_BEHIND = (
    "{words} of its Modelfile cannot be said in this form: see `asked` in `volano model show {model} --json`, "
    "and ask with the same there."
)
TEMPLATED = (
    "Ollama renders chat templates of its own and only for families that it knows: compare some "
    "answers, and write a TEMPLATE into the Modelfile where they differ. The text was asked as {!r}."
)


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
        named = (GGUF, MODELFILE) if form == "ollama" else (GGUF,)
        return [name for name in files if name in named or name.startswith(("LICENSE", "NOTICE"))]
    kept = {*JSONS, *TEXTS, ADAPTER} - {*_OURS, MODELFILE}
    return [name for name in files if name in kept or name.endswith(".safetensors")]


def finish(model: Artifact, form: str, folder: Path, card: str) -> tuple[str, ...]:
    """Add what the form has besides: the card, the tokenizer's configuration, Modelfile, MLmodel.

    Returns notes: what others cannot read there.
    """
    wording = wording_of(model)
    notes = () if wording is None else _say(wording, form, folder)
    if form in ("hf", "mlflow") and CONFIG in model.manifest.files:
        _complete(folder)
    if form == "mlflow":
        architecture = _architecture(folder)
        mlflow.arrange(folder, architecture=architecture, name=model.name, at_us=model.created_us)
    if wording is None:
        notes = _ask_again(model, form, folder)
    (folder / README).write_text(card, encoding="utf-8")
    return notes


def _ask_again(model: Artifact, form: str, folder: Path) -> tuple[str, ...]:
    """Say how Ollama asked a model that came from there, as far as the form can; return a note of the rest."""
    place = folder / MODELFILE
    if form == "ollama":
        said = text_of(place) if place.exists() else ""
        place.write_text(again(said, GGUF), encoding="utf-8", newline="")
    told = Modelfile.read(place).asked()[0] if place.exists() else {}
    asked = model.manifest.meta.get(ASKED) or {}
    lost = [word for key, word in ASKED_BY.items() if asked.get(key) != told.get(key)]
    return (LEFT_BEHIND.format(words=", ".join(lost), model=model.ref),) if lost else ()


def _say(wording: Wording, form: str, folder: Path) -> tuple[str, ...]:
    """Write how the model wants to be asked in what the form has for it; return notes."""
    if form not in ("gguf", "ollama"):
        worded.write(folder, wording)
        return () if form == "folder" or wording.is_bare else (UNREAD.format(wording.prompt),)
    template = worded.put_in(folder / GGUF, wording)
    notes = [] if template is not None or wording.is_bare else [UNTOLD.format(wording.prompt)]
    if form == "ollama":
        bare = template == AS_IS
        settings = {"temperature": 0, "num_predict": wording.max_tokens}
        text = ollama.modelfile(around=wording.around if bare else None, settings=settings)
        (folder / MODELFILE).write_text(text, encoding="utf-8")
        notes += [] if bare else [TEMPLATED.format(wording.prompt)]
    return tuple(notes)


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
