"""Prune: take weights or whole parts away, then tune what is left.

By magnitude: over all matrices of the layers together the smallest weights
become zero (Han et al. 2015, arXiv:1506.02626). The file keeps its size, only a
sparse engine or a compressed download gains. Structured: whole neurons of the
feed-forward parts, whole attention heads or whole layers go, those that the loss on
rows needs least (`importance`), so that the network is smaller and every engine gains.
Each layer loses as many neurons or heads as the others: formats know one number for all.
Embeddings stay. Recovery is a short tuning in which zeros stay zero.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy

from volano.models.compression import importance
from volano.models.compression.network import Network
from volano.models.compression.parts import (
    HEADS,
    LAYERS,
    MULTIPLE,
    NEURONS,
    WITH_HEADS,
    BadShareError,
    NotPrunableError,
    heads_left,
    layers_left,
    lists_of_layers,
    neurons_left,
    numbered,
    shape_of,
)
from volano.models.training.recipe import Recipe
from volano.models.training.rows import IGNORED, Encoded, batch

REPORT_STEPS = 25
WARMUP = 10

Masks = dict[str, torch.Tensor]


@dataclass(frozen=True, slots=True)
class Recovery:
    """How pruned weights are tuned: steps, batch, the highest rate, and the seed of batches."""

    steps: int = 300
    batch: int = 16
    lr: float = 2e-3
    seed: int = 0


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


def neurons(model: Network, share: float, rows: Sequence[Encoded] = ()) -> int:
    """Cut the feed-forward neurons out of each layer that matter least; return how many are left.

    Without rows the product of their norms says what matters (Li et al. 2016, arXiv:1608.08710).

    Raises:
        BadShareError: nothing can go without leaving a width that no engine packs.
        NotPrunableError: its feed-forward parts are of another kind.
    """
    layers = _layers(model, NEURONS, "mlp", ("gate_proj", "up_proj", "down_proj"))
    width = model.config.intermediate_size
    left = neurons_left(width, share)
    if left >= width:
        reason = f"{width} neurons go down in steps of {MULTIPLE}"
        raise BadShareError(share=share, parts=NEURONS, reason=reason)
    parts = [layer.mlp for layer in layers]
    down = [part.down_proj for part in parts]
    strength = importance.of_inputs(model, rows, down) if rows else [_norms(p) for p in parts]
    for part, worth in zip(parts, strength, strict=True):
        kept = worth.topk(left).indices.sort().values
        _rows(part.gate_proj, kept)
        _rows(part.up_proj, kept)
        _columns(part.down_proj, kept)
    model.config.intermediate_size = left
    return left


def heads(model: Network, share: float, rows: Sequence[Encoded]) -> int:
    """Cut the attention heads out of each layer that matter least on rows; return how many are left.

    Raises:
        BadShareError: no smaller number of heads can be.
        NotPrunableError: its attention is of another kind, or there are no rows.
    """
    layers = _layers(model, HEADS, "self_attn", ("q_proj", "k_proj", "v_proj", "o_proj"))
    config = model.config
    if config.model_type not in WITH_HEADS:
        reason = f"it is {config.model_type}, and heads go from {', '.join(WITH_HEADS)}"
        raise NotPrunableError(parts=HEADS, reason=reason)
    _measurable(rows, HEADS)
    count, groups, width = shape_of(config.to_dict())
    left = heads_left(config.to_dict(), share)
    if left >= count:
        reason = f"of {count} heads of {width} values no smaller number fits"
        raise BadShareError(share=share, parts=HEADS, reason=reason)
    together = count // groups
    parts = [layer.self_attn for layer in layers]
    worths = importance.of_inputs(model, rows, [part.o_proj for part in parts], width)
    for part, worth in zip(parts, worths, strict=True):
        kept = worth.unflatten(0, (groups, together)).sum(1).topk(left // together).indices
        kept = kept.sort().values
        asking = _spread(kept, together * width)
        _rows(part.q_proj, asking)
        _columns(part.o_proj, asking)
        for shared in (part.k_proj, part.v_proj):
            _rows(shared, _spread(kept, width))
    config.head_dim = width  # which would else follow from the number of heads
    config.num_key_value_heads = left // together
    config.num_attention_heads = left
    return left


def layers(model: Network, share: float, rows: Sequence[Encoded]) -> list[int]:
    """Take out the layers that the loss on rows misses least, one by one; return which are left.

    Raises:
        BadShareError: not one layer can go.
        NotPrunableError: it has no such layers, there are no rows, or its config numbers layers.
    """
    count = len(_layers(model, LAYERS, "", ()))
    config = model.config.to_dict()
    if reason := numbered(config, count):
        raise NotPrunableError(parts=LAYERS, reason=reason)
    _measurable(rows, LAYERS)
    left = layers_left(count, share)
    if left >= count:
        reason = f"of {count} layers that is none" if count > 1 else "there is one layer"
        raise BadShareError(share=share, parts=LAYERS, reason=reason)
    kept = list(range(count))
    while len(kept) > left:
        at = importance.weakest_layer(model, rows)
        del model.model.layers[at], kept[at]
    for at, layer in enumerate(model.model.layers):
        layer.self_attn.layer_idx = at
    for name, values in lists_of_layers(config).items():
        setattr(model.config, name, [values[at] for at in kept])
    model.config.num_hidden_layers = left
    return kept


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
    return float(loss.item())


def _rate(step: int, recovery: Recovery) -> float:
    cosine = 0.5 * (1 + math.cos(math.pi * step / recovery.steps))
    return recovery.lr * min(1, (step + 1) / WARMUP) * max(0.02, cosine)


def _layers(model: Network, parts: str, within: str, names: tuple[str, ...]) -> Sequence[Network]:
    """Return the layers, all of which have these matrices within this part.

    Raises:
        NotPrunableError: they have not.
    """
    found: Sequence[Network] = getattr(getattr(model, "model", None), "layers", ())
    homes = [getattr(layer, within, None) if within else layer for layer in found]
    if not found or any(not hasattr(home, name) for home in homes for name in names):
        kind = model.config.model_type
        raise NotPrunableError(parts=parts, reason=f"{kind} is not built as Llama is")
    return found


def _measurable(rows: Sequence[Encoded], parts: str) -> None:
    if not rows:
        reason = "there are no rows to measure on what they are worth"
        raise NotPrunableError(
            parts=parts, reason=reason, hint="Name a dataset with train rows: --data NAME."
        )


def _norms(part: Network) -> torch.Tensor:
    weights = part.gate_proj.weight, part.up_proj.weight, part.down_proj.weight.T
    return torch.stack([one.detach().norm(dim=1) for one in weights]).prod(0)


def _spread(kept: torch.Tensor, width: int) -> torch.Tensor:
    """Return the places of all values of the kept blocks of this width."""
    return (kept[:, None] * width + torch.arange(width)).flatten()


def _rows(part: torch.nn.Linear, kept: torch.Tensor) -> None:
    part.weight = torch.nn.Parameter(part.weight.detach()[kept].contiguous())
    if part.bias is not None:
        part.bias = torch.nn.Parameter(part.bias.detach()[kept].contiguous())
    part.out_features = len(kept)


def _columns(part: torch.nn.Linear, kept: torch.Tensor) -> None:
    part.weight = torch.nn.Parameter(part.weight.detach()[:, kept].contiguous())
    part.in_features = len(kept)
