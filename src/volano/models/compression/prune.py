"""Prune: take weights away, then tune what is left.

By magnitude: over all matrices of the layers together the smallest weights
become zero (Han et al. 2015, arXiv:1506.02626). The file keeps its size, only a
sparse engine or a compressed download gains. Structured: whole neurons of the
feed-forward parts go, those with the smallest product of norms (Li et al. 2016,
arXiv:1608.08710), so that the matrices shrink and every engine gains.
Embeddings stay. Recovery is a short tuning in which zeros stay zero.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from volano.core.errors import InvalidError
from volano.models.compression.network import Network
from volano.models.training.recipe import Recipe
from volano.models.training.rows import IGNORED, Encoded, batch

MULTIPLE = 32
"""Widths that are left are multiples of this, as blocks of quantized rows want."""

REPORT_STEPS = 25
WARMUP = 10

Masks = dict[str, torch.Tensor]


class BadShareError(InvalidError):
    """{share} is no share of weights to take away: {reason}."""

    hint = "Half of the weights is 0.5; see what is left with `volano model show`."


@dataclass(frozen=True, slots=True)
class Recovery:
    """How pruned weights are tuned: steps, batch, the highest rate, and the seed of batches."""

    steps: int = 300
    batch: int = 16
    lr: float = 2e-3
    seed: int = 0


def check(share: float) -> float:
    """Return the share again if it can be taken away.

    Raises:
        BadShareError: it is not between 0 and 1.
    """
    if not 0 <= share < 1:
        raise BadShareError(share=share, reason="it lies from 0 to below 1")
    return share


def smallest(model: Network, share: float) -> Masks:
    """Make the smallest weights of the layers' matrices zero; return what stays, by name."""
    matrices = {
        name: p for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name
    }
    with torch.no_grad():
        sizes = torch.cat([p.abs().flatten() for p in matrices.values()])
        gone = round(share * sizes.numel())
        limit = sizes.kthvalue(gone).values if gone else torch.tensor(-1.0)
        masks = {name: p.abs() > limit for name, p in matrices.items()}
        for name, p in matrices.items():
            p.mul_(masks[name])
    return masks


def neurons(model: Network, share: float) -> int:
    """Cut the weakest feed-forward neurons out of each layer; return the width that is left.

    Raises:
        BadShareError: nothing can go without leaving a width that no engine packs.
    """
    width = model.config.intermediate_size
    left = max(MULTIPLE, math.ceil(width * (1 - share) / MULTIPLE) * MULTIPLE)
    if left >= width:
        reason = f"{width} neurons go down in steps of {MULTIPLE}"
        raise BadShareError(share=share, reason=reason)
    with torch.no_grad():
        for layer in model.model.layers:
            part = layer.mlp
            strength = (
                part.gate_proj.weight.norm(dim=1)
                * part.up_proj.weight.norm(dim=1)
                * part.down_proj.weight.norm(dim=0)
            )
            kept = strength.topk(left).indices.sort().values
            _narrow(part.gate_proj, part.gate_proj.weight[kept])
            _narrow(part.up_proj, part.up_proj.weight[kept])
            _narrow(part.down_proj, part.down_proj.weight[:, kept])
    model.config.intermediate_size = left
    return left


def recover(
    model: Network,
    rows: Sequence[Encoded],
    masks: Mapping[str, torch.Tensor],
    recovery: Recovery,
    *,
    progress: Callable[..., None],
) -> float:
    """Tune in place with cross entropy on answers; return the mean loss of the last steps."""
    plan = Recipe(batch=recovery.batch, seed=recovery.seed)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recovery.lr, betas=(0.9, 0.98), weight_decay=0.0
    )
    kept = [(p, masks[name]) for name, p in model.named_parameters() if name in masks]
    model.train()
    losses: list[float] = []
    for step in range(recovery.steps):
        for group in optimizer.param_groups:
            group["lr"] = _rate(step, recovery)
        losses.append(_step(model, optimizer, *batch(rows, plan, step)))
        with torch.no_grad():
            for p, mask in kept:
                p.mul_(mask)
        if (step + 1) % REPORT_STEPS == 0 or step + 1 == recovery.steps:
            last = losses[-REPORT_STEPS:]
            progress(step + 1, recovery.steps, loss=sum(last) / len(last))
    model.eval()
    last = losses[-REPORT_STEPS:]
    return round(sum(last) / len(last), 5) if last else math.nan


def _step(
    model: Network, optimizer: torch.optim.AdamW, ids: torch.Tensor, targets: torch.Tensor
) -> float:
    optimizer.zero_grad()
    wanted = targets[:, 1:]
    logits = model(input_ids=ids[:, :-1], use_cache=False).logits
    loss = cross_entropy(logits[wanted != IGNORED], wanted[wanted != IGNORED])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(loss)


def _rate(step: int, recovery: Recovery) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / recovery.steps))
    return recovery.lr * min(1, (step + 1) / WARMUP) * max(0.02, cosine)


def _narrow(part: torch.nn.Linear, rows: torch.Tensor) -> None:
    part.weight = torch.nn.Parameter(rows.contiguous())
    part.out_features, part.in_features = rows.shape
