"""A whole recipe, end to end and on one core, against datatrove's blocks; its peak memory; its steps one by one.

    python benchmarks/recipe_whole.py [--rows 2000] [--peer PYTHON]     # CPU seconds against datatrove
    python benchmarks/recipe_whole.py --memory [--mb 40]                # peak memory on N and on 5 N megabytes
    python benchmarks/recipe_whole.py --memory --wide --mb 1000         # of the steps only that must know all rows
    python benchmarks/recipe_whole.py --steps [--rows 20000]            # rows a CPU second of each step

Rows are real texts (articles of a bank, instructions with answers) multiplied with edits: of eight, one is an exact
copy of an earlier row, one a near one, the others have every sixth word exchanged. Files in, files out:

    ours                                   datatrove
    collect from JSONL                     JsonlReader
    repair, language, quality              FTFYFormatter, py3langid, Gopher (2), C4, FineWeb
    exact-dedup                            ExactDedupSignature, ExactFindDedups, ExactDedupFilter
    near-dedup (threshold 0.72)            MinHash: signature, buckets, cluster, filter (14 × 8: about 0.72)
    pii (seven kinds)                      PIIFormatter (mail and IP addresses)
    split (0.9 and 0.1, near rows together)  not there
    bundle, in zstd, fsynced               JsonlWriter, not compressed

Each runs in a process of its own that may use one core. Loading models and modules is not counted. datatrove's blocks
run chained, without its executor, and write their rows twice in between, for its deduplication reads them anew. Limits
are those of the papers in both. It leaves fewer rows, as spaCy's marks count as words (`recipe_agree.py`, row by row).
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recipe import BAR, peer, texts_of

MEMORY_BAR = 1.2
STEPS: list[Any] = [
    "repair",
    {"language": {"keep": ["en"], "unsure": "drop"}},
    {"quality": {"families": ["gopher-repetition", "gopher", "c4", "fineweb"]}},
    "exact-dedup",
    {"near-dedup": {"threshold": 0.72}},
    "pii",
    {"split": {"parts": {"train": 0.9, "test": 0.1}}},
]
WIDE: list[Any] = ["exact-dedup", {"near-dedup": {"threshold": 0.72}}, STEPS[-1]]
OTHERS: list[Any] = [
    *STEPS,
    {"rename": {"columns": {"n": "m"}}},
    {"sample": {"share": 0.5}},
    {"balance": {"by": "topic"}},
    "boilerplate",
    "line-dedup",
    {"chat": {"assistant": "{{ topic }}"}},
    ["bench-tokens"],
    ["bench-tokens", {"pack": {"length": 2048, "end": 0}}],
]
THEIRS = """
import json, os, sys, time
from datatrove.data import Document
from datatrove.pipeline.dedup import (
    ExactDedupConfig, ExactDedupFilter, ExactDedupSignature, ExactFindDedups, MinhashConfig, MinhashDedupBuckets,
    MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature)
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LambdaFilter)
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from py3langid.langid import MODEL_FILE, LanguageIdentifier

model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

def english(doc):
    language, sure = model.classify(doc.text)
    return language == "en" and sure >= 0.5

def blocks():
    return [FTFYFormatter(), LambdaFilter(english), GopherRepetitionFilter(), GopherQualityFilter(),
            C4QualityFilter(min_num_sentences=3, min_words_per_line=5),
            FineWebQualityFilter(char_duplicates_ratio=0.1, new_line_ratio=1e9)]

def chain(*steps, data=None):
    for step in steps:
        data = step.run(data, 0, 1) if not isinstance(step, list) else chain(*step, data=data)
    return data

def spent(data):
    return sum(1 for _ in data or ())

def write(place):
    return JsonlWriter(place, output_filename="${rank}.jsonl", compression=None)

spent(chain(blocks(), data=(Document(text=text, id=str(at)) for at, text in enumerate(json.load(open("warm.json"))))))
exact = ExactDedupConfig(content_getter=lambda doc: doc.text)
near = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
began = time.process_time()
spent(chain(JsonlReader("in"), blocks(), write("one"), ExactDedupSignature("e-sig", exact)))
spent(chain(ExactFindDedups("e-sig", "e-dup", exact)))
spent(chain(JsonlReader("one"), ExactDedupFilter("e-dup", exact), write("two"), MinhashDedupSignature("m-sig", near)))
for bucket in range(14):
    MinhashDedupBuckets("m-sig", "m-buckets", config=near).run(None, bucket, 14)
MinhashDedupCluster("m-buckets", "m-dup", config=near).run(None, 0, 1)
left = spent(chain(JsonlReader("two"), MinhashDedupFilter("m-dup"), PIIFormatter(), write("out")))
json.dump({"cpu_s": time.process_time() - began, "rows": left}, open("theirs.json", "w"))
"""


def rows(texts: list[str], count: int = 0, size: int = 0) -> Iterator[bytes]:
    """Yield lines of JSON: so many, or until there are so many bytes."""
    chance, words = random.Random(11), " ".join(texts).split()
    earlier: list[str] = []
    number = written = 0
    while number < count or written < size:
        text = texts[number % len(texts)]
        if number % 8 == 6 and earlier:
            text = chance.choice(earlier)
        elif number % 8 == 7 and earlier:
            text = edited(chance.choice(earlier), words, 0.01, chance)
        else:
            text = edited(text, words, 0.16, chance)
            earlier = [*earlier[-999:], text] if number % 4 == 0 else earlier
        line = json.dumps({"text": text, "n": number, "topic": f"t{number % 7}"}).encode() + b"\n"
        yield line
        number += 1
        written += len(line)


def edited(text: str, words: list[str], share: float, chance: random.Random) -> str:
    """Return the text with a share of its words exchanged; lines stay."""
    return "\n".join(
        " ".join(chance.choice(words) if chance.random() < share else word for word in line.split(" "))
        for line in text.split("\n")
    )  # fmt: skip


def child(folder: Path, *words: str) -> dict[str, Any]:
    """Run a part of this file in a process of its own; return what it says."""
    done = subprocess.run(
        [sys.executable, __file__, "--part", *words, str(folder)], check=True, stdout=subprocess.PIPE
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def part(words: list[str]) -> None:
    """What a child does: the recipe, or one of its steps alone."""
    from volano.core.plugins import load_plugins
    from volano.data import steps  # noqa: F401  # registers them
    from volano.data.recipe.bundle import pack_up
    from volano.data.recipe.cache import Cache
    from volano.data.recipe.engine import Engine, Input
    from volano.data.recipe.recipe import Recipe
    from volano.data.sources import open_source

    one_core()
    load_plugins()
    tokens_step()
    name, folder = words[0], Path(words[1])
    known = {"whole": STEPS, "wide": WIDE, "collect": []}
    one = known[name] if name in known else OTHERS[int(name)]
    chosen = one if isinstance(one, list) else [one]
    recipe = Recipe.from_dict({"sources": [{"files": "in"}], "steps": chosen})

    def run(place: str) -> Any:
        cache = Cache(folder / f"cache-{place}")
        engine = Engine(cache)
        made = engine.run(
            [Input(place, lambda: open_source({"files": f"{place}/*.jsonl"}, root=folder))],
            recipe.steps,
        )
        pack_up(made, cache, folder / f"out-{place}")
        return made

    run("warm")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began, clock = time.process_time(), time.monotonic()
    made = run("in")
    print(json.dumps({
        "cpu_s": time.process_time() - began, "wall_s": time.monotonic() - clock, "rows": made.rows,
        "read": made.steps[0].rows_out, "warm_kb": before,
        "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        "steps": [one.times() | one.counts() for one in made.steps],
    }))  # fmt: skip


def named(step: Any) -> str:
    return step if isinstance(step, str) else str(next(iter(step)))


def tokens_step() -> None:
    """Register a step that makes ids of bytes: rows for `pack`, without a tokenizer's file."""
    from dataclasses import dataclass
    from typing import ClassVar

    from volano.data.step import STEPS as REGISTERED

    @REGISTERED.register("bench-tokens")
    @dataclass(frozen=True)
    class Tokens:
        name: ClassVar[str] = "bench-tokens"
        version: ClassVar[int] = 1
        whole: ClassVar[bool] = False

        def apply(self, rows: Any, _notes: Any, _decided: Any = None) -> Iterator[dict[str, Any]]:
            for row in rows:
                yield {"tokens": list(row["text"].encode()[:300])}


def one_core() -> None:
    """Use one core only, and one thread of each library."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def lay_out(folder: Path, texts: list[str], count: int = 0, size: int = 0) -> None:
    """Write the rows, and some to warm up on."""
    for name, many, much in (("warm", 40, 0), ("in", count, size)):
        (folder / name).mkdir()
        with (folder / name / "rows.jsonl").open("wb") as file:
            file.writelines(rows(texts, many, much))
    (folder / "warm.json").write_text(json.dumps(texts[:3]))


def against(texts: list[str], count: int, python: Path | None, repeats: int) -> None:
    """Print CPU seconds of both."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        lay_out(folder, texts, count)
        ours = least(child(clean(folder), "whole") for _ in range(repeats))
        size = (folder / "in" / "rows.jsonl").stat().st_size
        print(f"{count} rows of {size / count:.0f} bytes; load {os.getloadavg()[0]:.1f}")
        told("ours", ours, count)
        for step in ours["steps"]:
            print(
                f"    {step['step']:<18} {step['in']:>7} → {step['out']:>7}   {step['seconds']:.2f} s"
            )
        if python is None:
            print("NO PEER: datatrove cannot be installed here.")
            return
        theirs = least(peers(clean(folder), python) for _ in range(repeats))
        told("datatrove", theirs, count)
        ratio = theirs["cpu_s"] / ours["cpu_s"]
        print(f"{'PASS' if ratio >= BAR else 'FAIL'}: {ratio:.1f} times as fast as datatrove, end to end on one core; at least {BAR:g} is asked for.")  # fmt: skip


def told(name: str, one: dict[str, Any], count: int) -> None:
    print(f"{name:<12} {one['cpu_s']:>7.2f} CPU-s   {count / one['cpu_s']:>7,.0f} rows/CPU-s   {one['rows']} rows left")  # fmt: skip


def least(given: Iterator[dict[str, Any]]) -> dict[str, Any]:
    return min(given, key=lambda one: one["cpu_s"])


def clean(folder: Path) -> Path:
    """Take away what an earlier run made."""
    for one in folder.iterdir():
        if one.is_dir() and one.name not in ("in", "warm"):
            shutil.rmtree(one)
    return folder


def peers(folder: Path, python: Path) -> dict[str, Any]:
    (folder / "theirs.py").write_text(THEIRS, encoding="utf-8")
    around = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
    subprocess.run(
        [str(python), "theirs.py"], cwd=folder, env=around, check=True, preexec_fn=one_core,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL if not os.environ.get("SHOW") else None,
    )  # fmt: skip
    return json.loads((folder / "theirs.json").read_text())


def memory(texts: list[str], mb: int, steps: str) -> None:
    """Print the peak memory of the recipe, or of its wide steps, on N and on 5 N megabytes."""
    peaks = []
    for times in (1, 5):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            lay_out(folder, texts, size=mb * times * 10**6)
            one = child(folder, steps)
        peaks.append(one["peak_kb"])
        print(f"{mb * times:>6} MB, {one['read']:>8} rows: peak {one['peak_kb'] / 1024:.0f} MiB, {one['cpu_s']:.0f} CPU-s (modules and models: {one['warm_kb'] / 1024:.0f} MiB); load {os.getloadavg()[0]:.1f}")  # fmt: skip
    ratio = peaks[1] / peaks[0]
    print(f"{'PASS' if ratio <= MEMORY_BAR else 'FAIL'}: five times the input takes {ratio:.2f} times the memory; at most {MEMORY_BAR:g} is asked for.")  # fmt: skip


def each(texts: list[str], count: int) -> None:
    """Print what each step alone costs within the engine, on `count` rows and on four times as many."""
    print(
        f"load {os.getloadavg()[0]:.1f}; in the engine: reading and writing shards is counted, collecting is not"
    )
    print(f"{'':<16} {count:>8} rows  {4 * count:>8} rows   rows/CPU-s of step and engine")
    found: dict[str, list[float]] = {}
    for many in (count, 4 * count):
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            lay_out(folder, texts, many)
            bare = child(clean(folder), "collect")["cpu_s"]
            found.setdefault("collect", []).append(many / bare)
            for at, step in enumerate(OTHERS):
                name = step if isinstance(step, str) else " ".join(map(named, step)) if isinstance(step, list) else named(step)  # fmt: skip
                spent = child(clean(folder), str(at))["cpu_s"] - bare
                found.setdefault(name, []).append(many / max(spent, 1e-9))
    for name, (few, lots) in found.items():
        print(
            f"{name:<16} {few:>13,.0f}  {lots:>13,.0f}{'   SLOWER WITH MORE ROWS' if lots < few / 2 else ''}"
        )


def main() -> None:
    if sys.argv[1:2] == ["--part"]:
        part(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VOLANO_DATA", "../shared/data")
    )
    parser.add_argument("--peer", default="")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument(
        "--wide", action="store_true", help="of --memory: deduplication and split only"
    )
    parser.add_argument(
        "--mb", type=int, default=20, help="megabytes of the smaller input of --memory"
    )
    parser.add_argument("--steps", action="store_true")
    given = parser.parse_args()
    if not (given.data / "tau2_banking_docs").is_dir():
        print(
            f"NO REAL DATA in {given.data}: set VOLANO_DATA to the folder that has it. Nothing was measured."
        )
        return
    texts = texts_of(given.data)
    if given.memory:
        memory(texts, given.mb, "wide" if given.wide else "whole")
    elif given.steps:
        each(texts, given.rows)
    else:
        against(texts, given.rows, peer(given.peer), given.repeats)


if __name__ == "__main__":
    main()
