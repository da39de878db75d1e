"""What the built-in ticket router is made of: its rows, its recipe, and what is kept."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from volano.data import tickets

SEED, ROWS, TEST_SEED, TEST_ROWS = 7, 8000, 70_000_001, 500
RECIPE = {"seed": 7, "steps": 2400}
PRECISION = "Q8_0"
NOTE = (
    "Knows only the tickets that volano.data.tickets makes (English, six queues, twelve "
    "products). It does not understand other text, and answers it with wrong JSON."
)
KEPT = ("model.gguf", "recipe.json", "card.json", "parity.json")
VARYING = ("tokens_per_s", "cpu_s")


def spec(folder: Path, name: str) -> dict[str, Any]:
    """Write the rows into a folder; return what the child that makes the model is told."""
    return {
        "mode": "scratch",
        "name": name,
        "rows": str(_write(folder / "train.jsonl", SEED, ROWS)),
        "check": str(_write(folder / "test.jsonl", TEST_SEED, TEST_ROWS)),
        "recipe": RECIPE,
        "precision": PRECISION,
    }


def settle(folder: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Leave in the folder what the package has, and in the card what is the same each time."""
    metrics = {name: value for name, value in card["metrics"].items() if name not in VARYING}
    plain = {name: value for name, value in card.items() if name not in ("spent", "guards")}
    said = {**plain, "metrics": metrics, "note": NOTE}
    for path in folder.iterdir():
        if path.is_file() and path.name not in KEPT:
            path.unlink()
    (folder / "card.json").write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")
    return said


def _write(path: Path, seed: int, count: int) -> Path:
    lines = (json.dumps(row) for row in tickets.generate(seed, count, "all"))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
