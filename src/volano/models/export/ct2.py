"""CTranslate2: a model's folder as its binary form, float32 or int8."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from volano.models.export.errors import NotExportableError
from volano.models.export.vocabulary import Vocabulary

FILES = ("model.bin", "config.json", "vocabulary.json")


def export(folder: Path, target: Path, *, precision: str) -> tuple[list[str], dict[str, Any]]:
    """Write `model.bin` and what belongs to it; return the files an engine loads, and facts.

    Raises:
        NotExportableError: CTranslate2 has no converter for this architecture.
    """
    with tempfile.TemporaryDirectory(dir=target) as work:
        source = _staged(folder, Path(work) / "source")
        try:
            converter = _converter(source)
            converter.convert(
                str(Path(work) / "made"),
                quantization=None if precision == "float32" else precision,
                force=True,
            )
        except (ValueError, KeyError, RuntimeError, OSError) as error:
            reason = str(error).strip().splitlines()[0]
            raise NotExportableError(folder=folder, reason=reason, form="CTranslate2") from error
        for name in FILES:
            (Path(work) / "made" / name).replace(target / name)
    return [*FILES, "tokenizer.json"], {"tensors": {precision: _matrices(folder)}}


def _converter(source: Path) -> Any:
    """Return CTranslate2's converter of a folder, told how wide heads are where that must be said.

    GPT-2 and others say their shape in other words, and have no heads of another width.
    Most of its loaders (4.8) leave `head_dim` out and CTranslate2 takes the width of the
    layers over the number of heads, which is another for a network whose heads were pruned.
    """
    import numpy as np
    from ctranslate2.converters import TransformersConverter

    config = json.loads((source / "config.json").read_text(encoding="utf-8"))

    class Converter(TransformersConverter):
        def _load(self) -> Any:
            spec = super()._load()
            for layer in spec.decoder.layer:
                vars(layer.self_attention)["head_dim"] = np.dtype("int32").type(width)
            return spec

    width, heads, hidden = map(config.get, ("head_dim", "num_attention_heads", "hidden_size"))
    told = width and heads and hidden and width * heads != hidden
    return (Converter if told else TransformersConverter)(str(source), low_cpu_mem_usage=False)


def _matrices(folder: Path) -> int:
    """Count what the converter packs: every matrix of the model."""
    from safetensors import safe_open

    count = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as kept:
            count += sum(len(kept.get_slice(name).get_shape()) == 2 for name in kept.keys())  # noqa: SIM118
    return count


def _staged(folder: Path, target: Path) -> Path:
    """Return a copy that says how its tokenizer is to be read: what was trained here does not."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.gguf", "*.onnx*"))
    said = target / "tokenizer_config.json"
    if said.exists():
        return target
    vocabulary = Vocabulary.of(folder)
    words = vocabulary.tokenizer
    facts = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": words.id_to_token(vocabulary.pad),
    }
    facts["eos_token"] = words.id_to_token(vocabulary.ends[0])
    if vocabulary.begin is not None:
        facts["bos_token"] = words.id_to_token(vocabulary.begin)
    facts["unk_token"] = facts["pad_token"]
    said.write_text(json.dumps(facts), encoding="utf-8")
    return target
