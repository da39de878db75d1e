"""Preference on another's model, by TRL: LoRA learns from pairs, the base itself is the reference.

A row that holds `rejected` is a pair as it is; of other rows the base is asked greedily, and
where it errs its answer is the rejected one. Both are rendered as `render` renders what is
learned, so that what is preferred begins exactly where the engine will begin to answer.
The dev metric, the best weights, the guard against collapse and the checkpoints are those of
`methods.dpo` and `sft`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import DPOConfig, DPOTrainer

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.models.training import foreign, marks, sft, together
from volano.models.training.asking import exact_match, loss_on
from volano.models.training.devices import Place, choose
from volano.models.training.guards.collapse import Collapse
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.pairs import Pair, pairs_once
from volano.models.training.plan import BATCH
from volano.models.training.recipe import NOTHING_WRONG, BadRecipeError
from volano.models.training.render import render
from volano.models.training.told import Told, newest, step_of
from volano.models.training.watch import Watch

STEPS, RATE, WARMUP, LOOKS = 200, 5e-5, 10, 10


class _Trainer(DPOTrainer):
    """TRL's trainer, given ids: it would tokenise texts in its own way."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset


def train(job: Job, base: Path) -> Outcome:
    """Tune the base by pairs, and give back the best additions that were seen.

    Raises:
        BadRecipeError: the base already answers as every row says, or nothing can be learned.
        NotLoadableError: the base cannot be read.
        NoSuchDeviceError: the recipe wants GPUs that are not there.
        CollapsedError: the dev metric fell too far.
        DivergedError: the loss left the numbers.
        CheckpointLostError: pairs or weights could not be written; a full disk, usually.
    """
    plan = job.plan
    place = choose(plan, here=torch.cuda.device_count())
    words = foreign.tokenizer(base)
    network = foreign.model(base, dtype=torch.bfloat16 if place.bf16 else torch.float32)
    rows, dev = marks.apart(job)
    _, facts = sft.examples_of(rows, words, plan, base)
    network.to(place.kind)
    with together.first_alone():
        pairs = pairs_once(job, base, rows, network, words, context=facts["context"])
    if not pairs:
        raise BadRecipeError(
            reason="the base already answers every row as its label says", hint=NOTHING_WRONG
        )
    name = Digest.of(canonical([sft.fingerprint(base, plan, ()), pairs]))
    torch.manual_seed(plan.seed)
    trainer = _trainer(job, network, words, pairs, place, facts["context"])
    last = newest(_checkpoints(job), name)
    watch, collapse = _watched(
        job, trainer.model, words, name, dev, facts["context"], step_of(last)
    )
    told = Told(job)
    told.begin(name, watch)
    trainer.add_callback(told)
    if not together.agree(bool(watch and watch.stop)):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    made = trainer.accelerator.unwrap_model(trainer.model)
    best = watch.restore(made) if watch else {}
    if plan.lora.merge:
        made = made.merge_and_unload()
    device = {"device": place.kind, "devices": together.count(), "bf16": place.bf16}
    counted = {
        **facts, "rows": len(pairs), "asked_rows": len(rows),
        "steps": trainer.state.max_steps or step_of(last), **device,
    }  # fmt: skip
    if collapse:
        counted["guards"] = {"collapse": collapse.to_dict()}
    return Outcome(made, words, plan.to_dict(), {**told.metrics, **counted, **best})


def _checkpoints(job: Job) -> Path:
    return job.checkpoint.parent / "checkpoints"


def _trainer(
    job: Job,
    network: Any,
    words: Any,
    pairs: Sequence[Pair],
    place: Place,
    context: int,
) -> DPOTrainer:
    plan = job.plan
    with sft.layers_named():
        trainer = _Trainer(
            model=network,
            peft_config=sft.lora_config(plan),
            args=_arguments(job, place, context),
            train_dataset=Dataset.from_list(list(pairs)),
            processing_class=words,
        )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(job: Job, place: Place, context: int) -> DPOConfig:
    """Return TRL's settings for a plan."""
    dpo = job.plan.dpo
    usual = sft.usual_arguments(
        job, place, steps=STEPS, batch=BATCH, rate=RATE, warmup=WARMUP, context=context
    )
    return sft.on_one(
        DPOConfig(
            **usual, beta=dpo.beta, loss_type=list(dpo.loss), loss_weights=list(dpo.weights) or None
        )
    )


def _watched(
    job: Job, network: Any, words: Any, name: str, dev: Sequence[Row], context: int, done: int
) -> tuple[Watch | None, Collapse | None]:
    """Return what measures the dev rows, and the guard against exact answers that become fewer.

    The base is measured first: where nothing beats it, its own weights stay the best.
    """
    if together.number():
        return None, None  # number 0 measures for all
    found = [(row, render(row, words, job.plan, context=context)) for row in dev]
    kept = [(row, one) for row, one in found if one is not None]
    if not kept:
        return None, None
    measures: dict[str, Callable[[], float]] = {
        "exact_match": lambda: exact_match(network, words, kept),
        "loss": lambda: loss_on(network, [one for _, one in kept]),
    }
    metric = job.plan.dev.metric
    start = measures[metric]()
    guarded = metric == "exact_match"
    collapse = Collapse(start, margin=job.plan.guards.collapse) if guarded else None
    steps = job.plan.steps or STEPS
    look = replace(job.plan.dev, every=job.plan.dev.every or max(1, steps // LOOKS))
    watch = Watch(look, job.checkpoint.parent, name, measures[metric], collapse)
    watch.resume(done)
    if watch.best is None:
        watch.begin(start, network)
    return watch, collapse
