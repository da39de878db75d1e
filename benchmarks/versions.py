"""What a small edit of a dataset costs, and how long a row diff takes, against their limits.

    python benchmarks/versions.py [--rows 60000] [--diff-rows 1000000] [--texts FOLDER]

Texts are those of customer questions (banking77 in $VOLANO_DATA), joined and
numbered until there are enough; without them, made-up words. Times are CPU
seconds, the best of several runs: the machine may be busy with other work.
"""

import argparse
import csv
import os
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from volano.core.clock import SystemClock
from volano.core.principal import SYSTEM
from volano.data import Datasets
from volano.data.tree import named
from volano.data.writer import ROWS
from volano.store import Blobs, Catalog, Database, Ledger
from volano.store.garbage import Garbage

EDIT_LIMIT, DIFF_LIMIT_S = 0.05, 1.0
SHARE = 0.001


def main() -> None:
    given = _arguments()
    texts = _texts(Path(given.texts))
    with tempfile.TemporaryDirectory() as name:
        store = Store(Path(name))
        edits(store, texts, given.rows)
        diff(store, given.diff_rows)


class Store:
    """A workspace's store and its datasets, in a fresh folder."""

    def __init__(self, folder: Path):
        db, clock = Database(f"sqlite:///{folder / 'catalog.db'}"), SystemClock()
        db.migrate()
        ledger = Ledger(db, clock)
        self.blobs = Blobs(folder / "blobs", db, clock)
        self.catalog = Catalog(db, self.blobs, ledger, clock, {ROWS: named})
        self.datasets = Datasets(self.catalog)
        self.garbage = Garbage(
            db=db, catalog=self.catalog, blobs=self.blobs, ledger=ledger, clock=clock
        )

    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self.blobs.folder.glob("*.pack"))

    def write(self, name: str, rows: Iterator[dict[str, Any]]) -> str:
        made = self.datasets.write(name, (("train", row) for row in rows), meta={}, by=SYSTEM)
        return made.ref


def edits(store: Store, texts: list[str], count: int) -> None:
    """Store rows, then the same with 0.1 % changed, or inserted and deleted, at random places."""
    rows = [{"id": n, "text": _long(texts, n)} for n in range(count)]
    took_s, _ = _timed(lambda: store.write("edited", iter(rows)))
    first = store.bytes()
    size = store.catalog.get("dataset", "edited").size
    print(f"{count:,} rows, {size / 1e6:.1f} MB of lines: {first / 1e6:.1f} MB stored, "
          f"written in {took_s:.1f} s of CPU ({size / 1e6 / took_s:.0f} MB/s), "
          f"at most {_peak_mb():.0f} MB in memory (the rows themselves among them)")  # fmt: skip
    rng = random.Random(1)
    for what in ("changed", "deleted and inserted"):
        edited = list(rows)
        for n in sorted(rng.sample(range(count), round(count * SHARE)), reverse=True):
            new = {"id": f"new-{n}", "text": _long(texts, n + count)}
            if what == "changed":
                edited[n] = {**edited[n], "text": edited[n]["text"] + " (edited)"}
            else:
                del edited[n]
                edited.insert(rng.randrange(len(edited)), new)
        before = store.bytes()
        took_s, _ = _timed(lambda edited=edited: store.write("edited", iter(edited)))
        ratio = (store.bytes() - before) / first
        print(f"0.1 % of the rows {what}: {store.bytes() - before:,} new bytes, "
              f"{ratio:.2%} of the first version; limit {EDIT_LIMIT:.0%}: {_said(ratio, EDIT_LIMIT)}")  # fmt: skip


def diff(store: Store, count: int) -> None:
    """Compare two versions of many rows that differ in 0.1 % of them."""
    changed = set(random.Random(2).sample(range(count), round(count * SHARE)))
    before_mb = _peak_mb()
    took_s, _ = _timed(lambda: store.write("many", map(_small, range(count))))
    print(f"{count:,} rows written in {took_s:.1f} s of CPU; the peak of memory rose by "
          f"{_peak_mb() - before_mb:.0f} MB")  # fmt: skip
    edited = (
        {**row, "n": -1} if row["id"] in changed else row for row in map(_small, range(count))
    )
    store.write("many", edited)
    best_s, wall_s, found = 1e9, 1e9, {}
    for _ in range(3):
        begun = time.perf_counter()
        took_s, found = _timed(lambda: store.datasets.diff("many@1", "many@2"))
        best_s, wall_s = min(best_s, took_s), min(wall_s, time.perf_counter() - begun)
    print(f"diff of {count:,} rows: {best_s:.2f} s of CPU, {wall_s:.2f} s by the clock; "
          f"limit {DIFF_LIMIT_S:.0f} s: {_said(best_s, DIFF_LIMIT_S)}; {found['train']}")  # fmt: skip
    took_s, sum_rows = _timed(lambda: sum(1 for _ in store.datasets.stream("many@2")))
    print(f"all {sum_rows:,} rows read and checked in {took_s:.1f} s of CPU")
    took_s, done = _timed(lambda: store.garbage.collect(grace_minutes=0, by=SYSTEM))
    print(f"nothing to collect, found in {took_s:.2f} s of CPU: {done['blobs']} blobs")


def _small(n: int) -> dict[str, Any]:
    return {"id": n, "text": f"question {n} about order {n * 7919 % 100_003}", "n": n % 97}


def _long(texts: list[str], n: int) -> str:
    """About 1.3 kB, unlike any other."""
    rng = random.Random(n)
    return f"{n}. " + " ".join(texts[int(rng.random() * len(texts))] for _ in range(22))


def _texts(folder: Path) -> list[str]:
    path = folder / "banking77" / "train.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            return [row[0] for row in csv.reader(file)][1:]
    print(f"no {path}: words are made up")
    rng = random.Random(0)
    words = [
        "".join(rng.choices("abcdefghijklmnoprstuvz", k=rng.randint(2, 9))) for _ in range(9000)
    ]
    return [" ".join(rng.choices(words, k=11)) for _ in range(5000)]


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _said(value: float, limit: float) -> str:
    return "kept" if value <= limit else "MISSED"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--diff-rows", type=int, default=1_000_000)
    folder = os.environ.get("VOLANO_DATA", "../shared/data")
    parser.add_argument("--texts", default=folder, help="the folder that has banking77/")
    return parser.parse_args()


if __name__ == "__main__":
    main()
