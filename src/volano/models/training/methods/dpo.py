"""DPO: what people corrected is preferred to what the model said (Rafailov et al. 2023).

A row that holds `rejected` is a pair as it is: its label is preferred to that.
Of other rows the base is asked greedily; where it errs, its answer is the
rejected one, and rows that it answers rightly teach nothing here. TRL trains;
the dev metric is looked at now and then. The best weights are kept, and a run
that destroys the model is stopped (`guards.collapse`): DPO alone, with a rate
or a count of steps that suits fine-tuning, does that easily.

arXiv:2305.18290; the `sft` part beside `sigmoid` as in Pang et al. 2024
(arXiv:2404.19733).
"""

import copy
import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast, PrinterCallback, TrainerCallback, set_seed

from volano.models.training import marks, network, small, tokenizer
from volano.models.training.guards.collapse import Collapse
from volano.models.training.job import Job, Outcome, Row
from volano.models.training.recipe import BadRecipeError, Recipe, label_text
from volano.models.training.rows import answer_text
from volano.models.training.tokenizer import SPECIAL

STEPS, BATCH, RATE, WARMUP = 200, 8, 5e-4, 10
LOOKS = 10
"""How often the dev metric is looked at during a run, unless the recipe says when."""


def train(job: Job) -> Outcome:
    """Tune the base by pairs, and give back the best weights that were seen.

    Raises:
        BadRecipeError: there is no base, or the base already says what every row says.
        CollapsedError: the dev metric fell too far.
    """
    base = small.folder_of(job, job.base, "base")
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    recipe = Recipe.from_dict({**kept, "seed": job.plan.seed})
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.load(base)
    rows, dev = marks.apart(job)
    pairs = pairs_of(rows, model, words, recipe)
    if not pairs:
        raise BadRecipeError(reason="the base already answers every row as its label says")
    watch = Collapse(marks.exact(model, words, recipe, dev), margin=job.plan.guards.collapse)
    steps = job.plan.steps or STEPS
    every = job.plan.dev.every or max(1, steps // LOOKS)
    looks = _Looks(watch, every, lambda: marks.exact(model, words, recipe, dev), job)
    loss = _run(job, model, words, pairs, steps, recipe, looks)
    model.load_state_dict(looks.best)
    model.tie_weights()
    facts = {
        "rows": len(pairs), "asked_rows": len(rows), "steps": steps, "loss": round(loss, 5),
        "answer_tokens": marks.longest_answer([*rows, *dev], words, recipe) - marks.SPARE_TOKENS,
        "dev_exact": round(watch.best, 4), "guards": {"collapse": watch.to_dict()},
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


class _Looks(TrainerCallback):
    """Looks at dev now and then, keeps the best weights, tells the Run how it goes."""

    def __init__(self, watch: Collapse, every: int, score: Callable[[], float], job: Job):
        self.watch = watch
        self.best: dict[str, torch.Tensor] = {}
        self._every = every
        self._score = score
        self._job = job
        self._loss = 0.0

    def on_train_begin(self, *_: Any, model: torch.nn.Module, **__: Any) -> None:
        """Keep the start: it may stay the best."""
        self.best = copy.deepcopy(model.state_dict())

    def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
        """Remember the loss."""
        self._loss = float(logs.get("loss", self._loss))

    def on_step_end(
        self, _args: Any, state: Any, _control: Any, *, model: torch.nn.Module, **_: Any
    ) -> None:
        """Look, when it is time."""
        step, last = state.global_step, state.max_steps
        if step % self._every and step != last:
            return
        score = self._score()
        self._job.progress(step, last, loss=self._loss, dev=score)
        if self.watch.look(step, score):
            self.best = copy.deepcopy(model.state_dict())


def _run(
    job: Job,
    model: network.Network,
    words: Tokenizer,
    pairs: list[dict[str, str]],
    steps: int,
    recipe: Recipe,
    looks: _Looks,
) -> float:
    from datasets import Dataset, disable_progress_bars
    from trl import DPOConfig, DPOTrainer

    disable_progress_bars()
    plan = job.plan
    set_seed(plan.seed)
    begin, end, pad = (SPECIAL[at] for at in (tokenizer.BEGIN, tokenizer.END, tokenizer.PAD))
    spoken = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=begin, eos_token=end, pad_token=pad
    )
    with tempfile.TemporaryDirectory(prefix="volano-dpo-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = DPOConfig(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=plan.batch or BATCH,
            learning_rate=plan.lr or RATE,
            lr_scheduler_type="cosine",
            warmup_steps=plan.warmup if plan.warmup is not None else WARMUP,
            beta=plan.dpo.beta,
            loss_type=list(plan.dpo.loss),
            loss_weights=list(plan.dpo.weights) or None,
            max_length=recipe.max_row_tokens,
            logging_steps=max(1, steps // LOOKS),
            seed=plan.seed,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
            bf16=False,
            gradient_checkpointing=False,
            disable_tqdm=True,
        )
        trainer = DPOTrainer(
            model=model,
            ref_model=copy.deepcopy(model),
            args=settings,
            train_dataset=Dataset.from_list(pairs),
            processing_class=spoken,
            callbacks=[looks],
        )
        trainer.remove_callback(PrinterCallback)
        return float(trainer.train().training_loss)
