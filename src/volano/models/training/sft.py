"""Supervised tuning of another's model, by TRL: full or LoRA, packed or not, on CPU or GPU.

Checkpoints are the Trainer's own folders beside the run's checkpoint. A folder
counts once a file `whole` in it names what is being trained: one that was
being written when the process died does not, and the one before it is still there.
They are written by this run and read by no other.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback
from trl import SFTConfig, SFTTrainer

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.models.training import foreign, together
from volano.models.training.asking import exact_match, loss_on
from volano.models.training.devices import Place, choose
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.plan import BATCH, Plan
from volano.models.training.recipe import BadRecipeError
from volano.models.training.render import Example, render
from volano.models.training.told import Told, newest, step_of
from volano.models.training.watch import Watch

STEPS, WARMUP = 200, 10
CONTEXT = 1024
RATES = {True: 2e-4, False: 2e-5}
"""Learning rates of LoRA and of full tuning, as papers on models of some billions have them."""


def train(job: Job, base: Path, *, adapter: bool) -> Outcome:
    """Tune the base on the rows.

    Raises:
        BadRecipeError: nothing in the rows can be learned.
        NotLoadableError: the base cannot be read.
        NoSuchDeviceError: the recipe wants GPUs that are not there.
        DivergedError: the loss left the numbers.
    """
    plan = job.plan
    place = choose(plan, here=torch.cuda.device_count())
    words = foreign.tokenizer(base)
    examples, facts = examples_of(job.rows, words, plan, base)
    dtype = torch.bfloat16 if place.bf16 and adapter else torch.float32
    torch.manual_seed(plan.seed)
    network = foreign.model(base, dtype=dtype)
    if adapter:
        network = with_lora(network, plan)
    told = Told(job)
    trainer = SFTTrainer(
        model=network,
        args=arguments(job, place, adapter=adapter, context=facts["context"]),
        train_dataset=Dataset.from_list([one.to_row(plan.loss) for one in examples]),
        processing_class=words,
        callbacks=[told],
    )
    trainer.remove_callback(PrinterCallback)
    name = fingerprint(base, plan, examples)
    watch = _watch(job, trainer.model, words, name, facts["context"])
    told.begin(name, watch)
    last = newest(job.checkpoint.parent / "checkpoints", name)
    done = step_of(last)
    if watch:
        watch.resume(done)
    if not together.agree(bool(watch and watch.stop)):
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    made = trainer.accelerator.unwrap_model(trainer.model)
    best = watch.restore(made) if watch else {}
    if adapter and plan.lora.merge:
        made = made.merge_and_unload()
    device = {"device": place.kind, "devices": together.count(), "bf16": place.bf16}
    counted = {**facts, "steps": trainer.state.max_steps or done, **device}
    return Outcome(made, words, plan.to_dict(), {**told.metrics, **counted, **best})


def examples_of(
    rows: Sequence[Row], words: Any, plan: Plan, base: Path
) -> tuple[list[Example], dict[str, Any]]:
    """Return what is learned of the rows, and counts for the card.

    Raises:
        BadRecipeError: nothing fits, or the context is longer than the base's.
    """
    most = foreign.context_of(base)
    context = plan.context or min(most, CONTEXT)
    found = [render(row, words, plan, context=context) for row in rows]
    examples = [one for one in found if one is not None]
    if not examples:
        raise BadRecipeError(reason=f"no row's answer fits into {context} tokens")
    facts = {
        "rows": len(rows),
        "left_out_rows": len(found) - len(examples),
        "cut_rows": sum(one.cut for one in examples),
        "context": context,
        "answer_tokens": max(len(one.completion) for one in examples),
    }
    return examples, facts


def with_lora(network: Any, plan: Plan) -> Any:
    """Return the network with the recipe's low-rank additions, which alone learn.

    Raises:
        BadRecipeError: it has no layers of these names.
    """
    from peft import get_peft_model

    with layers_named():
        return get_peft_model(network, lora_config(plan))


def lora_config(plan: Plan) -> Any:
    """Return the recipe's additions as PEFT says them."""
    from peft import LoraConfig

    said = plan.lora
    return LoraConfig(
        r=said.rank,
        lora_alpha=said.alpha,
        lora_dropout=said.dropout,
        target_modules=list(said.targets),
        task_type="CAUSAL_LM",
    )


@contextmanager
def layers_named() -> Iterator[None]:
    """Say what is wrong where the network has no layers of the recipe's names.

    Raises:
        BadRecipeError: it has none.
    """
    try:
        with warnings.catch_warnings():
            # peft 0.21 still asks transformers 5.23 by a name that 6 will drop
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    except ValueError as error:
        reason = str(error).partition("\n")[0][:300]
        hint = "Name the base's own layers in `lora: {targets: […]}`."
        raise BadRecipeError(reason=reason, hint=hint) from error


def arguments(job: Job, place: Place, *, adapter: bool, context: int) -> SFTConfig:
    """Return TRL's settings for a plan."""
    usual = usual_arguments(
        job, place, steps=STEPS, batch=BATCH, rate=RATES[adapter], warmup=WARMUP, context=context
    )
    return on_one(SFTConfig(**usual, packing=job.plan.packing, completion_only_loss=None))


def on_one(said: Any) -> Any:
    """Keep the Trainer to one GPU a process: by itself it takes all, and a batch for each."""
    said._n_gpu = min(1, said.n_gpu)  # noqa: SLF001 - there is no public way to say it
    return said


def usual_arguments(
    job: Job, place: Place, *, steps: int, batch: int, rate: float, warmup: int, context: int
) -> dict[str, Any]:
    """Return what TRL is told of every plan; the numbers hold where the plan says none."""
    plan = job.plan
    every = int(job.spec.get("checkpoint_steps", plan.checkpoint_every))
    return {
        "output_dir": str(job.checkpoint.parent / "checkpoints"),
        "max_steps": -1 if plan.epochs and plan.steps is None else plan.steps or steps,
        "num_train_epochs": plan.epochs or 1,
        "per_device_train_batch_size": together.share(plan.batch or batch),
        "gradient_accumulation_steps": plan.accumulate,
        "learning_rate": plan.lr or rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": warmup if plan.warmup is None else plan.warmup,
        "weight_decay": plan.decay,
        "max_length": context,
        "bf16": place.bf16,
        "use_cpu": not place.gpu,
        "gradient_checkpointing": plan.gradient_checkpointing,
        # experts that no row of a batch asked have no gradient; DDP cannot look for them with both
        "ddp_find_unused_parameters": not plan.gradient_checkpointing,
        "seed": plan.seed,
        "data_seed": plan.seed,
        "logging_steps": 1,
        "save_strategy": "steps",
        "save_steps": max(1, every),
        "save_total_limit": 2,
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": place.gpu,
    }


def fingerprint(base: Path, plan: Plan, examples: Sequence[Example]) -> str:
    """Name what is being trained: the base's files, the recipe and the rows."""
    files = [(one.name, one.stat().st_size) for one in sorted(base.glob("*.safetensors"))]
    ids = "".join(f"{one.prompt}{one.completion}" for one in examples).encode()
    return Digest.of(canonical([base.name, files, plan.identity(), Digest.of(ids)]))


def _watch(job: Job, network: Any, words: Any, name: str, context: int) -> Watch | None:
    if together.number():
        return None  # number 0 measures for all
    rows = job.dev[: job.plan.dev.rows]
    found = [(row, render(row, words, job.plan, context=context)) for row in rows]
    kept = [(row, one) for row, one in found if one is not None]
    if not kept:
        return None
    measure: dict[str, Callable[[], float]] = {
        "exact_match": lambda: exact_match(network, words, kept),
        "loss": lambda: loss_on(network, [one for _, one in kept]),
    }
    return Watch(job.plan.dev, job.checkpoint.parent, name, measure[job.plan.dev.metric])
