"""The child process that makes a model: `python -m volano.models.making FOLDER`.

Its spec:

    {"mode": "scratch" | "tune" | "recipe",
     "plan": {…},                      # the recipe of the run; default: that of the mode
     "dev": "/…/dev.jsonl",            # rows that the metric is measured on
     "teacher": "/…/folder",
     "name": "router",                 # goes into the GGUF
     "rows": "/…/train.jsonl",         # {"text", "label", "origin"?} a line
     "check": "/…/test.jsonl",         # texts for the parity check; default: the rows
     "base": "/…/folder",              # tune: the trained model to start from
     "recipe": {…},                    # fields that differ from the chosen recipe
     "precision": "F32" | "Q8_0",
     "adapter": true,                  # tune: keep the additions apart from the base
     "checkpoint_steps": 100}

Rows may also be `{"messages"}` or `{"prompt", "completion"}`, for bases of others.
It trains (taking up its own checkpoint where there is one), exports, checks
parity, and reports `{"folder", "card", "parity"}`; `models.keeper` imports
that folder. Tuning takes the rows that come from feedback, and replays some of
the others; where no row has an origin, all rows are new.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from volano.core.errors import InvalidError
from volano.jobs.child import child_main
from volano.models import adapter, adapter_gguf, export, finishing, parity, ranks
from volano.models.kinds import PLAN
from volano.models.training import network, together
from volano.models.training.guards import check
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.methods import method
from volano.models.training.plan import Plan
from volano.models.training.recipe import Recipe
from volano.models.training.render import uses_chat
from volano.models.training.spent import Spent

METHOD_OF = {"scratch": "scratch", "tune": "lora"}
"""The methods of Runs that were started without a recipe of their own."""

CHECKED = 100
"""How many answers parity compares."""


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
        LeakedError, SwappedError: the guards refuse the rows.
        CollapsedError: the dev metric fell too far.
        DivergedError: the loss left the numbers.
        EngineFailedError: the engine does not take the exported file.
        NoSuchDeviceError: the recipe wants GPUs that are not there.
        ChildFailedError: one of several processes that train together failed, by one of these.
        RankLostError: one of them was ended from outside.
    """
    torch.set_num_threads(1)  # more threads are slower here as soon as a second program runs
    rows = read(Path(spec["rows"]))
    plan = Plan.from_dict(spec.get("plan") or {"method": METHOD_OF[spec["mode"]]})
    place = ranks.place_of(plan, _path(spec, "base"), rows)
    if place.count > together.count():
        return ranks.run(spec, place, model=folder, checkpoint=checkpoint, progress=progress)
    meter = Spent(checkpoint.parent / "spent.json", others=together.others_cpu_s)
    guards = check.look(spec, plan.guards, rows, strict=spec["mode"] not in METHOD_OF)
    made = trained(spec, plan, rows, checkpoint, meter.beside(progress))
    model, recipe = made.model, made.recipe
    own = isinstance(recipe, Recipe)
    card = {
        "architecture": model.config.model_type,
        "parameters": sum(
            p.numel() for p in model.parameters() if p.requires_grad or not spec.get("adapter")
        ),
        "context_length": recipe.context if own else made.facts["context"],
        "mode": spec["mode"],
        **({} if spec["mode"] in METHOD_OF else {"method": plan.method}),
        "guards": {**guards, **made.facts.pop("guards", {})},
        "metrics": {**made.facts, "cpu_s": meter.cpu_s()},
        "spent": meter.cost(
            plan, gpus=made.facts.get("devices", 0) * (made.facts.get("device") == "cuda")
        ),
    }
    checked = (read(Path(spec["check"])) if spec.get("check") else rows)[:CHECKED]
    if not own:
        foreign = _keep(spec, folder, made, card, checked)
        parity_of = foreign.to_dict() if foreign else None
        return {"folder": str(folder), "card": card, "parity": parity_of}
    proof = _finish(spec, folder, made, card, checked)
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
                if not is_row(row):
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


def is_row(row: Any) -> bool:
    """Whether something can be learned: text and label, a conversation, or a pair."""
    if "messages" in row:
        return isinstance(row["messages"], list)
    if "completion" in row:
        return isinstance(row["completion"], str)
    return isinstance(row["text"], str) and isinstance(row["label"], str | dict)


def trained(
    spec: Mapping[str, Any],
    plan: Plan,
    rows: Sequence[Row],
    checkpoint: Path,
    progress: Callable[..., None],
) -> Outcome:
    """Train by the plan's method, together with other ranks where this process is one of several."""
    job = Job(
        spec=spec,
        plan=plan,
        rows=rows,
        dev=read(Path(spec["dev"])) if spec.get("dev") else (),
        base=_path(spec, "base"),
        teacher=_path(spec, "teacher"),
        checkpoint=checkpoint,
        progress=progress,
    )
    made = method(plan.method)(job)
    together.leave()
    return made


def _path(spec: Mapping[str, Any], name: str) -> Path | None:
    return Path(spec[name]) if spec.get(name) else None


def _keep(
    spec: Mapping[str, Any],
    folder: Path,
    made: Outcome,
    card: dict[str, Any],
    checked: Sequence[Row],
) -> parity.Parity | None:
    """Write another's model, or an adapter on it, in its own format; the base by its ref."""
    card["chat_template"] = uses_chat(Plan.from_dict(made.recipe), made.tokenizer.chat_template)
    if not card["chat_template"]:
        made.tokenizer.chat_template = None  # engines would ask by it, and it was not learned
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    made.model.save_pretrained(folder)
    made.tokenizer.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config = folder / "adapter_config.json"
    if config.is_file():
        said = json.loads(config.read_text(encoding="utf-8"))
        said["base_model_name_or_path"] = spec.get("base_ref", "base")
        _write(config, said)
    _write(folder / PLAN, made.recipe)
    proof = finishing.finish(spec, folder, made, card, checked)
    _write(folder / "card.json", card)
    return proof


def _write(path: Path, value: object) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True)
    path.write_text(text + "\n", encoding="utf-8")


def _finish(
    spec: Mapping[str, Any],
    folder: Path,
    made: Outcome,
    card: dict[str, Any],
    checked: Sequence[Row],
) -> parity.Parity:
    """Write the model's files, export, and compare the export with the weights."""
    model, words, recipe = made.model, made.tokenizer, made.recipe
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
