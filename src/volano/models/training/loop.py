"""The loop: warm up, follow a cosine down, keep a checkpoint now and then."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from volano.core.errors import InvalidError
from volano.models.training.checkpoint import Checkpoints
from volano.models.training.network import Network
from volano.models.training.recipe import Recipe
from volano.models.training.rows import IGNORED, Encoded, batch, padded
from volano.models.training.watch import Watch

REPORT_STEPS = 25
FLOOR = 0.02
"""The share of the learning rate that is left at the end of the cosine."""


class DivergedError(InvalidError):
    """Training left the numbers at step {step}: the loss is {loss}."""

    hint = "Lower the learning rate in the recipe."


Loss = Callable[[Network, torch.Tensor, torch.Tensor], torch.Tensor]
"""From the network, ids and targets (both `(batch, longest)`) to one number to be lowered."""


def hard(model: Network, ids: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Cross entropy on the answers' tokens."""
    wanted = targets[:, 1:]
    asked = wanted != IGNORED
    return cross_entropy(logits(model, ids, asked), wanted[asked])


def logits(model: Network, ids: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Return `(asked tokens, vocabulary)`; the output layer is computed for those alone."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    states = inner.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    return torch.as_tensor(inner.lm_head(states[asked]))


@dataclass(frozen=True, slots=True)
class Schedule:
    """How many steps, and how fast; all that again in each further round (a warm restart).

    Restarts after Loshchilov & Hutter 2017, arXiv:1608.03983. A watch with an aim ends the run
    after a round that was enough; where nobody watches there is one round.
    """

    steps: int
    lr: float
    warmup: int
    rounds: int = 1

    @property
    def most(self) -> int:
        """The steps of all rounds."""
        return self.steps * self.rounds

    def end(self, step: int) -> int:
        """Return how many steps are done when the round of this step is."""
        return (step // self.steps + 1) * self.steps

    def rate(self, step: int) -> float:
        """Return the learning rate of a step: linear warm-up, then a cosine."""
        step %= self.steps
        cosine = 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.lr * min(1, (step + 1) / self.warmup) * (FLOOR + (1 - FLOOR) * cosine)


def learn(
    model: Network,
    rows: Sequence[Encoded],
    recipe: Recipe,
    schedule: Schedule,
    *,
    checkpoints: Checkpoints,
    every: int,
    progress: Callable[..., None],
    loss: Loss = hard,
    watch: Watch | None = None,
    report: int = REPORT_STEPS,
) -> dict[str, float]:
    """Train in place, from the last checkpoint on; return the last loss and tokens a second.

    With a watch the best weights are in the model at the end, and their metric is returned too;
    where there may be several rounds, also how many there were. Progress is told every `report` steps.

    Raises:
        DivergedError: the loss is no longer a number.
    """
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        learned, lr=schedule.lr, betas=(0.9, 0.98), weight_decay=recipe.decay, fused=True
    )
    done, metrics = checkpoints.load(model, optimizer)
    if watch:
        watch.resume(done)
    model.train()
    losses: list[float] = []
    tokens, since = 0, time.perf_counter()
    began, first = since, done
    most = schedule.most if watch else schedule.steps
    for step in range(done, 0 if watch and watch.stop else most):
        ids, targets = batch(rows, recipe, step)
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step)
        losses.append(_step(optimizer, loss(model, ids, targets)))
        tokens += ids.numel()
        done, end = step + 1, schedule.end(step)
        last, seen = done == most, {}
        if watch and watch.due(done, end):
            seen = watch.look(done, model)
            last = last or watch.stop
        if last or seen or done % report == 0:
            now = time.perf_counter()
            metrics = _metrics(losses, step, tokens / max(now - since, 1e-9))
            left = (now - began) / (done - first) * (end - done)
            pace = {"lr": schedule.rate(step), "left_s": round(left, 1)}
            progress(done, end, **metrics, **pace, **seen)
            losses, tokens, since = [], 0, now
        if last or done % every == 0:
            checkpoints.save(done, metrics, model, optimizer)
        if last:
            break
    took = {"rounds": schedule.end(done - 1) // schedule.steps} if schedule.rounds > 1 else {}
    return {**metrics, **took, **(watch.restore(model) if watch else {})}


@torch.no_grad()
def loss_on(model: Network, rows: Sequence[Encoded], *, together: int = 32) -> float:
    """Return the mean cross entropy of the rows' answers, in nats a token."""
    total, tokens = 0.0, 0
    for start in range(0, len(rows), together):
        ids, targets = padded([(row.prompt, row.answer) for row in rows[start : start + together]])
        count = int((targets[:, 1:] != IGNORED).sum())
        total += float(hard(model, ids, targets)) * count
        tokens += count
    return total / max(tokens, 1)


def _step(optimizer: torch.optim.AdamW, loss: torch.Tensor) -> float:
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for g in optimizer.param_groups for p in g["params"]], 1.0)
    optimizer.step()
    return loss.item()


def _metrics(losses: list[float], step: int, tokens_per_s: float) -> dict[str, float]:
    loss = finite(sum(losses) / len(losses), step + 1)
    return {**loss, "tokens_per_s": round(tokens_per_s, 1)}


def finite(loss: float, step: int) -> dict[str, float]:
    """Return the loss as a metric.

    Raises:
        DivergedError: it is no longer a number.
    """
    if not math.isfinite(loss):
        raise DivergedError(step=step, loss=loss)
    return {"loss": round(loss, 5)}
