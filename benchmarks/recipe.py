"""The text steps against datatrove's blocks: repair, language, quality, PII; one core, one run, CPU seconds.

    python benchmarks/recipe.py [--data ../shared/data] [--peer PYTHON] [--repeats 2] [--texts 300]

datatrove (with spaCy, which its English word tokenizer needs) is installed from PyPI into a virtual environment of its
own, kept under `~/.cache/volano/`; `--peer` names the Python of another that has both. Both get the same English
texts: articles of a bank and instructions with answers. The same work on both sides, as far as it can be:

    ours                               datatrove
    repair                             FTFYFormatter
    language (py3langid)               a LambdaFilter that asks py3langid about the whole text
    quality: gopher-repetition         GopherRepetitionFilter
    quality: gopher                    GopherQualityFilter
    quality: c4                        C4QualityFilter (its list of bad words is another block)
    quality: fineweb                   FineWebQualityFilter
    pii: all seven kinds               PIIFormatter (mail and IP addresses only)

datatrove's own language filter downloads fastText's model; nothing is downloaded here, so both ask py3langid, and ours
looks at 600 characters of a longer text. `each` gives every text to every block, so that both do all the work; `as a
recipe` lets each block see what the one before left. Most of the difference is words: datatrove tells
them apart with spaCy in each block anew. Loading models is not counted. The least of the repeats counts.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from volano.data import steps  # noqa: F401  # registers them
from volano.data.step import STEPS, Notes

BAR = 3.0
PEER = Path.home() / ".cache" / "volano" / "datatrove"
BLOCKS = ("repair", "language", "gopher-repetition", "gopher", "c4", "fineweb", "pii")
THEIRS = """
import json, sys, time
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter, LambdaFilter)
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from py3langid.langid import MODEL_FILE, LanguageIdentifier

model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

def english(doc):
    language, sure = model.classify(doc.text)
    doc.metadata["language"] = language
    return language == "en" and sure >= 0.5

def blocks():
    return {
        "repair": FTFYFormatter(), "language": LambdaFilter(english),
        "gopher-repetition": GopherRepetitionFilter(), "gopher": GopherQualityFilter(),
        "c4": C4QualityFilter(min_num_sentences=3, min_words_per_line=5),
        "fineweb": FineWebQualityFilter(char_duplicates_ratio=0.1, new_line_ratio=1e9),
        "pii": PIIFormatter(),
    }

texts = json.load(open(sys.argv[1]))
repeats = int(sys.argv[2])

def timed(chain):
    chain(texts[:3])
    best, kept = 1e9, 0
    for _ in range(repeats):
        began = time.process_time()
        kept = chain(texts)
        best = min(best, time.process_time() - began)
    return [best, kept]

def chain_of(own):
    def chain(given):
        data = (Document(text=text, id=str(at)) for at, text in enumerate(given))
        for block in own:
            data = block.run(data)
        return sum(1 for _ in data)
    return chain

result = {name: timed(chain_of([block])) for name, block in blocks().items()}
result["recipe"] = timed(chain_of(list(blocks().values())))
json.dump(result, open(sys.argv[3], "w"))
"""


def texts_of(data: Path) -> list[str]:
    """The bank's articles and English instructions with what was answered."""
    docs = [
        json.loads(path.read_text(encoding="utf-8"))["content"]
        for path in sorted((data / "tau2_banking_docs").glob("*.json"))
    ]
    seeds = (data / "benign_train" / "self_instruct_seed_tasks.jsonl").read_text(encoding="utf-8")
    for line in seeds.splitlines():
        row = json.loads(line)
        parts = [
            row["instruction"],
            *(f"{one['input']}\n{one['output']}" for one in row["instances"]),
        ]
        docs.append("\n\n".join(parts))
    return docs


def ours(texts: list[str], repeats: int) -> dict[str, tuple[float, int]]:
    """CPU seconds and rows left, by block and for all of them."""
    own = {
        "repair": [STEPS.get("repair")()],
        "language": [STEPS.get("language")(keep=("en",), unsure="drop")],
        **{name: [STEPS.get("quality")(families=(name,))] for name in BLOCKS[2:6]},
        "pii": [STEPS.get("pii")()],
    }
    chain = [
        *own["repair"],
        *own["language"],
        STEPS.get("quality")(families=BLOCKS[2:6]),
        *own["pii"],
    ]
    return {name: timed(run, texts, repeats) for name, run in {**own, "recipe": chain}.items()}


def timed(chain: list, texts: list[str], repeats: int) -> tuple[float, int]:
    run_chain(chain, texts[:3])
    best, kept = 1e9, 0
    for _ in range(repeats):
        began = time.process_time()
        kept = run_chain(chain, texts)
        best = min(best, time.process_time() - began)
    return best, kept


def run_chain(chain: list, texts: list[str]) -> int:
    rows = ({"text": text, "origin": {"line": at}} for at, text in enumerate(texts))
    for step in chain:
        rows = step.apply(rows, Notes(step.name))
    return sum(1 for _ in rows)


def peer(given: str) -> Path | None:
    """The Python of an environment that has datatrove; made where there is none. None: it cannot be had."""
    python = Path(given) if given else PEER / "bin" / "python"
    if not python.exists():
        print(f"installing datatrove into {PEER} …", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", str(PEER)], check=True)
        wanted = ["datatrove[io,processing]", "spacy", "py3langid>=0.4,<0.5"]
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *wanted], check=False)
    known = subprocess.run([str(python), "-c", "import datatrove, spacy, py3langid"], check=False)
    return python if known.returncode == 0 else None


def theirs(python: Path, texts: list[str], repeats: int) -> dict[str, tuple[float, int]]:
    """The same of datatrove, in a process of its own on one thread."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        (place / "theirs.py").write_text(THEIRS, encoding="utf-8")
        command = [str(python), "theirs.py", "texts.json", str(repeats), "result.json"]
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "PYTHONPATH": "",
        }
        subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        return json.loads((place / "result.json").read_text())


def report(texts: list[str], own: dict, other: dict) -> float:
    """Print the table and return the smaller of the two ratios that count."""
    count = len(texts)
    print(
        f"{count} texts of {sum(map(len, texts)) / count:.0f} characters; load {os.getloadavg()[0]:.1f}"
    )
    print(f"{'':<20} {'ours':>10} {'datatrove':>10}  rows/CPU-s    ratio   rows left: ours, theirs")

    def line(name: str, us: float, them: float, kept: str = "") -> float:
        print(
            f"{name:<20} {count / us:>10,.0f} {count / them:>10,.0f} {'':>11} {them / us:>7.1f}x  {kept}"
        )
        return them / us

    for name in BLOCKS:
        line(name, own[name][0], other[name][0], f"{own[name][1]}, {other[name][1]}")
    without = [name for name in BLOCKS if name != "language"]
    sums = [sum(side[name][0] for name in without) for side in (own, other)]
    line("each, no language", *sums)
    each = line("each", *(sum(side[name][0] for name in BLOCKS) for side in (own, other)))
    kept = f"{own['recipe'][1]}, {other['recipe'][1]}"
    return min(each, line("as a recipe", own["recipe"][0], other["recipe"][0], kept))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VOLANO_DATA", "../shared/data")
    )
    parser.add_argument("--peer", default="")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--texts", type=int, default=300, help="about so many of the texts")
    given = parser.parse_args()
    if not (given.data / "tau2_banking_docs").is_dir():
        print(
            f"NO REAL DATA in {given.data}: set VOLANO_DATA to the folder that has it. Nothing was measured."
        )
        return
    texts = texts_of(given.data)
    texts = texts[:: max(1, len(texts) // given.texts)]
    python = peer(given.peer)
    if python is None:
        print("NO PEER: datatrove cannot be installed here. Only our own figures:")
        for name, (seconds, kept) in ours(texts, given.repeats).items():
            print(f"{name:<20} {len(texts) / seconds:>10,.0f} rows/CPU-s, {kept} left")
        return
    other = theirs(python, texts, given.repeats)
    ratio = report(texts, ours(texts, given.repeats), other)
    print(
        f"{'PASS' if ratio >= BAR else 'FAIL'}: {ratio:.1f} times as fast as datatrove; at least {BAR:g} is asked for."
    )


if __name__ == "__main__":
    main()
