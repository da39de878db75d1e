"""The same recipe inline, with two processes, and on Ray with two nodes of one CPU: digests, seconds, speed-up.

    python benchmarks/recipe_on_ray.py [--rows 12000] [--shard 500] [--repeats 1]

The recipe repairs and judges texts of five languages (steps on single rows), drops equal and similar ones and splits
(steps on all rows). Each way begins with an empty cache. Ray's nodes run on this machine, on loopback, and are started
before the clock; to join them and to look at them is counted apart, since it is the same for a recipe of hours. Where
there are two cores for two workers *and* the driver, Ray and the benchmark itself, a speed-up of 2 is out of reach: the
load is printed. The bar is that all digests are equal; the speed-up is only reported.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["PYTHONPATH"] = os.pathsep.join(p for p in sys.path[1:] if p)

from volano.adapters.executors.ray import LOOPBACK, STORE_BYTES, RayExecutor
from volano.data.recipe.cache import Cache
from volano.data.recipe.collect import Limits
from volano.data.recipe.engine import Engine, Input, Prepared
from volano.data.recipe.executor import Executor, Inline, Processes
from volano.data.recipe.recipe import Recipe
from volano.data.sources import open_source

TEXT = (
    "the invoice for last month is wrong and we would like our money back because it was paid "
    "a számla hibás és szeretnénk visszakapni a pénzünket mert már kifizettük tegnap este "
    "счёт неверный и мы хотели бы вернуть деньги потому что он уже оплачен "
    "die Rechnung ist falsch und wir möchten unser Geld zurück weil sie bezahlt wurde "
    "发票 有误 我们 希望 退款 因为 已经 付款 了"
)
WORDS = TEXT.split()
STEPS = [
    {"repair": {}},
    {"quality": {"families": ["gopher-repetition"]}},
    {"exact-dedup": {}},
    {"near-dedup": {"threshold": 0.8}},
    {"split": {"parts": {"train": 0.9, "test": 0.1}}},
]


def rows_of(count: int) -> list[dict[str, object]]:
    """Texts of about 150 words; every tenth is one of before, every tenth nearly so."""
    draw, found = random.Random(7), []
    for n in range(count):
        if n % 10 == 8:
            text = str(found[draw.randrange(n)]["text"])
        elif n % 10 == 9:
            text = str(found[draw.randrange(n)]["text"]) + " ok"
        else:
            text = ". ".join(" ".join(draw.choices(WORDS, k=15)) for _ in range(10))
        found.append({"n": n, "text": text})
    return found


def taken(folder: Path, given: argparse.Namespace, make: Callable[[Path], Executor]) -> tuple[Prepared, float, float]:  # fmt: skip
    """Return what came out of an empty cache, the seconds of the work, and those until it began."""
    rows = rows_of(given.rows)
    recipe = Recipe.from_dict({"dataset": "b", "sources": [{"rows": []}], "steps": STEPS})
    began = time.monotonic()
    executor = make(folder)
    joined = time.monotonic()
    try:
        engine = Engine(Cache(folder), executor, limits=Limits(rows=given.shard, size=2**30))
        source = Input("rows", lambda: open_source({"rows": rows}))
        made = engine.run([source], recipe.steps)
        return made, time.monotonic() - joined, joined - began
    finally:
        executor.close()
        shutil.rmtree(folder)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=12_000)
    parser.add_argument("--shard", type=int, default=500, help="rows of a shard")
    parser.add_argument("--repeats", type=int, default=1, help="the least of so many counts")
    given = parser.parse_args()
    from ray.cluster_utils import Cluster

    node = {
        "num_cpus": 1, "object_store_memory": STORE_BYTES, "node_ip_address": LOOPBACK,
        "include_dashboard": False,
    }  # fmt: skip
    print(
        f"{given.rows} rows in shards of {given.shard}; {os.cpu_count()} cores; load before: {os.getloadavg()[0]:.1f}"
    )
    began = time.monotonic()
    cluster = Cluster(initialize_head=True, head_node_args=node)
    cluster.add_node(**node)
    print(f"two Ray nodes started in {time.monotonic() - began:.1f} s")
    ways: dict[str, Callable[[Path], Executor]] = {
        "inline": lambda _: Inline(),
        "2 processes": lambda _: Processes(2),
        "Ray, 2 nodes": lambda folder: RayExecutor(
            workers=2, address=cluster.address, folder=folder
        ),
    }
    found: dict[str, tuple[Prepared, float]] = {}
    try:
        for name, make in ways.items():
            runs = [taken(Path(tempfile.mkdtemp()), given, make) for _ in range(given.repeats)]
            made, seconds, joining = min(runs, key=lambda one: one[1])
            found[name] = made, seconds
            speed = found["inline"][1] / seconds
            told = f"; joined in {joining:.1f} s" if joining > 0.5 else ""
            print(
                f"{name:<13} {seconds:>7.1f} s  {given.rows / seconds:>7,.0f} rows/s  {speed:>5.2f}x  "
                f"{made.rows} rows left, content {made.content[:16]}; load {os.getloadavg()[0]:.1f}{told}"
            )
    finally:
        cluster.shutdown()
    same = len({(made.content, str(made.counts())) for made, _ in found.values()}) == 1
    print(f"{'PASS' if same else 'FAIL'}: the digests are {'equal' if same else 'different'}.")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
