"""Banking77 from scratch: our default recipe, beside TF-IDF and logistic regression, on the same rows.

    python benchmarks/banking77.py [--seeds 0 1 2] [--peer PYTHON]

10,003 questions of a bank's customers in 77 intents train, 3,080 test (VOLANO_DATA). Ours is what
`volano model train` makes of them without a word about settings: 430,080 weights and their own
tokenizer; no weights of anybody else. The other is scikit-learn with words and pairs of words, its C chosen by
three folds of the train rows, in an environment of its own. Both may use one core; the aim is 0.85 within 15 minutes of
two cores. Prints accuracy with its 95 % interval (Wilson), CPU seconds, and the paired difference of the two on the same rows.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from volano.models.making import make
from volano.models.training import network, tokenizer
from volano.models.training.recipe import Recipe
from volano.stats.intervals import paired_difference, wilson

AIM = 0.85
PEER = Path.home() / ".cache" / "volano-bench" / "scikit-learn"
THEIRS = """
import json, sys, time
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
train, test = json.load(open("rows.json"))
began = time.process_time()
pipe = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000))
found = GridSearchCV(pipe, {"logisticregression__C": [3, 10, 30]}, cv=3)
found.fit([row["text"] for row in train], [row["label"] for row in train])
said = [str(one) for one in found.predict([row["text"] for row in test])]
json.dump({"said": said, "cpu_s": time.process_time() - began, "best": found.best_params_}, open("said.json", "w"))
"""


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{"text": row["text"], "label": row["category"]} for row in csv.DictReader(file)]


def ours(train: list[dict[str, str]], test: list[dict[str, str]], seed: int) -> dict[str, Any]:
    """Train as `volano model train` does, and answer the test rows."""
    with tempfile.TemporaryDirectory(prefix="volano-bench-") as name:
        folder = Path(name)
        for split, rows in (("train", train), ("test", test)):
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"{split}.jsonl").write_text(text, encoding="utf-8")
        began = time.process_time()
        made = make(
            {"mode": "scratch", "name": "banking77", "rows": folder / "train.jsonl",
             "check": folder / "test.jsonl", "recipe": {"seed": seed}},
            folder=folder / "model", checkpoint=folder / "checkpoint", progress=lambda *_, **__: None,
        )  # fmt: skip
        spent = time.process_time() - began
        home = folder / "model"
        recipe = Recipe.from_dict(json.loads((home / "recipe.json").read_text()))
        said = network.answers(
            network.load(home),
            tokenizer.load(home / "tokenizer.json"),
            [recipe.render(row["text"]) for row in test],
            max_tokens=4,
        )
        size = (home / "model.safetensors").stat().st_size
        return {"said": [one.strip() for one in said], "cpu_s": spent,
                "bytes": size, "parity": made["parity"]}  # fmt: skip


def theirs(python: Path, train: list[Any], test: list[Any]) -> dict[str, Any]:
    """The same of scikit-learn, in a process of its own on one thread."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rows.json").write_text(json.dumps([train, test]), encoding="utf-8")
        (folder / "theirs.py").write_text(THEIRS, encoding="utf-8")
        alone = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        subprocess.run(
            [str(python), "-W", "ignore", "theirs.py"], cwd=folder, env=alone, check=True
        )
        found: dict[str, Any] = json.loads((folder / "said.json").read_text())
        return found


def peer(given: str) -> Path | None:
    """The Python of an environment that has scikit-learn; made where there is none."""
    python = Path(given) if given else PEER / "bin" / "python"
    if not python.exists():
        print(f"installing scikit-learn into {PEER} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "--quiet", "scikit-learn"], check=False
        )
    known = subprocess.run([str(python), "-c", "import sklearn"], check=False)
    return python if known.returncode == 0 else None


def told(name: str, right: list[bool], cpu_s: float, more: str = "") -> float:
    low, high = wilson(sum(right), len(right))
    share = sum(right) / len(right)
    print(
        f"{name:<28} {share:.4f} ({low:.4f} to {high:.4f})  {cpu_s:6.1f} CPU s  {more}", flush=True
    )
    return share


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seeds", type=int, nargs="+", default=[0])
    options.add_argument("--peer", default="")
    options.add_argument("--data", default=os.environ.get("VOLANO_DATA", "../shared/data"))
    given = options.parse_args()
    folder = Path(given.data) / "banking77"
    if not folder.is_dir():
        print(f"skipped: no banking77/ in {given.data}; set VOLANO_DATA")
        return 0
    train, test = read(folder / "train.csv"), read(folder / "test.csv")
    gold = [row["label"] for row in test]
    print(f"{len(train)} train rows, {len(test)} test rows, {len(set(gold))} intents; aim {AIM}")
    python = peer(given.peer)
    other: list[bool] = []
    if python is None:
        print("skipped: scikit-learn could not be installed")
    else:
        found = theirs(python, train, test)
        other = [a == b for a, b in zip(found["said"], gold, strict=True)]
        told("TF-IDF, logistic regression", other, found["cpu_s"], str(found["best"]))
    shares = []
    for seed in given.seeds:
        made = ours(train, test, seed)
        right = [a == b for a, b in zip(made["said"], gold, strict=True)]
        more = (
            f"{made['bytes'] / 1e6:.2f} MB, parity {made['parity']['equal']}/{made['parity']['n']}"
        )
        shares.append(told(f"volano, seed {seed}", right, made["cpu_s"], more))
        if other:
            gap = paired_difference(list(map(float, other)), list(map(float, right)))
            print(f"{'':<28} {gap.value:+.4f} ({gap.low:+.4f} to {gap.high:+.4f}) beside the other")
    worst = min(shares)
    print(f"worst seed {worst:.4f}: {'meets' if worst >= AIM else 'misses'} the aim of {AIM}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
