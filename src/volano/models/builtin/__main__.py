"""`python -m volano.models.builtin [FOLDER]`: make the packaged ticket router again.

About a minute of one core. On the same machine and versions the result is the
same to the bit; elsewhere the last digits of a float may differ, which is why
the model is packaged and not made on installation.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

from volano.data import tickets
from volano.models.builtin import FOLDER, NAME
from volano.models.making import make

SEED, ROWS, TEST_SEED, TEST_ROWS = 7, 8000, 70_000_001, 500
RECIPE = {"seed": 7, "steps": 2400}
NOTE = (
    "Knows only the tickets that volano.data.tickets makes (English, six queues, twelve "
    "products). It does not understand other text, and answers it with wrong JSON."
)
KEPT = ("model.gguf", "recipe.json", "card.json", "parity.json")


def build(target: Path) -> dict[str, object]:
    """Train, export as Q8_0, check, and put the files into `target`; return the card."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _write(work / "train.jsonl", SEED, ROWS)
        _write(work / "test.jsonl", TEST_SEED, TEST_ROWS)
        made = make(
            {
                "mode": "scratch",
                "name": NAME,
                "rows": work / "train.jsonl",
                "check": work / "test.jsonl",
                "recipe": RECIPE,
                "precision": "Q8_0",
            },
            folder=work / "model",
            checkpoint=work / "checkpoint.safetensors",
            progress=_say,
        )
        if not made["parity"]["passed"]:
            raise SystemExit(f"The export is not the model: {made['parity']}")
        metrics = {k: v for k, v in made["card"]["metrics"].items() if k != "tokens_per_s"}
        card = {**made["card"], "metrics": metrics, "note": NOTE}
        (work / "model" / "card.json").write_text(json.dumps(card, indent=1) + "\n")
        for file in KEPT:
            shutil.copyfile(work / "model" / file, target / file)
    return card


def _write(path: Path, seed: int, count: int) -> None:
    lines = (json.dumps(row) for row in tickets.generate(seed, count, "all"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _say(step: int, of: int, **metrics: float) -> None:
    if step % 200 == 0:
        sys.stderr.write(f"step {step} of {of}: {metrics}\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    sys.stdout.write(json.dumps(build(folder)) + "\n")
