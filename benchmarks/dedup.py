"""Near duplicates on one core: our step, end to end, against rensa and datasketch used directly.

    python benchmarks/dedup.py                     # about a minute on a quiet machine
    python benchmarks/dedup.py --memory            # peak memory on N and 5 N of input (40, 200 MB)
    python benchmarks/dedup.py --memory --gb 1     # the same on 1 GB and 5 GB; takes long

Texts are banking articles and instructions in English, Russian and Chinese (VOLANO_DATA), their
sentences dealt anew to 12 000 documents, of which a quarter are repeated with a few words changed.

Ours is the whole step: survey (to files), decide, apply. The peers are used as their README shows,
with what precision needs: sets of five words, MinHash of 128, LSH, and each candidate compared
exactly (Jaccard of the sets), the first row staying. For text without spaces the peers, too, get
characters. Each runs on one core in a process of its own; what counts is CPU time, the least of
two (datasketch once). Recall is of the planted pairs whose Jaccard
by the peers' own sets (words as white space parts them) is at least the threshold; precision is the
share of rows that go as a planted copy of the row that stays, and beside it the share of rows that
are alike by the peers' sets: ours look past punctuation, so that the two differ near the threshold.
datasketch is installed into a folder of its own for the run.
"""

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

DATA = Path(os.environ.get("VOLANO_DATA", "../shared/data"))
THRESHOLD, WORDS, PERMUTATIONS = 0.7, 5, 128
DOCUMENTS, PLANTED, SENTENCES = 12_000, 3_000, 14
DATASKETCH = "datasketch==2.0.0"
HAN = re.compile("[\u3400-\u9fff]")


def sentences() -> list[str]:
    """Every sentence in the real data, once."""
    texts: list[str] = []
    for path in sorted((DATA / "tau2_banking_docs").glob("*.json")):
        texts.append(json.loads(path.read_text("utf-8"))["content"])
    for path in sorted((DATA / "benign_train").iterdir()):
        texts += strings(path)
    found = (one.strip() for text in texts for one in re.split(r"(?<=[.!?。！？])\s*|\n", text))
    return list(dict.fromkeys(one for one in found if len(one) > 20))


def strings(path: Path) -> Iterator[str]:
    """Yield the longer texts in a JSON or JSONL file, wherever they stand."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                yield from walk(item)

    text = path.read_text("utf-8")
    lines = text.splitlines() if path.suffix == ".jsonl" else [text]
    for line in lines:
        try:
            yield from walk(json.loads(line))
        except ValueError:
            yield line


def corpus(documents: int, planted: int, seed: int = 7) -> tuple[list[str], list[tuple[int, int]]]:
    """Return texts, and which (copy, original) were planted; a copy lies anywhere behind."""
    chance, known = random.Random(seed), sentences()
    han = [one for one in known if HAN.match(one)]
    other = [one for one in known if not HAN.search(one)]
    texts = []
    for number in range(documents - planted):
        texts.append(" ".join(chance.sample(han if number % 8 == 0 else other, SENTENCES)))
    vocabulary = [word for one in other[:4000] for word in one.split()]
    copies = []
    for at in chance.sample(range(len(texts)), planted):
        words = texts[at].split(" ")
        for _ in range(max(1, len(words) // 50)):
            words[chance.randrange(len(words))] = chance.choice(vocabulary)
        copies.append((" ".join(words), at))
    return texts + [copy for copy, _ in copies], [
        (len(texts) + number, at) for number, (_, at) in enumerate(copies)
    ]


def shingles(text: str) -> set[str]:
    """Return the runs of five words in a text, as its peers' users write it."""
    words = list(text) if HAN.match(text) else text.lower().split()
    return {" ".join(words[at : at + WORDS]) for at in range(max(1, len(words) - WORDS + 1))}


def jaccard(a: set[str], b: set[str]) -> float:
    """Return how much two sets share."""
    return len(a & b) / len(a | b)


def ours(texts: list[str]) -> dict[int, int]:
    """Return which row goes for which, by the step."""
    from volano.data.step import Notes
    from volano.data.steps.near_dedup import NearDedup

    step, gone = NearDedup(threshold=THRESHOLD, size=WORDS), {}
    with tempfile.TemporaryDirectory() as place:
        shards, folders = [(0, len(texts) // 2), (len(texts) // 2, len(texts))], []
        for begin, end in shards:
            folders.append(Path(place, str(begin)))
            folders[-1].mkdir()
            step.survey(rows(texts, begin, end), folders[-1])
        Path(place, "decided").mkdir()
        decided = step.decide(folders, Path(place, "decided"))
        notes = Notes(
            step.name, lambda one: gone.update({one.row["origin"]["line"]: one.of["line"]})
        )
        for (begin, end), told in zip(shards, decided, strict=True):
            for _ in step.apply(rows(texts, begin, end), notes, told):
                pass
    return gone


def rows(texts: list[str], begin: int, end: int) -> Iterator[dict[str, Any]]:
    """Yield rows as a recipe has them."""
    for line in range(begin, end):
        yield {"text": texts[line], "origin": {"line": line}}


def by_rensa(texts: list[str]) -> dict[int, int]:
    """rensa: all signatures in one batch, LSH, each candidate compared exactly."""
    from rensa import RMinHash, RMinHashLSH

    sets = [shingles(text) for text in texts]
    signed = RMinHash.from_token_sets(sets, PERMUTATIONS, 42)
    index, gone = RMinHashLSH(THRESHOLD, PERMUTATIONS, 16), {}
    index.insert_many(signed)
    for row, found in enumerate(index.query_all(signed)):
        for other in sorted(found):
            if other >= row:
                break
            if other not in gone and jaccard(sets[row], sets[other]) >= THRESHOLD:
                gone[row] = other
                break
    return gone


def by_datasketch(texts: list[str]) -> dict[int, int]:
    """datasketch: the same."""
    from datasketch import MinHash, MinHashLSH

    sets = [shingles(text) for text in texts]
    index, gone = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS), {}
    signed = MinHash.bulk(
        [[one.encode() for one in each] for each in sets], num_perm=PERMUTATIONS, seed=42
    )
    for row, sign in enumerate(signed):
        for other in sorted(index.query(sign)):
            if jaccard(sets[row], sets[other]) >= THRESHOLD:
                gone[row] = other
                break
        else:
            index.insert(row, sign)
    return gone


WAYS: dict[str, Callable[[list[str]], dict[int, int]]] = {
    "volano": ours, "rensa": by_rensa, "datasketch": by_datasketch,
}  # fmt: skip


def child(way: str, path: Path) -> None:
    """Run one way on the texts in a file; print CPU seconds, peak memory and what goes."""
    texts = json.loads(path.read_text("utf-8"))
    WAYS[way](texts[:50])
    began_s = cpu_s()
    gone = WAYS[way](texts)
    taken_s = cpu_s() - began_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"cpu_s": taken_s, "peak_mb": peak_mb, "gone": list(gone.items())}))


def cpu_s() -> float:
    """Seconds that this process has had a core, in the kernel too."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def one_core() -> None:
    """Stay on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def compare(times: int, peers: bool) -> None:
    """Print the table of the three."""
    texts, planted = corpus(DOCUMENTS, PLANTED)
    sets = {row: shingles(texts[row]) for pair in planted for row in pair}
    true = {copy for copy, at in planted if jaccard(sets[copy], sets[at]) >= THRESHOLD}
    size_mb = sum(len(text.encode()) for text in texts) / 1e6
    print(f"{len(texts)} documents, {size_mb:.1f} MB, {len(planted)} planted, {len(true)} of them "
          f"alike by {THRESHOLD} or more; load {os.getloadavg()[0]:.1f}")  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        path, seconds = Path(place, "texts.json"), {}
        path.write_text(json.dumps(texts), "utf-8")
        pythons = {"volano": sys.executable, "rensa": sys.executable}
        if peers:
            pythons["datasketch"] = with_datasketch(Path(place, "venv"))
        best: dict[str, dict[str, Any]] = {}
        for _ in range(times):
            for way, python in pythons.items():
                if way == "datasketch" and way in best:
                    continue
                told = subprocess.run([python, __file__, "--child", way, str(path)], check=True,
                                      stdout=subprocess.PIPE, preexec_fn=one_core).stdout  # fmt: skip
                result = json.loads(told)
                if way not in best or result["cpu_s"] < best[way]["cpu_s"]:
                    best[way] = result
    everything = dict(planted)
    for way, result in best.items():
        gone = dict(result["gone"])
        right = sum(1 for row, of in gone.items() if everything.get(row) == of)
        strict = sum(
            1
            for row, of in gone.items()
            if jaccard(shingles(texts[row]), shingles(texts[of])) >= THRESHOLD
        )
        seconds[way] = result["cpu_s"]
        print(f"{way:11} {result['cpu_s']:6.2f} CPU s  {len(texts) / result['cpu_s']:8,.0f} documents/s  "
              f"peak {result['peak_mb']:5.0f} MB  recall {len(true & gone.keys()) / len(true):.4f}  "
              f"precision {right / max(len(gone), 1):.4f} "
            f"({strict / max(len(gone), 1):.4f} by the peers' sets)")  # fmt: skip
    for way in [way for way in seconds if way != "volano"]:
        print(f"ratio to {way}: {seconds[way] / seconds['volano']:.2f}")


def with_datasketch(folder: Path) -> str:
    """Install datasketch into a folder of its own; return its Python."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", DATASKETCH], check=True)
    return python


def memory(megabytes: float) -> None:
    """Print the peak memory of the step on so much input, and on five times as much."""
    peaks = []
    for times in (1, 5):
        told = subprocess.run([sys.executable, __file__, "--fill", str(megabytes * times)],
                              check=True, stdout=subprocess.PIPE, preexec_fn=one_core).stdout  # fmt: skip
        result = json.loads(told)
        peaks.append(result["peak_mb"])
        print(f"{megabytes * times:8,.0f} MB of input  {result['rows']:10,} rows  {result['gone']:9,} go  "
              f"{result['cpu_s']:7.1f} CPU s  spill {result['spill_mb']:,.0f} MB  peak {peaks[-1]:.0f} MB")  # fmt: skip
    print(f"peak at five times the input: {peaks[1] / peaks[0]:.2f} times")


def fill(megabytes: float) -> None:
    """Run the step over so many megabytes of rows that are made as they are read."""
    from volano.data.step import Notes
    from volano.data.steps.near_dedup import NearDedup

    known, step, each = sentences(), NearDedup(threshold=0.8), 25_000_000
    shards = max(1, round(megabytes * 1e6 / each))

    def shard(number: int) -> Iterator[dict[str, Any]]:
        chance, size, line = random.Random(number), 0, 0
        words: list[str] = []
        while size < each:
            if line % 5 or not words:
                words = " ".join(chance.choices(known, k=8)).split(" ")
            words[chance.randrange(len(words))] = chance.choice(words)
            text = " ".join(words)
            size, line = size + len(text.encode()), line + 1
            yield {"text": text, "origin": {"shard": number, "line": line}}

    with tempfile.TemporaryDirectory() as place:
        folders = [Path(place, str(number)) for number in range(shards)]
        decided_at = Path(place, "decided")
        decided_at.mkdir()
        for number, folder in enumerate(folders):
            folder.mkdir()
            step.survey(shard(number), folder)
        spill = sum(path.stat().st_size for path in Path(place).rglob("*"))
        decided, notes, stayed = step.decide(folders, decided_at), Notes(step.name), 0
        for number, told in enumerate(decided):
            stayed += sum(1 for _ in step.apply(shard(number), notes, told))
    gone = notes.dropped.total()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rows": stayed + gone, "gone": gone, "peak_mb": peak,
                      "cpu_s": cpu_s(), "spill_mb": spill / 1e6}))  # fmt: skip


def main() -> None:
    """Read the flags and run what they ask for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--memory", action="store_true", help="peak memory on N and 5 N of input")
    parser.add_argument("--gb", type=float, default=0.04, help="N for --memory, in GB")
    parser.add_argument("--times", type=int, default=2, help="runs of each; the best counts")
    parser.add_argument("--no-datasketch", action="store_true", help="leave the download out")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--fill", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(given.child[0], Path(given.child[1]))
    elif given.fill:
        fill(given.fill)
    elif given.memory:
        memory(given.gb * 1000)
    else:
        compare(given.times, not given.no_datasketch)


if __name__ == "__main__":
    main()
