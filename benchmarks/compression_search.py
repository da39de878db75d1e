"""Does a search of few trials find what trying everything finds?

    python benchmarks/compression_search.py [--seeds 5] [--rows 200] [--model 2] [--keep FOLDER]

One small ticket model is trained. All configurations of a space (forms of GGUF
by cuts of weights and of neurons, with and without recovery) are made and
measured once: the brute force. Then searches with a third of the trials, one a
seed, are run over the very same measurements (a search sees only what it
tries), so that the difference is what it did not try, not chance.

Bar: at most 1 % of the front's hypervolume missing (axes size and score, each
scaled to the brute force's range), and the best under each target within 1 %,
with at most 1/3 of the trials. Beside it the same for as many trials chosen at
random, and the front with speed as a third axis: on a busy machine speed is mostly
chance (files of the same shape are equally fast), which no search can find.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from volano.data import tickets
from volano.evals import target as targets
from volano.evals.forming import Forming, exam
from volano.evals.front import ends, hypervolume
from volano.evals.journal import Journal
from volano.evals.measures import spelt
from volano.evals.search import FIDELITIES, Config, Found, Measured, Question, search
from volano.evals.space import Shapes, cuts, space
from volano.models.making import make

AXES = (("size", False), ("score", True))
TIMED = (*AXES, ("speed", True))
FORMS = ("f32", "q8_0", "q5_0", "q4_0")
CUTS = ("0", "0.3", "0.5", "neurons:0.25", "neurons:0.5")
STEPS = (0, 150)
TARGETS = ("score>=98%, smallest", "size<=100KB, score>=95%, fastest", "size<=130KB, best")
BAR = 0.01


def trained(home: Path, seed: int) -> Path:
    """Train the router on tickets of all phrasings; return its folder."""
    folder = home / "model"
    if not (folder / "model.safetensors").exists():
        write(home / "train.jsonl", tickets.generate(seed, 6000, "all"))
        write(home / "check.jsonl", tickets.generate(77, 20))
        make(
            {"mode": "scratch", "rows": home / "train.jsonl", "check": home / "check.jsonl",
             "recipe": {"seed": seed}},
            folder=folder, checkpoint=home / "ck", progress=lambda *_, **__: None,
        )  # fmt: skip
    return folder


def write(path: Path, rows: list) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


class Table:
    """Every configuration measured at both fidelities; asked, it answers from there."""

    def __init__(self, path: Path):
        self.path = path
        self.known = json.loads(path.read_text()) if path.exists() else {}

    def fill(self, configs: list[Config], trial: Forming) -> float:
        began = time.perf_counter()
        for number, config in enumerate(configs):
            for fidelity in FIDELITIES:
                key = f"{config.name}@{fidelity}"
                if key not in self.known:
                    self.known[key] = asdict(trial(config, fidelity))
                    self.path.write_text(json.dumps(self.known))
            full = self(config, 1.0)
            print(f"  {number + 1:3}/{len(configs)} {config.name:<40} "
                  f"{spelt('size', full.values['size']):>9} {full.values['score']:.3f} "
                  f"{spelt('speed', full.values['speed']):>15}", file=sys.stderr)  # fmt: skip
        return time.perf_counter() - began

    def __call__(self, config: Config, fidelity: float) -> Measured:
        return Measured.from_dict(self.known[f"{config.name}@{fidelity}"])


def volume(points: list, worst: dict, best: dict, axes: tuple = AXES) -> float:
    """Return the hypervolume in a box that is 1 wide on each axis."""
    scaled = [
        {name: (p[name] - worst[name]) / ((best[name] - worst[name]) or 1) for name, _ in axes}
        for p in points
    ]
    return hypervolume(scaled, [(name, True) for name, _ in axes], dict.fromkeys(worst, -0.05))


def best(points: list, target: targets.Target, parent: dict) -> float | None:
    kept = [p[target.wish] for p in points if target.kept(p, parent)]
    return (max if target.wished.bigger else min)(kept) if kept else None


def gap(found: float | None, wanted: float | None) -> float:
    if found is None:
        return 0.0 if wanted is None else 1.0
    return abs(found - wanted) / abs(wanted)


def searched(
    configs: list[Config], table: Table, question: Question, trials: int, seed: int
) -> Found:
    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "j", {}) as journal:
        return search(configs, table, question, trials=trials, journal=journal, seed=seed)


def tell(name: str, gaps: list[float]) -> None:
    told = f"mean {statistics.mean(gaps) * 100:5.2f} %  worst {max(gaps) * 100:5.2f} %"
    inside = sum(one <= BAR for one in gaps)
    print(f"{name:<58} {told}  within the bar: {inside}/{len(gaps)}")


def fronts(some: list, every: list, table: Table, axes: tuple, trials: int, seeds: int) -> None:
    """Tell how much of the front's volume searches miss, and as many trials at random."""
    worst, top = ends(every, axes)
    whole = volume(every, worst, top, axes)
    full, rand, short = [], [], []
    for seed in range(seeds):
        question = Question(axes, targets.parse("best"), every[0])
        found = searched(some, table, question, trials, seed)
        points = [p.values for p in found.points()]
        full.append(1 - volume(points, worst, top, axes) / whole)
        short.append(sum(not one.full for one in found.tried))
        sample = random.Random(seed).sample(every, trials)
        rand.append(1 - volume(sample, worst, top, axes) / whole)
    name = ", ".join(axis for axis, _ in axes)
    tell(f"front of {name}: search", full)
    tell(f"front of {name}: as many at random", rand)
    print(f"  of {trials} trials {statistics.mean(short):.1f} ended on a quarter of the rows")


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--seeds", type=int, default=5)
    words.add_argument("--rows", type=int, default=200)
    words.add_argument("--model", type=int, default=2, help="seed of the model")
    words.add_argument("--keep", type=Path)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as short:
        home = asked.keep or Path(short)
        home.mkdir(parents=True, exist_ok=True)
        folder = trained(home, asked.model)
        judge = exam(folder, tickets.generate(991, asked.rows))
        some = space(Shapes.of(folder), FORMS, cuts(CUTS, STEPS))
        table = Table(home / "table.json")
        took = table.fill(some, Forming(folder, home, judge, tickets.generate(3, 1500, "all")))
    every = [dict(table(one, 1.0).values) for one in some]
    trials = len(some) // 3
    parent = every[0]
    print(f"{len(some)} configurations, {trials} trials a search, {asked.rows} rows, "
          f"{asked.seeds} seeds; measuring all took {took:.0f} s")  # fmt: skip
    guessed = [one.known["size"] / table(one, 1.0).values["size"] - 1 for one in some]
    print(f"bytes known beforehand: off by {min(guessed):+.1%} to {max(guessed):+.1%}")
    for axes in (AXES, TIMED):
        fronts(some, every, table, axes, trials, asked.seeds)
    for text in TARGETS:
        target = targets.parse(text)
        wanted, gaps, chance, tried = best(every, target, parent), [], [], []
        for seed in range(asked.seeds):
            found = searched(some, table, Question(AXES, target, parent), trials, seed)
            tried.append(len(found.tried))
            gaps.append(gap(best([p.values for p in found.points()], target, parent), wanted))
            sample = random.Random(seed).sample(every, trials)
            chance.append(gap(best(sample, target, parent), wanted))
        tell(f"{text}, search ({max(tried)} trials)", gaps)
        tell(f"{text}, at random", chance)


if __name__ == "__main__":
    main()
