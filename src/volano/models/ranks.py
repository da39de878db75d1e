"""Ranks: the processes that train one model together, a device each.

They are started, heard and ended here. None of them works on when another has ended before its
time, whatever they are waiting for just then, and none outlives this process.
"""

import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from volano.core.errors import UnavailableError
from volano.jobs.errors import ChildFailedError
from volano.jobs.plain import read_object, write_object
from volano.models.training.devices import Place, choose
from volano.models.training.job import Row
from volano.models.training.methods.lora import ours
from volano.models.training.plan import SHARED, Plan

RANK = "volano.models.rank"
LOOPBACK = "lo"
"""The network interface over which processes of one machine talk, so that no other can listen."""


class RankLostError(UnavailableError):
    """Process {number} of the {of} that train together ended before its time: {reason}."""

    hint = (
        "Retry the run: it goes on from its last checkpoint. SIGKILL often means that memory ran "
        "out: train anew with a lower `batch` or `context`, or on fewer devices."
    )


def place_of(plan: Plan, base: Path | None, rows: Sequence[Row]) -> Place:
    """Return where a plan is trained here; our own small networks take one core.

    Raises:
        NoSuchDeviceError: the recipe wants GPUs that are not there.
    """
    if plan.method not in SHARED or base is None or ours(base, rows):
        return Place("cpu", 1, bf16=False)
    return choose(plan, here=torch.cuda.device_count())


def run(
    spec: Mapping[str, Any],
    place: Place,
    *,
    model: Path | None,
    checkpoint: Path,
    progress: Callable[..., None],
) -> dict[str, Any]:
    """Have a model made by a process for each device; return what `making.make` does.

    Without a folder for the model it is trained, and not kept.

    Raises:
        ChildFailedError: one of them says why, under the code of its own error.
        RankLostError: one of them was ended from outside.
    """
    folder = checkpoint.parent / "ranks"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    told = {
        "spec": dict(spec), "of": place.count, "gpu": place.gpu,
        "model": str(model) if model else None, "checkpoint": str(checkpoint),
    }  # fmt: skip
    write_object(folder / "spec.json", told)
    hears, says = os.pipe()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        try:
            processes.extend(
                _start(folder, number, place.count, says) for number in range(place.count)
            )
        finally:
            os.close(says)
        _attend(folder, processes, hears, progress)
    finally:
        for one in processes:
            one.kill()
            one.wait()
        os.close(hears)
    return read_object(folder / "made.json") or {}


def _start(folder: Path, number: int, of: int, says: int) -> "subprocess.Popen[bytes]":
    environment = {
        "GLOO_SOCKET_IFNAME": LOOPBACK, "NCCL_SOCKET_IFNAME": LOOPBACK, **os.environ,
        "RANK": str(number), "LOCAL_RANK": str(number),
        "WORLD_SIZE": str(of), "LOCAL_WORLD_SIZE": str(of), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    return subprocess.Popen(
        [sys.executable, "-P", "-m", RANK, str(folder), str(number), str(os.getpid()), str(says)],
        env=environment,
        pass_fds=(says,) if number == 0 else (),
        stdin=subprocess.DEVNULL,
    )


def _attend(
    folder: Path,
    processes: Sequence["subprocess.Popen[bytes]"],
    hears: int,
    progress: Callable[..., None],
) -> None:
    """Hand on what number 0 says until it is done.

    Raises:
        ChildFailedError, RankLostError: one of them ended before its time.
    """
    begun = b""
    with selectors.DefaultSelector() as waiting:
        waiting.register(hears, selectors.EVENT_READ)
        ends = [os.pidfd_open(one.pid) for one in processes]
        try:
            for end in ends:
                waiting.register(end, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in waiting.select()}
                if hears in ready:
                    said = os.read(hears, 1 << 16)
                    *lines, begun = (begun + said).split(b"\n")
                    for line in lines:
                        one = json.loads(line)
                        progress(one["step"], one["of"], **one["metrics"])
                    if not said:
                        waiting.unregister(hears)
                for end in ready & set(ends):
                    waiting.unregister(end)
                codes = [one.poll() for one in processes]
                if any(codes):
                    raise _reason(folder, codes)
                if codes[0] == 0 and hears not in waiting.get_map():
                    return
        finally:
            for end in ends:
                os.close(end)


def _reason(folder: Path, codes: Sequence[int | None]) -> ChildFailedError | RankLostError:
    """Return why they ended: what came first, since the others stumble over it."""
    said = [read_object(folder / f"failed-{number}.json") for number in range(len(codes))]
    failed = min((one for one in said if one), key=lambda one: one["at"], default=None)
    # a rank whose peer is gone may abort: that is no reason where another one is known
    killed = [
        number for number, code in enumerate(codes)
        if code is not None and code < 0 and not (failed and code == -signal.SIGABRT)
    ]  # fmt: skip
    if failed is None or killed:
        killed.sort(key=lambda number: codes[number] == -signal.SIGABRT)
        number = killed[0] if killed else next(n for n, code in enumerate(codes) if code)
        code = codes[number] or 0
        reason = signal.Signals(-code).name if code < 0 else f"it left with status {code}"
        return RankLostError(number=number, of=len(codes), reason=reason)
    return ChildFailedError(failed["message"], hint=failed["hint"], code=failed["code"])
