"""Private: no single row can be read out of what was learned (DP-SGD, Abadi et al. 2016).

Each row's gradient is clipped to a length, noise is added to their sum, and
rows are drawn at random (Poisson): then the model is nearly as likely without
any one row. How nearly is epsilon at delta, and stands in the card; it counts
the rows of this run alone. What the base and its tokenizer learned before is
not covered, nor are hyperparameters that were chosen by looking.

Opacus counts (PRV accountant, Gopi et al. 2021). Which rows are drawn, and the
noise, come from torch's generator, which is no cryptographic source; it is seeded
anew at each draw from a key that is made for the run, kept beside its checkpoint,
and thrown away at the end. The recipe's seed does not decide them: it stands in
the card, and whoever knows the noise can take it off again. One row's answer
should be one person's: a person with ten rows is protected ten times less.

A run that was killed goes on from its checkpoint with the same key: the steps
before it are counted, and those after it are the same ones as in an unbroken run.
"""

import hashlib
import json
import os
import secrets
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from volano.core.canon import canonical
from volano.core.digest import Digest
from volano.models.training import loop, marks, network, small, tokenizer
from volano.models.training.checkpoint import Checkpoints
from volano.models.training.job import Job, Outcome
from volano.models.training.recipe import BadRecipeError, Recipe
from volano.models.training.rows import IGNORED, Encoded, encode, padded

STEPS, BATCH, WARMUP = 50, 64, 5
RATE = {True: 4e-3, False: 1e-3}
"""With LoRA, and without."""
KEY_BYTES = 32
WORDS, WORDS_AT = 624, 24
"""Words of the mt19937 generator, and where torch keeps them in its state: behind the seed, the
counts left and seeded, and next; each in 8 bytes."""


def train(job: Job) -> Outcome:
    """Tune the base with noise; by LoRA, unless `private: {adapter: false}`.

    Raises:
        BadRecipeError: no base, or a budget that says nothing.
        DivergedError: the loss left the numbers.
    """
    base = small.folder_of(job, job.base, "base")
    settings, plan = job.plan.private, job.plan
    _check(job)
    kept = json.loads((base / network.RECIPE).read_text(encoding="utf-8"))
    recipe = Recipe.from_dict({**kept, "seed": plan.seed})
    words = tokenizer.load(base / network.TOKENIZER)
    model = network.load(base)
    start = marks.exact(model, words, recipe, job.dev)
    torch.manual_seed(plan.seed)
    learner = network.with_lora(model, recipe) if settings.adapter else model
    rows = encode(job.rows, words, recipe)
    steps = plan.steps or STEPS
    name = _name(base, job, recipe, rows)
    facts = _learn(job, learner, rows, steps, Checkpoints(job.checkpoint, name))
    whole = learner.merge_and_unload() if settings.adapter else model
    facts |= {
        "rows": len(rows), "steps": steps, "cut_rows": sum(row.cut for row in rows),
        "answer_tokens": max(len(row.answer) for row in rows),
    }  # fmt: skip
    if job.dev:
        facts |= {"start_dev_exact": round(start, 4)}
        facts |= {"dev_exact": round(marks.exact(whole, words, recipe, job.dev), 4)}
    _key_path(job).unlink(missing_ok=True)
    return Outcome(whole, words, recipe, facts)


def _check(job: Job) -> None:
    settings, rows = job.plan.private, len(job.rows)
    if settings.epsilon is None and settings.noise is None:
        raise BadRecipeError(reason="say `private: {epsilon: E}` or `private: {noise: N}`")
    if settings.epsilon is not None and settings.noise is not None:
        raise BadRecipeError(reason="`private.epsilon` decides the noise: say one of the two")
    if not 0 < settings.delta < 1 / rows:
        reason = f"`private.delta` must be below 1 in {rows} (the rows), or it promises nothing"
        raise BadRecipeError(reason=reason)
    if any(n is not None and n <= 0 for n in (settings.clip, settings.epsilon, settings.noise)):
        raise BadRecipeError(reason="`clip`, `epsilon` and `noise` are above 0")


def _name(base: Path, job: Job, recipe: Recipe, rows: Sequence[Encoded]) -> str:
    """Name what is being trained: the base's weights, the plan and the rows."""
    weights = Digest.of((base / network.WEIGHTS).read_bytes())
    return small.fingerprint(Digest.of(canonical([weights, job.plan.identity()])), recipe, rows)


def _learn(
    job: Job,
    model: network.Network,
    rows: Sequence[Encoded],
    steps: int,
    checkpoints: Checkpoints,
) -> dict[str, Any]:
    from opacus import PrivacyEngine
    from opacus.accountants.utils import get_noise_multiplier

    settings, plan = job.plan.private, job.plan
    lr = plan.lr or RATE[settings.adapter]
    schedule = loop.Schedule(steps, lr, plan.warmup or WARMUP)
    model.train()
    learned = [p for p in model.parameters() if p.requires_grad]
    inner = torch.optim.AdamW(learned, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)
    batch = min(plan.batch or BATCH, len(rows))
    loader = DataLoader(TensorDataset(torch.arange(len(rows))), batch_size=batch)
    rate = 1 / len(loader)  # how likely a row is in a batch: so Opacus draws
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine = PrivacyEngine(accountant="prv")
        # not `make_private_with_epsilon`: it knows whole passes only, and hides more than is asked
        noise = settings.noise if settings.noise is not None else get_noise_multiplier(
            target_epsilon=settings.epsilon, target_delta=settings.delta, sample_rate=rate,
            steps=steps, accountant=engine.accountant.mechanism(),
        )  # fmt: skip
        guarded, optimizer, loader = engine.make_private(
            module=model, optimizer=inner, data_loader=loader, max_grad_norm=settings.clip,
            noise_generator=None, noise_multiplier=noise,
        )  # fmt: skip
        done, kept = checkpoints.load(model, inner)
        for _ in range(done):  # what earlier processes of the run took is spent
            engine.accountant.step(
                noise_multiplier=optimizer.noise_multiplier, sample_rate=loader.sample_rate
            )
        last = _At(done, int(kept.get("draws", 0)), float(kept.get("loss", 0.0)))
        every = int(job.spec.get("checkpoint_steps", plan.checkpoint_every))
        for at in _steps(job, guarded, optimizer, (loader, rows), schedule, last):
            last = at
            if at.done % every == 0 or at.done == steps:
                checkpoints.save(at.done, {"draws": at.draws, "loss": at.loss}, model, inner)
        spent = float(engine.get_epsilon(settings.delta))
    guarded.remove_hooks()
    loss = round(last.loss, 5)
    promise = {
        "epsilon": round(spent, 4), "delta": settings.delta, "clip": settings.clip,
        "noise": round(float(optimizer.noise_multiplier), 4), "batch": batch,
        "sample_rate": round(rate, 6), "steps": steps,
        "accountant": "PRV", "unit": "row", "adapter": settings.adapter,
    }  # fmt: skip
    return {"loss": loss, "privacy": promise}


@dataclass(frozen=True, slots=True)
class _At:
    """How far it is: steps, draws (some of which drew nothing), and the last loss."""

    done: int
    draws: int
    loss: float


def _steps(
    job: Job,
    model: Any,
    optimizer: Any,
    drawn: tuple[Any, Sequence[Encoded]],
    schedule: loop.Schedule,
    at: _At,
) -> Iterator[_At]:
    """Take the steps that are left; yield how far it is after each."""
    (loader, rows), key = drawn, _key(job)
    done, loss, draws = at.done, at.loss, at.draws
    while done < schedule.steps:
        _seed(key, draws)
        places = next(iter(loader.batch_sampler))
        draws += 1
        if not len(places):
            continue  # once in e^batch draws nothing is drawn
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(done)
        optimizer.zero_grad()
        loss = _step(model, [rows[place] for place in places])
        optimizer.step()
        done += 1
        if done % loop.REPORT_STEPS == 0 or done == schedule.steps:
            job.progress(done, schedule.steps, **loop.finite(loss, done))
        yield _At(done, draws, loss)


def _key_path(job: Job) -> Path:
    return job.checkpoint.with_name("noise.key")


def _key(job: Job) -> bytes:
    """Return the run's key: the one that an earlier process of it made, else a new one."""
    path = _key_path(job)
    try:
        kept = path.read_bytes()
    except FileNotFoundError:
        kept = b""
    if len(kept) == KEY_BYTES:
        return kept
    key = secrets.token_bytes(KEY_BYTES)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(key)
    part.replace(path)
    return key


def _seed(key: bytes, draw: int) -> None:
    """Fill the whole state of what the draw and its noise come from: 624 words of 32 bits.

    `torch.manual_seed` would make all of them from 32 bits, and whoever tries every seed would
    know the noise.
    """
    told = hashlib.shake_256(key + draw.to_bytes(8, "big")).digest(4 * WORDS)
    state = torch.Generator().manual_seed(0).get_state().numpy()
    state[WORDS_AT : WORDS_AT + 8 * WORDS].view("u8")[:] = np.frombuffer(told, "<u4")
    torch.set_rng_state(torch.from_numpy(state))


def _step(model: Any, rows: Sequence[Encoded]) -> float:
    """Take each row's own gradient: places and mask are given, as hooks see one row at a time."""
    ids, targets = padded([(row.prompt, row.answer) for row in rows])
    places = torch.arange(ids.shape[1]).expand(len(ids), -1)
    out = model(input_ids=ids, attention_mask=torch.ones_like(ids), position_ids=places)
    wanted = targets[:, 1:]
    each = cross_entropy(
        out.logits[:, :-1].transpose(1, 2), wanted, ignore_index=IGNORED, reduction="none"
    )
    loss = (each.sum(1) / (wanted != IGNORED).sum(1)).mean()
    loss.backward()
    return float(loss.item())
