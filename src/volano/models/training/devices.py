"""Devices: where a run computes, and in which numbers."""

from dataclasses import dataclass
from pathlib import Path

from volano.core.errors import UnavailableError
from volano.models.training.plan import Plan

GPUS = Path("/proc/driver/nvidia/gpus")
"""The NVIDIA driver lists its GPUs here: to count them needs no library."""


class NoSuchDeviceError(UnavailableError):
    """The recipe wants {wanted}, and here {there}."""

    hint = "Say `hardware: auto`, which takes a GPU where there is one."


@dataclass(frozen=True, slots=True)
class Place:
    """Kind (`cpu`, `cuda`), how many of it (a process each), and whether numbers are bf16."""

    kind: str
    count: int
    bf16: bool

    @property
    def gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.kind == "cuda"


def gpus() -> int:
    """Return how many NVIDIA GPUs the driver shows."""
    return sum(1 for _ in GPUS.iterdir()) if GPUS.is_dir() else 0


def choose(plan: Plan, *, here: int) -> Place:
    """Return where a plan runs on a machine with so many GPUs.

    `auto` takes one GPU where there is one; a number means GPUs, and nothing else. Numbers are bf16 on a GPU, and
    f32 on a CPU, unless the recipe says otherwise.

    Raises:
        NoSuchDeviceError: it wants more GPUs than there are, or fewer than one.
    """
    count = 1 if plan.gpus is None else plan.gpus
    if count < 1:
        wanted = f"`hardware: {plan.hardware}`"
        raise NoSuchDeviceError(wanted=wanted, there="a number of GPUs is 1 or more")
    asked = plan.hardware == "gpu" or plan.gpus is not None
    gpu = asked or (plan.hardware != "cpu" and here > 0)
    if gpu and here < count:
        there = f"there are {here}" if here else "is none"
        raise NoSuchDeviceError(wanted=f"{count} GPU{'s' * (count > 1)}", there=there)
    bf16 = plan.precision == "bf16" or (plan.precision == "auto" and gpu)
    return Place("cuda" if gpu else "cpu", count if gpu else plan.processes, bf16)
