"""The child process that makes a model: `python -m volano.models.making FOLDER`.

Its spec:

    {"mode": "scratch" | "tune",
     "name": "router",                 # goes into the GGUF
     "rows": "/…/train.jsonl",         # {"text", "label", "origin"?} a line
     "check": "/…/test.jsonl",         # texts for the parity check; default: the rows
     "base": "/…/folder",              # tune: the trained model to start from
     "recipe": {…},                    # fields that differ from the chosen recipe
     "precision": "F32" | "Q8_0",
     "adapter": true,                  # tune: keep the additions apart from the base
     "checkpoint_steps": 100}

It trains (taking up its own checkpoint where there is one), exports, checks
parity, and reports `{"folder", "card", "parity"}`; `models.keeper` imports
that folder. Tuning takes the rows that come from feedback, and replays some of
the others; where no row has an origin, all rows are new.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from tokenizers import Tokenizer

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.core.errors import InvalidError
from volano.jobs.child import child_main
from volano.models import adapter, adapter_gguf, export, parity
from volano.models.training import loop, network, tokenizer
from volano.models.training.checkpoint import Checkpoints
from volano.models.training.recipe import Recipe
from volano.models.training.rows import Encoded, answer_text, encode

Row = Mapping[str, Any]

CHECKED = 100
"""How many answers parity compares."""

CHECKPOINT_STEPS = 100


class BadRowsError(InvalidError):
    """`{path}` cannot be trained on: {reason}."""

    hint = "Each line is an object with `text` (text) and `label` (text or an object)."


def make(
    spec: Mapping[str, Any],
    *,
    folder: Path,
    checkpoint: Path,
    progress: Callable[..., None],
) -> dict[str, Any]:
    """Train, export, check; return `{"folder", "card", "parity"}`.

    Args:
        spec: see the module.
        folder: where the model's files go.
        checkpoint: the file that keeps the state between steps.
        progress: called with step, of, and metrics.

    Raises:
        BadRowsError: no rows, or rows without text or label.
        BadRecipeError: the recipe cannot be used.
        DivergedError: the loss left the numbers.
        EngineFailedError: the engine does not take the exported file.
    """
    torch.set_num_threads(1)  # more threads are slower here as soon as a second program runs
    rows = read(Path(spec["rows"]))
    began = time.process_time()
    train = _tune if spec["mode"] == "tune" else _scratch
    model, words, recipe, facts = train(spec, rows, checkpoint, progress)
    card = {
        "architecture": "llama",
        "parameters": sum(
            p.numel() for p in model.parameters() if p.requires_grad or not spec.get("adapter")
        ),
        "context_length": recipe.context,
        "mode": spec["mode"],
        "metrics": {**facts, "cpu_s": round(time.process_time() - began, 2)},
    }
    checked = read(Path(spec["check"])) if spec.get("check") else rows
    proof = _finish(spec, folder, model, words, recipe, card, checked[:CHECKED])
    return {"folder": str(folder), "card": card, "parity": proof.to_dict()}


def read(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file.

    Raises:
        BadRowsError: no file, no rows, or a line that is no row.
    """
    rows = []
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                row = json.loads(line)
                if not isinstance(row["text"], str) or not isinstance(row["label"], str | dict):
                    raise BadRowsError(path=path, reason=f"line {number} has no text or no label")
                rows.append(row)
    except OSError as error:
        raise BadRowsError(path=path, reason=error.strerror or str(error)) from error
    except (ValueError, LookupError, TypeError) as error:
        reason = f"line {len(rows) + 1} is not a row"
        raise BadRowsError(path=path, reason=reason) from error
    if not rows:
        raise BadRowsError(path=path, reason="it has no rows")
    return rows


def mix(rows: Sequence[Row], recipe: Recipe) -> list[Row]:
    """Return what tuning sees: rows that came from feedback, and some of the others again."""
    new = [row for row in rows if row.get("origin")]
    if not new:
        return list(rows)
    old = [row for row in rows if not row.get("origin")]
    random = Random(f"replay:{recipe.seed}")
    return [*new, *random.sample(old, min(recipe.tuning.replay, len(old)))]


def _scratch(
    spec: Mapping[str, Any], rows: Sequence[Row], checkpoint: Path, progress: Callable[..., None]
) -> tuple[network.Network, Tokenizer, Recipe, dict[str, Any]]:
    asked = spec.get("recipe") or {}
    recipe = Recipe.from_dict({**Recipe.for_dataset(rows).to_dict(), **asked})
    words = learn_words(rows, recipe)
    encoded = encode(rows, words, recipe)
    model = network.build(recipe, words.get_vocab_size())
    schedule = loop.Schedule(recipe.steps, recipe.lr, recipe.warmup)
    metrics = loop.learn(
        model,
        encoded,
        recipe,
        schedule,
        checkpoints=Checkpoints(checkpoint, fingerprint("scratch", recipe, encoded)),
        every=spec.get("checkpoint_steps", CHECKPOINT_STEPS),
        progress=progress,
    )
    return model, words, recipe, {**metrics, **_counts(encoded, schedule)}


def _tune(
    spec: Mapping[str, Any], rows: Sequence[Row], checkpoint: Path, progress: Callable[..., None]
) -> tuple[network.Network, Tokenizer, Recipe, dict[str, Any]]:
    base = Path(spec["base"])
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    asked = dict(spec.get("recipe") or {})
    tuning = {**kept.get("tuning", {}), **asked.pop("tuning", {})}
    recipe = Recipe.from_dict({**kept, **asked, "tuning": tuning})
    words = tokenizer.load(base / network.TOKENIZER)
    encoded = encode(mix(rows, recipe), words, recipe)
    model = network.with_lora(network.load(base), recipe)
    schedule = loop.Schedule(recipe.tuning.steps, recipe.tuning.lr, recipe.tuning.warmup)
    start = Digest.of((base / network.WEIGHTS).read_bytes())
    metrics = loop.learn(
        model,
        encoded,
        replace(recipe, drop=0.0),
        schedule,
        checkpoints=Checkpoints(checkpoint, fingerprint(start, recipe, encoded)),
        every=spec.get("checkpoint_steps", CHECKPOINT_STEPS),
        progress=progress,
    )
    if not spec.get("adapter"):
        model = model.merge_and_unload()
    return model, words, recipe, {**metrics, **_counts(encoded, schedule)}


def learn_words(rows: Sequence[Row], recipe: Recipe) -> Tokenizer:
    """Learn the tokenizer from prompts and answers, or make each answer one token."""
    prompts = [recipe.render(row["text"]) for row in rows]
    said = [answer_text(row["label"]) for row in rows]
    if recipe.whole_labels:
        return tokenizer.learn(prompts, vocab=recipe.vocab, whole=sorted(set(said)))
    return tokenizer.learn(map("".join, zip(prompts, said, strict=True)), vocab=recipe.vocab)


def fingerprint(start: str, recipe: Recipe, rows: Sequence[Encoded]) -> str:
    """Name what is being trained: its start, its recipe and its rows."""
    ids = "".join(f"{row.prompt}{row.answer}" for row in rows).encode()
    return Digest.of(canonical([start, recipe.to_dict(), Digest.of(ids)]))


def _counts(rows: Sequence[Encoded], schedule: loop.Schedule) -> dict[str, int]:
    longest = max(len(row.answer) for row in rows)
    cut = sum(row.cut for row in rows)
    return {"rows": len(rows), "cut_rows": cut, "steps": schedule.steps, "answer_tokens": longest}


def _finish(
    spec: Mapping[str, Any],
    folder: Path,
    model: network.Network,
    words: Tokenizer,
    recipe: Recipe,
    card: dict[str, Any],
    checked: Sequence[Row],
) -> parity.Parity:
    """Write the model's files, export, and compare the export with the weights."""
    files = {network.RECIPE: recipe.to_dict(), "card.json": card}
    precision = spec.get("precision", "F32")
    apart = spec["mode"] == "tune" and bool(spec.get("adapter"))
    if apart:
        base = Path(spec["base"])
        gguf = base / "model.gguf"
        precision = json.loads((base / "parity.json").read_text(encoding="utf-8"))["precision"]
        network.save_adapter(folder, model, files)
        adapter_gguf.write(folder, base, folder / adapter.SERVED)
    else:
        network.save(folder, model, words, files)
        gguf = export.export(
            folder, folder / "model.gguf", precision=precision, name=spec.get("name", "model")
        )
    prompts = [recipe.render(row["text"]) for row in checked]
    longest = card["metrics"]["answer_tokens"] + 8
    proof = parity.check(
        gguf,
        prompts,
        network.answers(model, words, prompts, max_tokens=longest),
        precision=precision,
        max_tokens=longest,
        context=recipe.context,
        adapter=folder / adapter.SERVED if apart else None,
    )
    text = json.dumps(proof.to_dict(), ensure_ascii=False, indent=1)
    (folder / "parity.json").write_text(text + "\n", encoding="utf-8")
    return proof


def main() -> int:
    """Run as a job's child."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with child_main() as job:
        job.done(
            make(
                job.spec,
                folder=job.folder / "model",
                checkpoint=job.checkpoint_path,
                progress=job.progress,
            )
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
