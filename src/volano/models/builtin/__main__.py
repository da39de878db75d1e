"""`python -m volano.models.builtin [FOLDER]`: make the packaged ticket router again.

About a minute of one core; `volano model train builtin` does the same as a Run.
On the same versions and type of CPU the result is the same to the bit;
elsewhere the last digits of a float may differ, which is why the model is
packaged and not made on installation.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from volano.models.builtin import FOLDER, NAME, recipe
from volano.models.making import make


def build(target: Path) -> dict[str, object]:
    """Train, export as Q8_0, check, and put the files into `target`; return the card."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        made = make(
            recipe.spec(work, NAME),
            folder=work / "model",
            checkpoint=work / "checkpoint.safetensors",
            progress=_say,
        )
        if not made["parity"]["passed"]:
            raise SystemExit(f"The export is not the model: {made['parity']}")
        card = recipe.settle(work / "model", made["card"])
        for file in recipe.KEPT:
            shutil.copyfile(work / "model" / file, target / file)
    return card


def _say(step: int, of: int, **metrics: float) -> None:
    if step % 200 == 0:
        sys.stderr.write(f"step {step} of {of}: {metrics}\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    sys.stdout.write(json.dumps(build(folder)) + "\n")
