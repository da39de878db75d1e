"""A recipe is killed with -9 at random moments; it resumes, and the rows are those of a quiet run.

    python benchmarks/recipe_kill.py [--kills 20] [--rows 100000] [--workers 2]

A Run makes a dataset by a recipe with row-wise and whole steps, undisturbed,
in some ten seconds. Then the same again in another folder, and at random
moments the child (with its workers), the host, or both are killed. Where a
run ends before all kills are spent, another begins with an empty cache.

Checked at the end: the content of the dataset, its files and its report are
those of the quiet run; after tidying, the cache holds the same shards and
nothing besides; nothing half-written is left.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from volano.core.clock import SystemClock
from volano.core.principal import Principal
from volano.data.keeper import Datasets
from volano.data.recipe.cache import Cache
from volano.data.recipe.keeper import KIND, Recipes
from volano.data.sources import open_source as plain
from volano.data.sources.keeper import Sources
from volano.data.sources.source import Around, Source
from volano.data.step import STEPS, Notes, Record
from volano.jobs.attend import Care
from volano.jobs.folder import ChildFolder
from volano.jobs.keeper import Runs
from volano.store import Blobs, Catalog, Database, Ledger

ME = Principal("person", "benchmark")
WORDS = [
    "árvíztűrő",
    "tükörfúrógép",
    "заказ",
    "Rechnung",
    "发票",
    "invoice",
    "late",
    "broken",
    "refund",
    "Größe",
]


@STEPS.register("bench-words")
@dataclass(frozen=True)
class Words:
    """Counts words, slowly: work for a row-wise step."""

    name: ClassVar[str] = "bench-words"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = False

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        del decided
        for row in rows:
            counts = Counter(word.casefold() for word in row["text"].split())
            row["words"] = sum(counts.values())
            if counts["broken"] > 4:
                notes.drop(row, "too broken", str(counts["broken"]))
            else:
                yield row


@STEPS.register("bench-unique")
@dataclass(frozen=True)
class Unique:
    """Keeps the first row of each text: a whole step with files."""

    name: ClassVar[str] = "bench-unique"
    version: ClassVar[int] = 1
    whole: ClassVar[bool] = True

    def survey(self, rows: Iterable[Record], folder: Path) -> None:
        (folder / "texts").write_text(json.dumps([row["text"] for row in rows]))

    def decide(self, folders: Iterable[Path], folder: Path) -> list[str]:
        seen: set[str] = set()
        made = []
        for number, one in enumerate(folders):
            texts = json.loads((one / "texts").read_text())
            keep = [text not in seen and not seen.add(text) for text in texts]  # type: ignore[func-returns-value]
            (folder / str(number)).write_text(json.dumps(keep))
            made.append(str(folder / str(number)))
        return made

    def apply(self, rows: Iterable[Record], notes: Notes, decided: Any = None) -> Iterator[Record]:
        for row, good in zip(rows, json.loads(Path(decided).read_text()), strict=True):
            if good:
                yield row
            else:
                notes.drop(row, "said before")


def open_source(spec: Mapping[str, Any], *, root: Path) -> Source:
    """Open a source: this module is named as the opener, so that children know its steps."""
    return plain(spec, root=root)


RECIPE = """
dataset: bench
sources:
  - files: rows.jsonl
steps:
  - rename: {columns: {body: text}}
  - map-labels: {table: {a: eins, b: zwei, c: drei}, unmapped: drop}
  - bench-words
  - bench-unique
  - select: {columns: [text, label, words]}
  - bench-words
"""


def keepers(folder: Path) -> tuple[Runs, Recipes, Catalog]:
    clock = SystemClock()
    db = Database(f"sqlite:///{folder / 'catalog.db'}")
    db.migrate()
    ledger = Ledger(db, clock)
    catalog = Catalog(db, Blobs(folder / "blobs", db), ledger, clock)
    here = str(Path(__file__).parent)
    care = Care(env={"PYTHONPATH": f"{here}:{os.environ.get('PYTHONPATH', '')}"})
    runs = Runs(
        db, ledger, folder / "jobs", clock,
        jobs_url=f"sqlite:///{folder / 'jobs.db'}", poll_s=0.05, care=care,
    )  # fmt: skip
    opener = f"{Path(__file__).stem}:open_source"
    recipes = Recipes(
        runs=runs, catalog=catalog, datasets=Datasets(catalog), sources=Sources(Around()),
        cache=folder / "cache", opener=opener,
    )  # fmt: skip
    return runs, recipes, catalog


def host(folder: Path, workers: int) -> None:
    """Be the host: start the Run, or go on with it; write down what it made."""
    runs, recipes, catalog = keepers(folder)
    found = runs.list(kind=KIND, limit=1)
    runs.launch()
    run = found[0] if found else recipes.prepare(folder.parent / "r.yaml", workers=workers, by=ME)
    run = runs.wait(run.id)
    assert run.outputs is not None, run.error
    manifest = catalog.get("dataset", run.outputs["ref"]).manifest
    files = {path: str(file.digest) for path, file in manifest.files.items()}
    said = {"content": run.outputs["content"], "files": files, "report": manifest.meta["report"]}
    runs.close()
    draft = folder / "done.tmp"
    draft.write_text(json.dumps(said, sort_keys=True))
    draft.rename(folder / "done.json")


def start(folder: Path, workers: int) -> subprocess.Popen[bytes]:
    with (folder / "host.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, __file__, "--host", str(folder), "--workers", str(workers)],
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip


def kill_child(folder: Path) -> bool:
    """Kill the child and its workers; False where there is none now."""
    killed = False
    for lock in folder.glob("jobs/*/*/child.lock"):
        files = ChildFolder(lock.parent)
        pid = files.pid() if files.alive() else None
        with suppress(ProcessLookupError, TypeError):
            os.kill(pid, signal.SIGKILL)  # type: ignore[arg-type]
            killed = True
    return killed


def until_done(folder: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    while not (folder / "done.json").exists():
        if process.poll() not in (None, 0):
            sys.exit((folder / "host.log").read_text()[-3000:])
        time.sleep(0.02)
    process.wait()
    found: dict[str, Any] = json.loads((folder / "done.json").read_text())
    return found


def leftovers(folder: Path) -> tuple[set[str], list[str]]:
    """Tidy; return the cache's shards and what its steps wrote, and what should not be there."""
    Cache(folder / "cache").tidy()
    kept = {p.name for p in folder.glob("cache/shards/*/*") if p.is_file()}
    kept |= {f"made {len(list(folder.glob('cache/made/*/*/*')))} files"}
    odd = [p for p in folder.rglob("*") if p.name.startswith((".tmp-", "spilled-"))]
    odd += [
        *folder.glob("cache/journals/*"),
        *folder.glob("jobs/*/pass/out"),
        *folder.glob("jobs/*/in"),
    ]
    return kept, [str(p.relative_to(folder)) for p in odd]


def disturbed(
    base: Path, kills: int, workers: int, quiet: dict[str, Any], rng: random.Random
) -> None:
    spent: Counter[str] = Counter()
    expected, runs_made = leftovers(base / "quiet")[0], 0
    while spent.total() < kills:
        folder = base / f"killed-{runs_made}"
        folder.mkdir()
        runs_made += 1
        process = start(folder, workers)
        while spent.total() < kills and not (folder / "done.json").exists():
            time.sleep(rng.uniform(0, 3))
            if (folder / "done.json").exists():
                break
            whom = rng.choice(("child", "host", "both"))
            if whom != "host" and not kill_child(folder):
                continue  # the child was not there: no kill
            if whom != "child":
                process.kill()
                process.wait()
                process = start(folder, workers)
            spent[whom] += 1
        made = until_done(folder, process)
        kept, odd = leftovers(folder)
        same = made == quiet
        print(f"run {runs_made}: {sum(spent.values())} kills so far; same rows, files and report: {same}; "
              f"same shards after tidying: {kept == expected}; left over: {odd or 'nothing'}")  # fmt: skip
        if not same or kept != expected or odd:
            print("FAILED, see", folder)
            sys.exit(1)
        shutil.rmtree(folder)
    print(f"kills: {dict(spent)}; every run resumed")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--seed", type=int, default=None)
    options.add_argument("--host", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.host:
        host(given.host, given.workers)
        return
    seed = given.seed if given.seed is not None else random.randrange(10**6)
    base = Path(tempfile.mkdtemp(prefix="recipe-kill-"))
    rng = random.Random(seed)
    with (base / "rows.jsonl").open("w") as file:
        for number in range(given.rows):
            words = " ".join(rng.choices(WORDS, k=rng.randint(3, 40)))
            row = {"body": words, "label": rng.choice("abcd"), "number": number}
            file.write(
                "{broken\n" if number % 1000 == 7 else json.dumps(row, ensure_ascii=False) + "\n"
            )
    (base / "r.yaml").write_text(RECIPE)
    (base / "quiet").mkdir()
    began = time.monotonic()
    quiet = until_done(base / "quiet", start(base / "quiet", given.workers))
    counts = quiet["report"]
    print(f"quiet run: {time.monotonic() - began:.1f} s, {given.rows} rows in, {counts['rows']} left, "
          f"{counts['rejected']} rejected; seed {seed}, {given.workers} workers")  # fmt: skip
    disturbed(base, given.kills, given.workers, quiet, rng)
    shutil.rmtree(base)


if __name__ == "__main__":
    main()
