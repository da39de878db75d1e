"""Tuning for one language: what it brings to the weakest, and what it costs the others.

    python benchmarks/slices.py [--weak zh tr] [--seeds 0 1 2]

xSID (VOLANO_DATA): the same utterances in seven languages, 15 intents seen; every third utterance tests, in all
languages, so that no translation of a test row is learned. Version 1 is trained on all languages, but has 20 rows only
of the weak one; version 2 is version 1 tuned (LoRA) on the other rows of that language, as corrections bring
them, beside replayed rows. Both by the recipe that `volano model train` and `tune` choose by themselves.

Bars: the weak language gains at least 10 points, the others lose at most 1 (their mean over the seeds). Prints each
language with its 95 % interval (Wilson), before and after.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from volano.models.making import make
from volano.models.training import network, tokenizer
from volano.models.training.recipe import Recipe
from volano.models.training.rows import answer_text
from volano.stats.intervals import wilson

LANGUAGES = ("de", "en", "it", "ja", "nl", "tr", "zh")
FEW = 20
GAIN, LOSS = 0.10, 0.01
ORIGIN = {"trace": "0" * 31 + "1", "feedback": "f"}
Rows = list[dict[str, Any]]
Right = dict[str, tuple[int, int]]


def read(folder: Path, language: str) -> Rows:
    rows: Rows = []
    text = ""
    for line in (folder / f"{language}.valid.conll").read_text(encoding="utf-8").splitlines():
        if line.startswith("# text = "):
            text = line.removeprefix("# text = ").strip()
        elif line.startswith("# intent = "):
            label = line.removeprefix("# intent = ").strip()
            rows.append({"text": text, "label": label, "language": language, "n": len(rows)})
    return rows


def write(path: Path, rows: Rows, origin: dict[str, str] | None = None) -> Path:
    with path.open("a", encoding="utf-8") as out:
        for row in rows:
            kept = {"text": row["text"], "label": row["label"], "origin": origin}
            out.write(json.dumps(kept, ensure_ascii=False) + "\n")
    return path


def right(folder: Path, test: Rows) -> Right:
    """Return (right answers, rows) of each language."""
    recipe = Recipe.from_dict(json.loads((folder / "recipe.json").read_text()))
    said = network.answers(
        network.load(folder),
        tokenizer.load(folder / "tokenizer.json"),
        [recipe.render(row["text"]) for row in test],
        max_tokens=4,
    )
    found: Right = {}
    for answer, row in zip(said, test, strict=True):
        hits, rows = found.get(row["language"], (0, 0))
        found[row["language"]] = (hits + (answer == answer_text(row["label"])), rows + 1)
    return found


def story(data: dict[str, Rows], weak: str, seed: int, folder: Path) -> tuple[Right, Right]:
    test = [row for rows in data.values() for row in rows if row["n"] % 3 == 0]
    train = {name: [row for row in rows if row["n"] % 3] for name, rows in data.items()}
    first = [row for name in data for row in (train[name][:FEW] if name == weak else train[name])]
    v1 = write(folder / "v1.jsonl", first)
    v2 = write(write(folder / "v2.jsonl", first), train[weak][FEW:], ORIGIN)
    check = write(folder / "check.jsonl", test[:50])
    spec = {"name": "intents", "check": check, "recipe": {"seed": seed}}
    for name, more in (("m1", {"mode": "scratch", "rows": v1}),
                       ("m2", {"mode": "tune", "rows": v2, "base": folder / "m1"})):  # fmt: skip
        make(
            {**spec, **more}, folder=folder / name, checkpoint=folder / f"{name}.ck",
            progress=lambda *_, **__: None,
        )  # fmt: skip
    return right(folder / "m1", test), right(folder / "m2", test)


def _told(one: tuple[int, int]) -> str:
    low, high = wilson(*one)
    return f"{one[0] / one[1]:.3f} ({low:.2f} to {high:.2f})"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--weak", nargs="+", default=["zh", "tr"], choices=LANGUAGES)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options.add_argument("--data", default=os.environ.get("VOLANO_DATA", "../shared/data"))
    given = options.parse_args()
    folder = Path(given.data) / "xsid"
    if not folder.is_dir():
        print(f"skipped: no xsid/ in {given.data}; set VOLANO_DATA")
        return 0
    data = {name: read(folder, name) for name in LANGUAGES}
    for weak in given.weak:
        gains, losses = [], []
        for seed in given.seeds:
            with tempfile.TemporaryDirectory(prefix="volano-bench-") as name:
                before, after = story(data, weak, seed, Path(name))
            print(f"weak {weak}, seed {seed}")
            for language in LANGUAGES:
                print(
                    f"  {language}  {_told(before[language]):<24} -> {_told(after[language])}",
                    flush=True,
                )
            others = [name for name in LANGUAGES if name != weak]
            moved = {n: after[n][0] / after[n][1] - before[n][0] / before[n][1] for n in LANGUAGES}
            gains.append(moved[weak])
            losses.append(-sum(moved[name] for name in others) / len(others))
        gain, loss = sum(gains) / len(gains), sum(losses) / len(losses)
        met = "meets" if min(gains) >= GAIN and loss <= LOSS else "misses"
        print(f"{weak}: gains {100 * gain:.1f} points (least {100 * min(gains):.1f}), "
              f"the others lose {100 * loss:.1f}: {met} the bars")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
