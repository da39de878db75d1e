"""Importance: what the loss on rows would lose with each part of a network.

Of neurons and heads by a first-order Taylor term: an output times the slope of the loss
on it says how much the loss would change without it (Molchanov et al. 2017,
arXiv:1611.06440; of heads: Michel et al. 2019, arXiv:1905.10650). Of layers by leaving each out
and measuring the loss (as Kim et al. 2024, arXiv:2402.02834, with perplexity).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from volano.models.compression.network import Network
from volano.models.training.loop import hard, loss_on
from volano.models.training.rows import Encoded, padded

ROWS, TOGETHER = 128, 16
"""How many rows importance is measured on, and how many at a time."""
ABLATED = 64
"""Leaving layers out takes a pass over the rows for each: fewer have to do."""


def of_inputs(
    model: Network,
    rows: Sequence[Encoded],
    parts: Sequence[torch.nn.Linear],
    width: int = 1,
) -> list[torch.Tensor]:
    """Return the importance of each `width` inputs of the given matrices, one row a matrix.

    The inputs of `down_proj` are a layer's neurons; those of `o_proj` its heads, one after the other.
    """
    found = [torch.zeros(part.in_features // width) for part in parts]
    with _inputs(parts) as seen:
        for start in range(0, min(len(rows), ROWS), TOGETHER):
            chosen = rows[start : min(start + TOGETHER, ROWS)]
            seen.clear()
            loss = hard(model, *padded([(row.prompt, row.answer) for row in chosen]))
            slopes = torch.autograd.grad(loss, seen)
            for total, value, slope in zip(found, seen, slopes, strict=True):
                # each position by itself: terms of two positions must not cancel each other
                terms = (value.detach() * slope).unflatten(-1, (-1, width)).sum(-1)
                total += terms.abs().sum((0, 1))
    return found


def weakest_layer(model: Network, rows: Sequence[Encoded]) -> int:
    """Return the layer without which the loss on the rows is least."""
    layers = model.model.layers
    return min(range(len(layers)), key=lambda at: _without(model, at, rows))


@contextmanager
def _inputs(parts: Sequence[torch.nn.Linear]) -> Iterator[list[torch.Tensor]]:
    """Collect what goes into the matrices, in the order of `parts`."""
    seen: list[torch.Tensor] = []

    def keep(_part: torch.nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        seen.append(given[0])

    hooks = [part.register_forward_pre_hook(keep) for part in parts]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _without(model: Network, at: int, rows: Sequence[Encoded]) -> float:
    layers = model.model.layers
    model.model.layers = torch.nn.ModuleList(one for n, one in enumerate(layers) if n != at)
    try:
        return loss_on(model, rows[:ABLATED], together=TOGETHER)
    finally:
        model.model.layers = layers
