"""The child that looks before a run leaps: `python -m volano.models.preflighting FOLDER`.

It reads `spec.json` there (what the training child would get), renders all rows as they would be
trained, reckons memory and disk without making the network, takes a few steps when asked and when
there is room, and writes `report.json`. Nothing is kept.
"""

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from volano.core.errors import VolanoError
from volano.models import findings, making, ranks
from volano.models.known import size_of
from volano.models.training import memory, network, small, tokenizer
from volano.models.training.devices import Place, choose, gpus
from volano.models.training.job import Job, Row
from volano.models.training.methods import distill, method
from volano.models.training.plan import BATCH, HERE, Plan
from volano.models.training.recipe import Recipe
from volano.models.training.rows import encode
from volano.models.training.tokenizer import END

STEPS_OF_OWN = 900
APART = ("lora", "dpo")
"""Methods that leave the weights of another's base as they are."""


def look(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what was found: data, memory, disk, and seconds where steps were asked for."""
    torch.set_num_threads(1)
    plan = Plan.from_dict(spec["plan"])
    rows = making.read(Path(spec["rows"]))
    base = Path(spec["base"]) if spec.get("base") else None
    own = base is None or ((base / network.RECIPE).is_file() and "text" in rows[0])
    data, shape, learned, tokens, batch = (
        _own(plan, spec, rows, base) if own else _foreign(plan, rows, base)
    )
    away = Place(plan.on, plan.devices, plan.precision == "bf16") if plan.on != HERE else None
    place = away or (Place("cpu", 1, bf16=False) if own else choose(plan, here=gpus()))
    together = 1 if own else place.count
    each = 2 if place.bf16 and plan.method in APART else 4
    needs = memory.estimate(
        shape, learned=learned, batch=batch // together, tokens=tokens, bytes_each=each,
        checkpointing=plan.gradient_checkpointing, pairs=plan.method == "dpo",
        copies=1 if place.gpu or plan.gpus is not None else together,
    )  # fmt: skip
    report: dict[str, Any] = {
        "data": data,
        "memory": {**asdict(needs), "total": needs.total, "available": memory.available()},
        "disk": {
            # two checkpoints with moments, the best weights, and the result
            "needed": learned * 12 * 2 + learned * 4 + shape.parameters * 4,
            "free": shutil.disk_usage(Path(spec["rows"]).parent).free,
        },
        "device": place.kind,
        "own": own,
    }
    if spec.get("measure") and findings.fits(report):
        report["time"] = _measure(plan, spec, rows, base, int(spec["measure"]))
    return report


def _own(
    plan: Plan, spec: dict[str, Any], rows: Sequence[Row], base: Path | None
) -> tuple[dict[str, Any], memory.Shape, int, int, int]:
    job = Job(spec, plan, rows, (), base, None, Path("checkpoint"), lambda *_, **__: None)
    asked = small.asked(job, tuning=base is not None)
    if base is None:
        recipe = Recipe.from_dict({**Recipe.for_dataset(rows).to_dict(), **asked})
        words = small.learn_words(rows, recipe)
    else:
        kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
        tuning = {**kept.get("tuning", {}), **asked.pop("tuning", {})}
        recipe = Recipe.from_dict({**kept, **asked, "tuning": tuning})
        words = tokenizer.load(base / network.TOKENIZER)
    encoded = encode(rows, words, recipe)
    lengths = sorted(len(row.prompt) + len(row.answer) for row in encoded)
    data = {
        **_lengths(lengths, recipe.max_row_tokens, sum(row.cut for row in encoded)),
        "left_out_rows": 0,
        "ends": sum(row.answer[-1] == END for row in encoded) / len(encoded),
        "exact": 1.0,
        "template": "plain",
    }
    vocab = words.get_vocab_size()
    count = network.parameters_of(recipe, vocab)
    shape = memory.Shape(count, recipe.layers, recipe.hidden, recipe.heads, vocab)
    learned = count
    if plan.method == "lora":
        learned = memory.lora_parameters(shape, recipe.tuning.rank, 7, ffn=recipe.ffn)
    return data, shape, learned, lengths[-1], recipe.batch


def _foreign(
    plan: Plan, rows: Sequence[Row], base: Path | None
) -> tuple[dict[str, Any], memory.Shape, int, int, int]:
    from volano.models.training import foreign, sft
    from volano.models.training.pairs import rejected_of, saying
    from volano.models.training.render import render, uses_chat

    assert base is not None
    words = foreign.tokenizer(base)
    context = plan.context or min(foreign.context_of(base), sft.CONTEXT)
    found = [render(row, words, plan, context=context) for row in rows]
    examples = [one for one in found if one is not None]
    lengths = sorted(len(one.prompt) + len(one.completion) for one in examples) or [0]
    longest = lengths[-1]
    if plan.method == "dpo":  # the base's own answers are no longer than what is wanted
        said = [saying(row, rejected_of(row)) for row in rows if row.get("rejected")]
        others = [render(row, words, plan, context=context) for row in said]
        longest = max(longest, *(len(one.prompt) + len(one.completion) for one in others if one), 0)
    many = max(1, len(examples))
    data = {
        **_lengths(lengths, context, sum(one.cut for one in examples)),
        "rows": len(rows),
        "left_out_rows": len(rows) - len(examples),
        "ends": sum(one.ended for one in examples) / many,
        "exact": sum(one.exact for one in examples) / many,
        "template": "chat" if uses_chat(plan, words.chat_template) else "plain",
    }
    count = sum(size_of(path)[0] for path in base.glob("*.safetensors"))
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    shape = memory.Shape(
        count, config["num_hidden_layers"], config["hidden_size"],
        config["num_attention_heads"], config["vocab_size"],
    )  # fmt: skip
    learned = count
    if plan.method in APART:
        ffn = config.get("intermediate_size", 4 * shape.width)
        learned = memory.lora_parameters(shape, plan.lora.rank, len(plan.lora.targets), ffn=ffn)
    tokens = context if plan.packing else longest
    return data, shape, learned, tokens, plan.batch or BATCH


def _lengths(lengths: Sequence[int], limit: int, cut: int) -> dict[str, Any]:
    count = len(lengths)
    return {
        "rows": count,
        "cut_rows": cut,
        "limit": limit,
        "median_tokens": lengths[count // 2],
        "p95_tokens": lengths[min(count - 1, count * 95 // 100)],
        "longest_tokens": lengths[-1],
        "tokens": sum(lengths),
    }


def _measure(
    plan: Plan, spec: dict[str, Any], rows: Sequence[Row], base: Path | None, steps: int
) -> dict[str, Any]:
    """Take a few steps; the first, which warms up, does not count."""
    at: list[tuple[float, int, int]] = []

    def progress(step: int, of: int, **_: float) -> None:
        at.append((time.perf_counter(), step, of))

    rows_of_dev = 0 if plan.method == "distill" else plan.dev.rows  # no answers in between
    dev = replace(plan.dev, every=0, rows=rows_of_dev)
    short = replace(plan, steps=steps + 1, epochs=None, dev=dev)
    teacher = Path(spec["teacher"]) if spec.get("teacher") else None
    with tempfile.TemporaryDirectory() as folder:
        told = {**spec, "checkpoint_steps": 10**9, "report_steps": 1}
        began = time.perf_counter()
        checkpoint = Path(folder) / "checkpoint"
        place = ranks.place_of(short, base, rows)
        if place.count > 1:
            told |= {"plan": short.to_dict(), "dev": None}
            ranks.run(told, place, model=None, checkpoint=checkpoint, progress=progress)
        else:
            method(plan.method)(Job(told, short, rows, (), base, teacher, checkpoint, progress))
    each = (at[-1][0] - (at[0][0] if len(at) > 1 else began)) / max(
        1, at[-1][1] - (at[0][1] if len(at) > 1 else 0)
    )
    whole = plan.steps or _steps(plan, teacher)
    found = {"step_s": round(each, 4), "steps": whole, "seconds": round(each * whole, 1)}
    again = plan.method == "distill" and plan.dev.rows and plan.distill.rounds > 1
    return {**found, "rounds": plan.distill.rounds} if again else found


def _steps(plan: Plan, teacher: Path | None) -> int:
    """Return the steps that a method takes where the recipe does not say how many."""
    if plan.method == "distill" and teacher is not None:
        kept = json.loads((teacher / network.RECIPE).read_text(encoding="utf-8"))
        return distill.student_of(Recipe.from_dict(kept), plan.network).steps
    return STEPS_OF_OWN if plan.method == "scratch" else 200


def main() -> int:
    """Read the spec, write the report or why there is none."""
    folder = Path(sys.argv[1])
    spec = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    try:
        report = look(spec)
    except VolanoError as error:
        report = {"error": {"sentence": str(error), "remedy": error.advice}}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
