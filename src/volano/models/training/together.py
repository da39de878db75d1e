"""Together: what the ranks of one run on several devices say to each other.

A rank is a process with a device of its own; `models.ranks` starts them. Each learns from its
share of every batch, and their gradients are averaged (DDP). Number 0 alone measures the dev
rows, tells how it goes, and writes; what it decides reaches the others here. A process that is in
no such group is number 0 of 1, and waits for nobody.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed

from volano.models.training.recipe import BadRecipeError

PATIENCE = timedelta(days=30)
"""How long one waits for another. A dead one is noticed by who started them, and a slow one
(which measures many dev rows) is not dead."""

_spent = {"before": 0.0, "others": 0.0}


def number() -> int:
    """Return which rank this process is; 0 where it is alone."""
    return distributed.get_rank() if _joined() else 0


def count() -> int:
    """Return how many ranks there are; 1 where this process is alone."""
    return distributed.get_world_size() if _joined() else 1


def join(mine: int, of: int, meeting: Path, *, gpu: bool) -> None:
    """Become rank `mine` of `of`; they find each other by the file `meeting`, new for each start."""
    if gpu:
        torch.cuda.set_device(mine)
    _spent["before"] = time.process_time()
    store = distributed.FileStore(str(meeting), of)
    store.set_timeout(PATIENCE)  # torch gives its own patience only to stores that it makes itself
    distributed.init_process_group(
        "nccl" if gpu else "gloo", store=store, rank=mine, world_size=of, timeout=PATIENCE
    )
    agree()  # NCCL finds the others at the first word, which none should wait for later


def leave() -> None:
    """Go on alone."""
    if _joined():
        distributed.destroy_process_group()


def agree(said: bool = False) -> bool:
    """Return what number 0 said, once all have come here."""
    if count() == 1:
        return said
    first = number() == 0
    here = [float(said), 0.0] if first else [0.0, time.process_time() - _spent["before"]]
    where = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    told = torch.tensor(here, dtype=torch.float64, device=where)
    distributed.all_reduce(told)
    decided, _spent["others"] = told.tolist()
    return bool(decided)


@contextmanager
def first_alone() -> Iterator[None]:
    """Let number 0 go through before the others do: they find what it wrote."""
    if number():
        agree()
    yield
    if not number():
        agree()


def share(batch: int) -> int:
    """Return how many rows of a batch are for each rank.

    Raises:
        BadRecipeError: the batch cannot be split evenly.
    """
    if batch % count():
        raise BadRecipeError(reason=f"a batch of {batch} rows cannot be split over {count()}")
    return batch // count()


def others_cpu_s() -> float:
    """Return the CPU seconds of the other ranks, from when they joined to when they last agreed."""
    return _spent["others"]


def _joined() -> bool:
    return distributed.is_available() and distributed.is_initialized()
