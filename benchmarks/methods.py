"""What each training method does to the ticket router, over several seeds.

    python benchmarks/methods.py [--seeds 5] [--only story,dpo,private,federated] [--tools FOLDER]

story      v1 from scratch on the train phrasings -> v2, LoRA on 800 corrected
           tickets of all phrasings -> a student of half the size, distilled from
           v2 on 5,000 tickets without labels. Bar (measured before): 0.80 -> 0.97 -> 0.98.
dpo        v1 by pairs: with the settings that suit, and with settings that are
           known to destroy; the latter must be stopped.
private    v1 by DP-SGD with LoRA: epsilon at delta 1e-3.
federated  v1 by averaging over 3 sites, 2 rounds (needs the tool `flower`).

Exact match of the whole JSON on 300 tickets of all phrasings with Wilson's 95 %
interval; beside it (unseen) on 240 tickets in phrasings that stand in no training set, where models
this small are weak. Seconds are CPU seconds of this process.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import torch

from volano.core.errors import VolanoError
from volano.data import tickets
from volano.models.training import marks, network
from volano.models.training.guards.errors import CollapsedError
from volano.models.training.job import Job, Outcome
from volano.models.training.methods import method
from volano.models.training.plan import Plan
from volano.stats.intervals import wilson

TEST, DEV = tickets.generate(990, 300), tickets.generate(991, 100)
ORIGIN = {"trace": "0" * 31 + "1", "feedback": "f"}
UNSEEN = {
    "billing": ("You took the sum for {p} #{n} two times.", "The amount due on {p} #{n} looks off."),
    "refund": ("Send me back what {p} #{n} cost me.", "I gave up {p} #{n}, so pay it back to me."),
    "shipping": ("No sign of {p} #{n} in my mailbox.", "Which day will {p} #{n} reach me?"),
    "hardware": ("{p} #{n} fell and came apart.", "The speaker in {p} #{n} only crackles."),
    "account": ("I lost my sign-in for {p} #{n}.", "Someone took over my {p} user, #{n}."),
    "software": ("{p} #{n} says error 12 at each start.", "The new version of {p} #{n} is full of bugs."),
}  # fmt: skip
DESTROYING = (
    {"lr": 3e-4, "steps": 150, "dpo": {"beta": 0.1, "loss": ["sigmoid"]}},
    {"lr": 2e-3, "steps": 150, "dpo": {"beta": 0.1, "loss": ["sigmoid"]}},
)


def unseen(n: int) -> list[dict[str, Any]]:
    random = Random("unseen")
    rows = []
    for _ in range(n):
        queue, priority = random.choice(list(UNSEEN)), random.choice(list(tickets.PRIORITIES))
        product, reference = random.choice(tickets.PRODUCTS), str(random.randint(1000, 9999))
        text = random.choice(UNSEEN[queue]).format(p=product, n=reference)
        label = {"queue": queue, "priority": priority, "product": product, "reference": reference}
        phrase = random.choice(tickets.PRIORITIES[priority])
        rows.append({"text": f"{text} {phrase}", "label": label})
    return rows


NEW = unseen(240)


class Bench:
    """One seed: its folder, and what was measured."""

    def __init__(self, seed: int, folder: Path, table: dict[str, list[tuple[float, float]]]):
        self.seed, self.folder, self.table = seed, folder, table
        self.old = tickets.generate(seed, 6000, "train")
        self.more = [{**row, "origin": ORIGIN} for row in tickets.generate(seed + 1000, 800)]

    def run(
        self, name: str, plan: Mapping[str, Any], rows: Sequence[Any],
        base: Path | None = None, teacher: Path | None = None, **spec: Any,
    ) -> Outcome:  # fmt: skip
        home = self.folder / name.replace(" ", "-")
        home.mkdir(exist_ok=True)
        began = time.process_time()
        made = method(plan.get("method", "scratch"))(
            Job(
                spec=spec, plan=Plan.from_dict({"seed": self.seed, **plan}), rows=rows, dev=DEV,
                base=base, teacher=teacher, checkpoint=home / "checkpoint.safetensors",
                progress=lambda *_, **__: None,
            )
        )  # fmt: skip
        spent = time.process_time() - began
        network.save(home, made.model, made.tokenizer, {"recipe.json": made.recipe.to_dict()})
        score, new = (marks.exact(made.model, made.tokenizer, made.recipe, r) for r in (TEST, NEW))
        self.table[name].append((score, new))
        low, high = wilson(round(score * len(TEST)), len(TEST))
        size = sum(p.numel() for p in made.model.parameters())
        print(
            f"{self.seed:4}  {name:28} {score:.3f} [{low:.3f}, {high:.3f}]  unseen {new:.3f}  "
            f"{size:7,} parameters  {spent:5.1f} s", flush=True,
        )  # fmt: skip
        return made


def story(bench: Bench) -> None:
    more = [*bench.old, *bench.more]
    bench.run("v2 lora", {"method": "lora"}, more, base=bench.folder / "v1")
    texts = bench.folder / "texts.jsonl"
    rows = tickets.generate(bench.seed + 3000, 5000)
    texts.write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows))
    plan = {"method": "distill", "distill": {"on": "logits"}}
    teacher = bench.folder / "v2-lora"
    bench.run("distilled half", plan, bench.more[:400], teacher=teacher, unlabelled=str(texts))


def dpo(bench: Bench) -> None:
    v1 = bench.folder / "v1"
    bench.run("dpo", {"method": "dpo"}, bench.more, base=v1)
    for settings in DESTROYING:
        name = f"dpo lr {settings['lr']} sigmoid only"
        try:
            bench.run(name, {"method": "dpo", **settings}, bench.more, base=v1)
        except CollapsedError as error:
            print(f"{bench.seed:4}  {name:28} stopped: {error}", flush=True)


def private(bench: Bench) -> None:
    plan = {"method": "private", "private": {"noise": 0.8, "delta": 1e-3}}
    made = bench.run("private", plan, bench.more, base=bench.folder / "v1")
    print(f"      {made.facts['privacy']}")


def federated(bench: Bench, tools: str | None) -> None:
    spec = {"tools": tools} if tools else {}
    try:
        made = bench.run("federated", {"method": "federated"}, bench.more,
                         base=bench.folder / "v1", **spec)  # fmt: skip
    except VolanoError as error:
        print(f"      federated: {error}")
    else:
        print(f"      {made.facts['federation']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="See the module's docstring.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", default="story,dpo,private,federated")
    parser.add_argument("--tools")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    table: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for seed in range(asked.first, asked.first + asked.seeds):
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(seed, Path(folder), table)
            bench.run("v1", {}, bench.old)
            for part in asked.only.split(","):
                if part == "federated":
                    federated(bench, asked.tools)
                else:
                    {"story": story, "dpo": dpo, "private": private}[part](bench)
    for name, scores in table.items():
        whole, new = ([pair[at] for pair in scores] for at in (0, 1))
        spread = statistics.stdev(whole) if len(whole) > 1 else 0.0
        print(f"mean  {name:28} {statistics.mean(whole):.3f} ± {spread:.3f}"
              f"  unseen {statistics.mean(new):.3f}  of {len(scores)} seeds")  # fmt: skip
    sys.stdout.flush()


if __name__ == "__main__":
    main()
