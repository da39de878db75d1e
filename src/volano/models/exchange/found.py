"""What a folder from outside is: its format, the files that are kept, and what they say of themselves."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from volano.data.exchange.hub import front_matter
from volano.models.checks.configs import check_claim, check_config, read_bounded
from volano.models.checks.ct2 import check_ct2
from volano.models.checks.gguf import Header, check_gguf
from volano.models.checks.onnx import check_onnx
from volano.models.checks.pickles import SUFFIXES, WAY, head_of, refuse_pickle, seen
from volano.models.checks.safetensors import Tensors, check_safetensors
from volano.models.checks.templates import check_templates
from volano.models.errors import RefusedFileError, UnknownSourceError
from volano.models.exchange import worded
from volano.models.kinds import ENGINES, GGUF, PLAN
from volano.models.training.plan import Plan
from volano.models.training.recipe import TEXT, BadRecipeError, Recipe
from volano.models.wording import META, Wording

CONFIG, ADAPTER, README = "config.json", "adapter_config.json", "README.md"
RECIPE = "recipe.json"
JSONS = (
    CONFIG, "generation_config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "chat_template.json", "vocab.json",
    "preprocessor_config.json", "model.safetensors.index.json", "genai_config.json",
    RECIPE, PLAN, worded.FILE,
)  # fmt: skip
LISTS = (
    "shared_vocabulary.json", "source_vocabulary.json", "target_vocabulary.json", "vocabulary.json",
)  # fmt: skip
"""Vocabularies of CTranslate2: JSON, but lists."""
TEXTS = (
    "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
    "chat_template.jinja", "shared_vocabulary.txt", "source_vocabulary.txt",
    "target_vocabulary.txt", "vocabulary.txt", README, "LICENSE", "LICENSE.txt", "LICENSE.md",
    "NOTICE", "Modelfile",
)  # fmt: skip
_WEIGHTS = (".safetensors", ".gguf", ".onnx")
MOST_TEXT = 64 << 20
_SHOWN = 10
_PICKLES = {*SUFFIXES} - {".bin"}
_TORCH = ("pytorch_model", "training_args")
"""How names of `.bin` begin that are pickles of torch."""


@dataclass(slots=True)
class Found:
    """Files to keep by name, the meta of the artifact to be, and what people should know."""

    files: dict[str, Path]
    meta: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def is_wanted(name: str, names: Collection[str]) -> bool:
    """Whether a file may be one of a model's; `names` are all there are beside it."""
    path = PurePosixPath(name)
    if path.name in (*JSONS, *LISTS, *TEXTS, ADAPTER) or path.suffix in (*_WEIGHTS, ".jinja"):
        return True
    if path.name == "model.bin":
        return any("vocabulary" in one for one in names)
    if path.suffix == ".bin":
        return not path.name.startswith(_TORCH) and _beside_graph(path, names)
    return any(one.endswith(".onnx") for one in names) and path.suffix not in _PICKLES


def _beside_graph(path: PurePosixPath, names: Collection[str]) -> bool:
    """Whether a graph of ONNX may have its numbers in this file, and they are wanted.

    Where weights of transformers lie at the top they come before any graph.
    """
    if any("/" not in one and one.endswith(".safetensors") for one in names):
        return False
    graphs = [PurePosixPath(one) for one in names if one.endswith(".onnx")]
    return any(one.parent == path.parent for one in graphs)


def look(files: Mapping[str, Path], source: str, others: Mapping[str, Path]) -> Found:
    """Check all files that a model of this kind has, and say what it is.

    The files are copies of our own: a GGUF that was written with words in it is made what it was.
    `others` lie beside them and are not taken.

    Raises:
        RefusedFileError: one of them is hostile or broken, or all the weights are pickles.
        UnknownSourceError: there is no model among them.
    """
    reader = _reader(files)
    if reader is None:
        _refuse_pickles(others)
        lacks = any(name.endswith(".safetensors") for name in files)
        reason = "no config.json lies beside the weights" if lacks else "no weights lie there"
        raise UnknownSourceError(source=source, reason=reason)
    found = reader(files, source)
    _read_texts(files, found)
    kept = set(found.files.values())
    left = sorted([*others, *(name for name, path in files.items() if path not in kept)])
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        found.notes.append(f"Left out: {', '.join(left[:_SHOWN])}{more}.")
    return found


def _reader(files: Mapping[str, Path]) -> "Callable[[Mapping[str, Path], str], Found] | None":
    """Say which kind of model these files are."""
    ending = [PurePosixPath(name).suffix for name in files]
    if ADAPTER in files:
        return _adapter
    if CONFIG in files and ".safetensors" in ending:
        return _weights
    if "model.bin" in files:
        return _ct2
    if ".onnx" in ending:
        return _onnx
    return _gguf if ".gguf" in ending else None


def _refuse_pickles(files: Mapping[str, Path]) -> None:
    for name, path in files.items():
        what = seen(head_of(path))
        if what or PurePosixPath(name).suffix in SUFFIXES:
            reason = f"it is {what or 'of a kind that holds pickles'}, and no weights are beside it"
            raise RefusedFileError(file=name, reason=reason, way=WAY)


def _weights(files: Mapping[str, Path], source: str) -> Found:  # noqa: ARG001 - one form for all
    """Weights as transformers keeps them; a GGUF file of the same may lie beside."""
    config = check_config(files[CONFIG], CONFIG)
    shards = _shards(files)
    told = [check_safetensors(path, name) for name, path in shards.items()]
    check_claim(config, sum(one.parameters for one in told))
    found = Found({CONFIG: files[CONFIG], **shards}, _meta("safetensors", told, config))
    if GGUF in files:
        _add_gguf(files, found)
    return found


def _shards(files: Mapping[str, Path]) -> dict[str, Path]:
    """Return the files of weights: those that the index names, where there is one."""
    shards = {n: p for n, p in files.items() if "/" not in n and n.endswith(".safetensors")}
    index = "model.safetensors.index.json"
    if index not in files or "model.safetensors" in shards:
        return {k: v for k, v in shards.items() if k == "model.safetensors"} or shards
    named = check_config(files[index], index).get("weight_map")
    names = set(named.values()) if isinstance(named, dict) else set()
    missing = [str(name) for name in names if name not in shards]
    if missing or not names:
        reason = f"it names `{missing[0][:80]}`, which is not there" if missing else "it names none"
        raise RefusedFileError(file=index, reason=reason, way="Get all files of the model.")
    return {name: shards[name] for name in sorted(names)}


def _adapter(files: Mapping[str, Path], source: str) -> Found:
    config = check_config(files[ADAPTER], ADAPTER)
    weights = "adapter_model.safetensors"
    if weights not in files:
        raise UnknownSourceError(source=source, reason=f"there is no {weights}")
    told = check_safetensors(files[weights], weights)
    meta = _meta("adapter", [told], {})
    for key in ("peft_type", "r", "lora_alpha", "base_model_name_or_path", "task_type"):
        if isinstance(config.get(key), str | int | float):
            meta[key] = config[key] if not isinstance(config[key], str) else config[key][:200]
    found = Found({ADAPTER: files[ADAPTER], weights: files[weights]}, meta)
    if "adapter.gguf" in files:
        check_gguf(files["adapter.gguf"], "adapter.gguf")
        found.files["adapter.gguf"] = files["adapter.gguf"]
    return found


def _ct2(files: Mapping[str, Path], source: str) -> Found:  # noqa: ARG001
    told = check_ct2(files["model.bin"], "model.bin")
    meta = {
        "format": "ct2", "engine": ENGINES["ct2"], "architecture": told.spec,
        "parameters": told.parameters, "dtypes": list(told.dtypes),
    }  # fmt: skip
    found = Found({"model.bin": files["model.bin"]}, meta)
    if CONFIG in files:
        check_config(files[CONFIG], CONFIG)
    for name in LISTS:
        if name in files:
            read_bounded(files[name], MOST_TEXT, name)
            found.files[name] = files[name]
    return found


def _onnx(files: Mapping[str, Path], source: str) -> Found:  # noqa: ARG001
    graphs = {name: path for name, path in files.items() if name.endswith(".onnx")}
    found = Found(dict(graphs), {"format": "onnx", "engine": ENGINES["onnx"]})
    parameters = []
    for name, path in graphs.items():
        told = check_onnx(path, name, files=files)
        parameters.append(told.parameters)
        found.files |= {outside: files[outside] for outside in told.outside}
    found.meta["parameters"] = max(parameters)
    if CONFIG in files:
        found.meta |= _of_config(check_config(files[CONFIG], CONFIG))
    return found


def _gguf(files: Mapping[str, Path], source: str) -> Found:
    named = [name for name in files if name.endswith(".gguf")]
    if len(named) > 1 and GGUF not in named:
        several = ", ".join(sorted(named)[:_SHOWN])
        raise UnknownSourceError(source=source, reason=f"several GGUF files lie there: {several}")
    name = GGUF if GGUF in named else named[0]
    found = Found({}, {"format": "gguf"})
    found.meta["parameters"] = _add_gguf({GGUF: files[name]}, found, name).parameters
    return found


def _add_gguf(files: Mapping[str, Path], found: Found, shown: str = GGUF) -> Header:
    header = check_gguf(files[GGUF], shown)
    found.notes += check_templates(header.templates, shown)
    found.files[GGUF] = files[GGUF]
    if (wording := worded.take_out(files[GGUF], header)) is not None:
        found.meta[META] = wording.to_dict()
    elif worded.KEY in header.values:
        found.notes.append(
            f"The chat template of {shown} is not the one that `{worded.KEY}` was written with: "
            "it is asked through the template, and that key is not used."
        )
    said = {
        "engine": ENGINES["gguf"],
        "architecture": header.values.get("general.architecture"),
        "context_length": header.of("context_length"),
        "title": header.values.get("general.name"),
        "types": dict(sorted(header.types.items())),
        "chat_template": bool(header.templates) or None,
    }
    found.meta |= {k: v for k, v in said.items() if v is not None and k not in found.meta}
    licence = header.values.get("general.license")
    if isinstance(licence, str):
        found.meta["source"] = {"license": licence[:100]}
    return header


def _meta(kind: str, told: list[Tensors], config: Mapping[str, Any]) -> dict[str, Any]:
    dtypes = dict.fromkeys(dtype for one in told for dtype in one.dtypes)
    return {
        "format": kind,
        **_of_config(config),
        "parameters": sum(one.parameters for one in told),
        "dtypes": list(dtypes),
    }


def _of_config(config: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if isinstance(config.get("model_type"), str):
        said["architecture"] = config["model_type"][:100]
    for key in ("max_position_embeddings", "n_positions", "n_ctx"):
        if isinstance(config.get(key), int):
            said["context_length"] = config[key]
            break
    return said


def _read_texts(files: Mapping[str, Path], found: Found) -> None:
    """Check what lies beside the weights: configurations, tokenizers, templates, licences."""
    templates: dict[str, str] = {}
    for name, path in files.items():
        if name in found.files:
            continue
        if name == RECIPE:
            _read_recipe(check_config(path, name), found)
        elif name == PLAN:
            _read_plan(check_config(path, name), found)
        elif name == worded.FILE:
            _read_wording(check_config(path, name), found)
        elif name in JSONS:
            templates |= _templates_of(check_config(path, name), name)
        elif name in TEXTS:
            refuse_pickle(path, name, words=True)
            text = read_bounded(path, MOST_TEXT, name)
            if name.endswith(".jinja"):
                templates[name] = text.decode(errors="replace")
        else:
            continue
        found.files[name] = path
    if templates:
        found.notes += check_templates(templates, "chat template")
        found.meta["chat_template"] = True
    if README in files:
        _read_readme(files[README], found)


def _templates_of(told: Mapping[str, Any], name: str) -> dict[str, str]:
    said = told.get("chat_template")
    if isinstance(said, str):
        return {name: said}
    if isinstance(said, dict):
        return {f"{name} {k}": v for k, v in said.items() if isinstance(v, str)}
    several = said if isinstance(said, list) else []
    return {
        f"{name} {one.get('name')}": one["template"]
        for one in several
        if isinstance(one, dict) and isinstance(one.get("template"), str)
    }


def _read_recipe(told: dict[str, Any], found: Found) -> None:
    """Take over how one of ours was trained: it says how the model wants to be asked."""
    try:
        recipe = Recipe.from_dict(told)
        if not isinstance(recipe.prompt, str) or TEXT not in recipe.prompt:
            raise BadRecipeError(reason=f"its prompt has no {TEXT}")
        found.meta["recipe"] = recipe.to_dict()
    except BadRecipeError as error:
        found.notes.append(f"{RECIPE} was not understood: {error.message}")


def _read_plan(told: dict[str, Any], found: Found) -> None:
    """Take over how another's model was tuned by one of us: its card says it."""
    try:
        found.meta["plan"] = Plan.from_dict(told).to_dict()
    except BadRecipeError as error:
        found.notes.append(f"{PLAN} was not understood: {error.message}")


def _read_wording(told: dict[str, Any], found: Found) -> None:
    """Take over how the model wants to be asked, where its own file does not say it."""
    wording = Wording.from_dict(told)
    if wording is None:
        found.notes.append(
            f"{worded.FILE} was not understood: it says no prompt with {TEXT} in it."
        )
    else:
        found.meta.setdefault(META, wording.to_dict())


def _read_readme(path: Path, found: Found) -> None:
    told = front_matter(path)
    source = found.meta.setdefault("source", {})
    for key in ("license", "language", "base_model", "datasets"):
        if isinstance(told.get(key), str | list):
            source[key] = told[key]
