"""DPO: what people corrected is preferred to what the model said (Rafailov et al. 2023).

A row that holds `rejected` is a pair as it is: its label is preferred to that.
Of other rows the base is asked greedily; where it errs, its answer is the
rejected one, and rows that it answers rightly teach nothing here. TRL trains;
the dev metric is looked at now and then. The best weights are kept, and a run
that destroys the model is stopped (`guards.collapse`): DPO alone, with a rate
or a count of steps that suits fine-tuning, does that easily. A run that was
killed goes on from the Trainer's last whole checkpoint (see `training.told`).

arXiv:2305.18290; the `sft` part beside `sigmoid` as in Pang et al. 2024
(arXiv:2404.19733).
"""

import copy
import json
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, PrinterCallback, set_seed

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.models.training import marks, network, small, tokenizer
from volano.models.training.guards.collapse import Collapse
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.methods.lora import ours, start_from
from volano.models.training.recipe import NOTHING_WRONG, BadRecipeError, Recipe, label_text
from volano.models.training.rows import answer_text
from volano.models.training.tokenizer import SPECIAL
from volano.models.training.told import Told, newest, step_of
from volano.models.training.watch import Watch

STEPS, BATCH, RATE, WARMUP = 200, 8, 5e-4, 10
LOOKS = 10
"""How often the dev metric is looked at during a run, unless the recipe says when."""
METRIC = "exact_match"


def train(job: Job) -> Outcome:
    """Tune the base by pairs, and give back the best weights that were seen.

    Raises:
        BadRecipeError: there is no base, or the base already says what every row says.
        CollapsedError: the dev metric fell too far.
        DivergedError: the loss left the numbers.
    """
    whole = start_from(job)
    if not ours(whole, job.rows):
        from volano.models.training.preference import train as tuned

        return tuned(job, whole)
    base = small.folder_of(job, job.base, "base")
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    recipe = Recipe.from_dict({**kept, "seed": job.plan.seed})
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.load(base)
    rows, dev = marks.apart(job)
    pairs = pairs_of(rows, model, words, recipe)
    if not pairs:
        raise BadRecipeError(
            reason="the base already answers every row as its label says", hint=NOTHING_WRONG
        )
    steps = job.plan.steps or STEPS
    name = fingerprint(base, job, pairs)
    collapse = Collapse(marks.exact(model, words, recipe, dev), margin=job.plan.guards.collapse)
    look = replace(job.plan.dev, every=job.plan.dev.every or max(1, steps // LOOKS), metric=METRIC)
    watch = Watch(look, job.checkpoint.parent, name, lambda: marks.exact(model, words, recipe, dev),
                  collapse)  # fmt: skip
    last = newest(_checkpoints(job), name)
    watch.resume(step_of(last))
    if watch.best is None:
        watch.begin(collapse.start, model)
    told = Told(job)
    told.begin(name, watch)
    if not watch.stop:
        _run(job, model, words, pairs, steps, recipe, told, last)
    best = watch.restore(model)
    model.tie_weights()
    facts = {
        **told.metrics, "rows": len(pairs), "asked_rows": len(rows), "steps": steps, **best,
        "answer_tokens": marks.longest_answer([*rows, *dev], words, recipe) - marks.SPARE_TOKENS,
        "guards": {"collapse": collapse.to_dict()},
    }  # fmt: skip
    return Outcome(model.eval(), words, recipe, facts)


def pairs_of(
    rows: Sequence[Row], model: network.Network, words: Tokenizer, recipe: Recipe
) -> list[dict[str, str]]:
    """Return `prompt`, `chosen`, `rejected` of the rows in which the two differ."""
    open_rows = [row for row in rows if not row.get("rejected")]
    given = {id(row): answer_text(row["rejected"]) for row in rows if row.get("rejected")}
    if open_rows:
        longest = marks.longest_answer(open_rows, words, recipe)
        texts = [row["text"] for row in open_rows]
        answers = marks.said(model, words, recipe, texts, max_tokens=longest)
        given |= {id(row): said for row, said in zip(open_rows, answers, strict=True)}
    return [
        {
            "prompt": SPECIAL[tokenizer.BEGIN] + recipe.render(row["text"]),
            "chosen": " " + label_text(row["label"]),
            "rejected": given[id(row)],
        }
        for row in rows
        if given[id(row)] != answer_text(row["label"])
    ]


def fingerprint(base: Path, job: Job, pairs: Sequence[dict[str, str]]) -> str:
    """Name what is being trained: the base's weights, the recipe and the pairs."""
    weights = Digest.of((base / network.WEIGHTS).read_bytes())
    return Digest.of(canonical([weights, job.plan.identity(), list(pairs)]))


def _checkpoints(job: Job) -> Path:
    return job.checkpoint.parent / "checkpoints"


def _run(
    job: Job,
    model: network.Network,
    words: Tokenizer,
    pairs: list[dict[str, str]],
    steps: int,
    recipe: Recipe,
    told: Told,
    last: Path | None,
) -> None:
    """Take the steps, from a checkpoint on where there is one."""
    from datasets import Dataset, disable_progress_bars
    from trl import DPOTrainer

    disable_progress_bars()
    set_seed(job.plan.seed)
    begin, end, pad = (SPECIAL[at] for at in (tokenizer.BEGIN, tokenizer.END, tokenizer.PAD))
    spoken = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=begin, eos_token=end, pad_token=pad
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = DPOTrainer(
            model=model,
            ref_model=copy.deepcopy(model),
            args=_arguments(job, steps, recipe),
            train_dataset=Dataset.from_list(pairs),
            processing_class=spoken,
            callbacks=[told],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train(resume_from_checkpoint=str(last) if last else None)


def _arguments(job: Job, steps: int, recipe: Recipe) -> Any:
    """Return TRL's settings for a plan: on the CPU, as all our small networks are trained."""
    from trl import DPOConfig

    plan = job.plan
    return DPOConfig(
        output_dir=str(_checkpoints(job)),
        max_steps=steps,
        per_device_train_batch_size=plan.batch or BATCH,
        learning_rate=plan.lr or RATE,
        lr_scheduler_type="cosine",
        warmup_steps=plan.warmup if plan.warmup is not None else WARMUP,
        beta=plan.dpo.beta,
        loss_type=list(plan.dpo.loss),
        loss_weights=list(plan.dpo.weights) or None,
        max_length=recipe.max_row_tokens,
        logging_steps=1,
        seed=plan.seed,
        data_seed=plan.seed,
        save_strategy="steps",
        save_steps=max(1, int(job.spec.get("checkpoint_steps", plan.checkpoint_every))),
        save_total_limit=2,
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
