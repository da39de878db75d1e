"""One rank of a run on several devices: `python -m volano.models.rank FOLDER NUMBER PARENT PIPE`.

It ends with the process PARENT that started it (`models.ranks`). `spec.json` in FOLDER holds

    {"spec": {…},               # of `models.making`, its `plan` as it is to be trained
     "of": 2, "gpu": false,     # how many ranks, and whether each takes a GPU
     "model": "/…/folder" | null, "checkpoint": "/…/file"}

All ranks train; number 0 then makes the model, unless there is no folder for it. It says how it goes in
lines of JSON on the descriptor PIPE, and leaves `made.json`; whoever fails leaves `failed-NUMBER.json`.
"""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from volano.jobs.folder import two_lines
from volano.jobs.plain import write_object
from volano.serving.supervisor import die_with_parent


def made(folder: Path, number: int, progress: Callable[..., None]) -> dict[str, Any]:
    """Train together with the others; number 0 returns what `making.make` does."""
    import torch

    from volano.models import making
    from volano.models.training import together
    from volano.models.training.plan import Plan

    said = json.loads((folder / "spec.json").read_text(encoding="utf-8"))
    torch.set_num_threads(1)
    together.join(number, said["of"], folder / "meeting", gpu=said["gpu"])
    spec, checkpoint = said["spec"], Path(said["checkpoint"])
    if number == 0 and said["model"]:
        return making.make(
            spec, folder=Path(said["model"]), checkpoint=checkpoint, progress=progress
        )
    plan, rows = Plan.from_dict(spec["plan"]), making.read(Path(spec["rows"]))
    making.trained(spec, plan, rows, checkpoint, progress)
    return {}


def main() -> int:
    """Run as one of several processes."""
    folder, number, parent, pipe = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    die_with_parent(parent, signal.SIGKILL)

    def tell(step: int, of: int, **metrics: float) -> None:
        if number == 0:
            line = json.dumps({"step": step, "of": of, "metrics": metrics})
            os.write(pipe, f"{line}\n".encode())

    try:
        outputs = made(folder, number, tell)
        if number == 0:
            write_object(folder / "made.json", outputs)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the reason of the Run's end
        traceback.print_exc()
        failed = {**two_lines(error), "at": time.monotonic_ns()}
        write_object(folder / f"failed-{number}.json", failed)
        sys.stderr.flush()
        os._exit(1)  # an orderly end would wait for ranks that wait for this one
    return 0


if __name__ == "__main__":
    sys.exit(main())
