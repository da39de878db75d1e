"""A trainer is killed with -9 at random moments: it goes on, on the same curve, to the same bits.

    python benchmarks/training_kill.py [--kills 30] [--steps 600]

A small model is trained once undisturbed. Then the same again in another folder, in a process that is killed at random
moments (also while it starts and while it writes a checkpoint) and started again; where a training ends
before all kills are spent, another begins. Checked: the losses of each step that was seen, whichever process saw it,
are those of the quiet run, and the weights at the end are the same file. Prints how many steps were done twice.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from volano.data import tickets

EVERY = 25
"""Steps between checkpoints: as many as a told loss is the mean of, so that means are of the same steps."""
CHILD = """
import json, sys
from pathlib import Path
from volano.models.making import make

work = Path(sys.argv[1])
seen = (work / "seen.jsonl").open("a")

def progress(step, of, **metrics):
    seen.write(json.dumps([step, metrics["loss"]]) + "\\n")
    seen.flush()

make(json.loads(sys.argv[2]), folder=work / "model", checkpoint=work / "checkpoint", progress=progress)
"""


def start(work: Path, spec: dict[str, Any]) -> subprocess.Popen[bytes]:
    work.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-W", "ignore", "-c", CHILD, str(work), json.dumps(spec)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def curve(work: Path) -> list[tuple[int, float]]:
    """Return the steps that were told with their losses; a line that a kill cut is left out."""
    found = []
    for line in (work / "seen.jsonl").read_text().splitlines():
        try:
            step, loss = json.loads(line)
        except ValueError:
            continue
        found.append((step, loss))
    return found


def disturbed(
    work: Path, spec: dict[str, Any], kills: int, chance: random.Random, most_s: float
) -> int:
    """Train to the end, killed on the way; return how many kills were spent."""
    spent = 0
    while True:
        child = start(work, spec)
        try:
            child.wait(chance.uniform(0.2, most_s) if spent < kills else None)
        except subprocess.TimeoutExpired:
            os.kill(child.pid, signal.SIGKILL)
            child.communicate()
            spent += 1
            continue
        words = child.communicate()[1].decode(errors="replace")
        if child.returncode:
            raise SystemExit(f"the trainer failed:\n{words[-2000:]}")
        return spent


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--kills", type=int, default=30)
    options.add_argument("--steps", type=int, default=600)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory(prefix="volano-bench-") as name:
        folder = Path(name)
        rows = folder / "rows.jsonl"
        rows.write_text(
            "".join(json.dumps(row) + "\n" for row in tickets.generate(1, 1500, "train"))
        )
        spec = {"mode": "scratch", "name": "kill", "rows": str(rows), "check": str(rows),
                "recipe": {"seed": 1, "steps": given.steps}, "checkpoint_steps": EVERY}  # fmt: skip
        began = time.perf_counter()
        words = start(folder / "quiet", spec).communicate()[1]
        took = time.perf_counter() - began
        quiet = dict(curve(folder / "quiet"))
        assert quiet, words.decode(errors="replace")
        weights = (folder / "quiet" / "model" / "model.safetensors").read_bytes()
        print(
            f"undisturbed: {took:.1f} s, {len(quiet)} points, last loss {quiet[max(quiet)]}",
            flush=True,
        )
        spent = trainings = strays = twice = other = 0
        while spent < given.kills:
            work = folder / f"killed-{trainings}"
            spent += disturbed(work, spec, given.kills - spent, chance, 0.9 * took)
            trainings += 1
            seen = curve(work)
            strays += sum(quiet.get(step) != loss for step, loss in seen)
            twice += len(seen) - len({step for step, _ in seen})
            other += (work / "model" / "model.safetensors").read_bytes() != weights
        print(f"{spent} kills in {trainings} trainings: {strays} losses beside the quiet curve, "
              f"{other} other weights at the end; {twice} points seen twice")  # fmt: skip
    return 1 if strays or other else 0


if __name__ == "__main__":
    sys.exit(main())
