"""GPUs: how much memory each has free, and which one an engine gets.

Asked of `nvidia-smi`, which comes with the driver and speaks for NVML, so that
no package is needed for it.
"""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ASK = (
    "nvidia-smi",
    "--query-gpu=index,uuid,name,memory.total,memory.free",
    "--format=csv,noheader,nounits",
)
TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class GPU:
    """A GPU; memory in bytes."""

    index: int
    uuid: str
    name: str
    total_bytes: int
    free_bytes: int


def read(text: str) -> list[GPU]:
    """Return the GPUs that nvidia-smi tells of; lines of others (`[N/A]`) are passed over."""
    found = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < 5 or not all(cells[at].isdecimal() for at in (0, -2, -1)):
            continue
        total, free = int(cells[-2]) << 20, int(cells[-1]) << 20
        found.append(GPU(int(cells[0]), cells[1], ", ".join(cells[2:-2]), total, free))
    return found


def gpus(run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> list[GPU]:
    """Return this machine's GPUs; none where there is no driver."""
    try:
        done = run(ASK, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return read(done.stdout) if done.returncode == 0 else []


def choose(found: Sequence[GPU], *, needs_bytes: int, count: int = 1) -> list[GPU] | None:
    """Return the GPUs for an engine; None when it fits nowhere.

    One GPU: the fullest that has room, so that the emptiest stays free for what
    is larger. Several (tensor parallel): those with the most free memory, and
    each must hold its part.
    """
    each = -(-needs_bytes // max(1, count))
    fit = [gpu for gpu in found if gpu.free_bytes >= each]
    if len(fit) < max(1, count):
        return None
    if count <= 1:
        return [min(fit, key=lambda gpu: (gpu.free_bytes, gpu.index))]
    most = sorted(fit, key=lambda gpu: (-gpu.free_bytes, gpu.index))[:count]
    return sorted(most, key=lambda gpu: gpu.index)
