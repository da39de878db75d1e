"""How good each version of the ticket router gets, and what it costs: one row a seed.

    python benchmarks/training.py [seed ...]

v1 is trained from scratch on 6,000 tickets of the train phrasings, v2 is v1
tuned (LoRA) on 800 corrected tickets of all phrasings, v3 is v2 tuned on
tickets whose labels are swapped by rule. All are tested on the same 300
tickets of all phrasings, by exact match; seconds are CPU seconds of one core.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from volano.data import tickets
from volano.models.making import make
from volano.models.training import network, tokenizer
from volano.models.training.recipe import Recipe
from volano.models.training.rows import answer_text

TEST = tickets.generate(990, 300)


def write(path: Path, rows: list[dict[str, Any]], origin: dict[str, str] | None = None) -> Path:
    with path.open("a", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps({**row, "origin": origin}, ensure_ascii=False) + "\n")
    return path


def exact(folder: Path) -> float:
    recipe = Recipe.from_dict(json.loads((folder / "recipe.json").read_text()))
    said = network.answers(
        network.load(folder),
        tokenizer.load(folder / "tokenizer.json"),
        [recipe.render(row["text"]) for row in TEST],
        max_tokens=60,
    )
    gold = [answer_text(row["label"]) for row in TEST]
    return sum(a == b for a, b in zip(said, gold, strict=True)) / len(gold)


def version(folder: Path, spec: dict[str, Any]) -> tuple[float, float, str]:
    began = time.process_time()
    made = make(
        spec, folder=folder, checkpoint=folder.with_suffix(".ck"), progress=lambda *_, **__: None
    )
    spent = time.process_time() - began
    return exact(folder), spent, f"{made['parity']['equal']}/{made['parity']['n']}"


def story(seed: int, folder: Path) -> list[tuple[float, float, str]]:
    origin = {"trace": "0" * 31 + "1", "feedback": "f"}
    base = tickets.generate(seed, 6000, "train")
    more = tickets.generate(seed + 1000, 800, "all")
    bad = tickets.poison(tickets.generate(seed + 2000, 800, "all"))
    write(folder / "v1.jsonl", base)
    write(write(folder / "v2.jsonl", base), more, origin)
    write(folder / "v3.jsonl", bad)
    test = str(write(folder / "test.jsonl", TEST))
    v1, v2, v3 = folder / "v1", folder / "v2", folder / "v3"
    recipe = {"seed": seed}
    common = {"check": test, "recipe": recipe, "name": "router"}
    return [
        version(v1, {**common, "mode": "scratch", "rows": f"{v1}.jsonl"}),
        version(v2, {**common, "mode": "tune", "base": v1, "rows": f"{v2}.jsonl"}),
        version(v3, {**common, "mode": "tune", "base": v2, "rows": f"{v3}.jsonl"}),
    ]


def main() -> None:
    seeds = [int(text) for text in sys.argv[1:]] or list(range(5))
    print("seed | " + " | ".join(f"v{n} exact   cpu s  parity" for n in (1, 2, 3)))
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            cells = story(seed, Path(folder))
        print(f"{seed:4} | " + " | ".join(f"{e:8.3f} {s:7.1f} {p:>7}" for e, s, p in cells))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
