"""Made: a form of a model, as files in a folder and what is known about them."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from volano.models.compression.forms import FORMS, Form, form_of
from volano.models.compression.parts import (
    HEADS,
    LAYERS,
    NEURONS,
    WEIGHTS,
    NotPrunableError,
    check,
)
from volano.models.export import edge
from volano.models.training.recipe import Recipe, label_text
from volano.models.training.rows import Encoded, answer_text, encode

Row = Mapping[str, Any]

SOURCE = "source"
"""The folder below the target with the weights that the form was made from, when pruned."""

TOOLS_FOLDER = Path(".volano/tools")

OWN_LR, IMPORTED_LR = 2e-3, 1e-4

PROBED = 16
"""How many tokens a smaller network reads to show that its files are whole."""


def _quiet(_step: int, _of: int, **_metrics: float) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Made:
    """A form in `folder`; `source` holds the weights it was made from, in 32 bits.

    `files` are what the engine loads and what goes with it; `meta` says form,
    format, engine, bytes, tensors by type, and what pruning did.
    """

    folder: Path
    source: Path
    form: Form
    files: tuple[str, ...]
    meta: dict[str, Any]
    tools: Path = TOOLS_FOLDER

    @property
    def bytes(self) -> int:
        """Bytes of what the engine loads, tokenizer included."""
        return int(self.meta["bytes"])


def compress(
    folder: Path,
    form: str,
    target: Path,
    *,
    prune: float = 0.0,
    parts: str = WEIGHTS,
    rows: Sequence[Row] = (),
    recovery_steps: int = 300,
    seed: int = 0,
    name: str = "",
    tools: Path = TOOLS_FOLDER,
    progress: Callable[..., None] = _quiet,
) -> Made:
    """Write a form of the model in `folder` into `target`, pruned first when asked.

    Args:
        folder: config, tokenizer and safetensors, made here or imported.
        form: a name in `FORMS`.
        target: where the files go; made when it is not there.
        prune: the share to take away, of the layers' weights or of whole parts.
        parts: what goes: `weights`, `neurons` of feed-forward parts, attention `heads`, or `layers`.
        rows: `{"text", "label"}`: they tell which parts matter, and recovery learns them after
            pruning; none: no recovery.
        recovery_steps: steps of that.
        seed: of the batches.
        name: goes into the file where the format has a place for it.
        tools: where converters with an environment of their own live.
        progress: called with step, of, and metrics.

    Raises:
        UnknownFormError, BadShareError: there is no such form or share.
        NotPrunableError: the model has no such parts, or no rows tell what they are worth.
        NotExportableError, RowsDoNotFitError: the model cannot have this form.
        ToolNotMadeError, ToolFailedError: its converter is not to be had.
    """
    chosen = form_of(form)
    target.mkdir(parents=True, exist_ok=True)
    source, facts = folder, {}
    if prune:
        source = target / SOURCE
        facts = _prune(
            folder, source, prune, parts=parts, rows=rows, steps=recovery_steps, seed=seed,
            progress=progress,
        )  # fmt: skip
    loaded, more = _write(chosen, source, target, name or folder.name, tools)
    beside = _beside(chosen, source, target)
    size = sum((target / file).stat().st_size for file in loaded)
    meta = {
        "form": chosen.name,
        "format": chosen.format,
        "engine": chosen.engine,
        "precision": chosen.precision,
        "bytes": size,
        **more,
        **({"pruned": facts} if facts else {}),
    }
    files = tuple(dict.fromkeys((*loaded, *beside)))
    return Made(target, source, chosen, files, meta, tools)


def _write(
    form: Form, source: Path, target: Path, name: str, tools: Path
) -> tuple[list[str], dict[str, Any]]:
    """Convert; return the files that the engine loads, and further facts."""
    if form.format == "gguf":
        from volano.models.export import gguf

        file = gguf.export(source, target / "model.gguf", precision=form.precision, name=name)
        return [file.name], {"tensors": gguf.types(file)}
    if form.format == "onnx":
        from volano.models.export import onnx

        return onnx.export(source, target, precision=form.precision)
    if form.format in edge.FILES:
        return edge.export(source, target, form.format, tools=tools)
    from volano.models.export import ct2

    return ct2.export(source, target, precision=form.precision)


def _beside(form: Form, source: Path, target: Path) -> list[str]:
    """Put tokenizer, config and recipe beside the form; pruned weights too, where they are it."""
    import shutil

    from volano.models.compression.network import BESIDE

    wanted = [*BESIDE]
    if form.format != "ct2":  # whose config.json is its own
        wanted.append("config.json")
    if form is FORMS["f32"] and source != target:
        wanted.append("model.safetensors")
    found = [file for file in wanted if (source / file).is_file()]
    for file in found:
        shutil.copyfile(source / file, target / file)
    return found


def _prune(
    folder: Path,
    target: Path,
    share: float,
    *,
    parts: str,
    rows: Sequence[Row],
    steps: int,
    seed: int,
    progress: Callable[..., None],
) -> dict[str, Any]:
    from volano.models.compression import network, prune

    model = network.load(folder)
    before = sum(p.numel() for p in model.parameters())
    encoded, own = encoded_rows(folder, rows) if rows else ([], False)
    masks: prune.Masks = {}
    facts: dict[str, Any] = {"by": parts}
    check(share, parts)
    if parts == NEURONS:
        facts["ffn"] = prune.neurons(model, share, encoded)
    elif parts == HEADS:
        facts["heads"] = prune.heads(model, share, encoded)
    elif parts == LAYERS:
        facts["layers"] = prune.layers(model, share, encoded)
    else:
        masks = prune.smallest(model, share)
        kept = sum(int(mask.sum()) for mask in masks.values())
        facts |= {"by": "magnitude", "zeros": sum(m.numel() for m in masks.values()) - kept}
    network.save(model, folder, target)
    if parts != WEIGHTS:
        _check_read_back(model, target, parts)
    if encoded and steps:
        recovery = prune.Recovery(steps=steps, seed=seed, lr=OWN_LR if own else IMPORTED_LR)
        loss = prune.recover(model, encoded, masks, recovery, progress=progress)
        facts |= {"recovery_steps": steps, "recovery_loss": None if math.isnan(loss) else loss}
        network.save(model, folder, target)
    after = sum(p.numel() for p in model.parameters())
    return {"share": share, **facts, "parameters": after, "parameters_before": before}


def _check_read_back(model: Any, folder: Path, parts: str) -> None:
    """Check that a smaller network is the same one when it is read back from its files.

    A config may say more of the parts that are gone than pruning knows.

    Raises:
        NotPrunableError: it is another one, or cannot be read.
    """
    import torch

    from volano.models.compression import network

    ids = torch.arange(min(PROBED, model.config.vocab_size))[None]
    try:
        with torch.inference_mode():
            ours, theirs = (
                one(input_ids=ids, use_cache=False).logits for one in (model, network.load(folder))
            )
    except (ValueError, TypeError, LookupError, RuntimeError, AttributeError) as error:
        reason = f"what is left of {model.config.model_type} cannot be read back ({error})"
        raise NotPrunableError(parts=parts, reason=reason) from error
    if not (ours - theirs).abs().max() <= 1e-4 * ours.abs().max():  # NaNs are no answers either
        reason = f"what is left of {model.config.model_type} answers otherwise when it is read back"
        raise NotPrunableError(parts=parts, reason=reason)


def encoded_rows(folder: Path, rows: Sequence[Row]) -> tuple[list[Encoded], bool]:
    """Return rows as ids, and whether the folder was made here (it has a recipe)."""
    from volano.models.export.vocabulary import Vocabulary
    from volano.models.training import tokenizer

    if (folder / "recipe.json").is_file():
        words = tokenizer.load(folder / "tokenizer.json")
        return encode(rows, words, replace(recipe_of(folder), drop=0.0)), True
    vocabulary = Vocabulary.of(folder)
    encoded = []
    for row in rows:
        prompt = vocabulary.ids(row["text"])
        said = vocabulary.tokenizer.encode(label_text(row["label"]), add_special_tokens=False)
        encoded.append(Encoded(prompt, [*said.ids, vocabulary.ends[0]], 0, len(prompt)))
    return encoded, False


def recipe_of(folder: Path) -> Recipe:
    """Return the recipe of a model that was made here."""
    return Recipe.from_dict(json.loads((folder / "recipe.json").read_text(encoding="utf-8")))


def asked(folder: Path, texts: Sequence[str]) -> list[str]:
    """Return texts as the model is asked them: in its recipe's words, if it has one."""
    if not (folder / "recipe.json").is_file():
        return list(texts)
    recipe = recipe_of(folder)
    return [recipe.render(text) for text in texts]


def expected_answer(folder: Path, label: Any) -> str:
    """Return what the model should say: with the blank before it that training puts there."""
    own = (folder / "recipe.json").is_file()
    return answer_text(label) if own else label_text(label)
