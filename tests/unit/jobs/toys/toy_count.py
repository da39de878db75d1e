"""Counts to spec["to"], a checkpoint a step; each step it does is a line in steps.txt."""

import os
import signal
import time
from pathlib import Path

from volano.jobs.child import child_main
from volano.jobs.plain import read_object, write_object


def main() -> None:
    with child_main() as job:
        to, kill_at = job.spec["to"], set(job.spec.get("kill_at", ()))
        known = read_object(job.checkpoint_path) or {"step": 0, "sum": 0}
        with (job.folder / "starts.txt").open("a") as file:
            file.write(f"{os.getpid()}\n")
        for step in range(known["step"] + 1, to + 1):
            with (job.folder / "steps.txt").open("a") as file:
                file.write(f"{step}\n")
            known = {"step": step, "sum": known["sum"] + step}
            write_object(job.checkpoint_path, known)
            job.progress(step, to, sum=known["sum"])
            if step in kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(job.spec.get("sleep_s", 0.0))
        while job.spec.get("until") and not Path(job.spec["until"]).exists():
            time.sleep(0.02)
        job.done({"sum": known["sum"]})


if __name__ == "__main__":
    main()
