"""Do our quality families keep the same rows as datatrove's blocks? Row by row, on the same limits.

    python benchmarks/recipe_agree.py [--rows 2000] [--peer PYTHON]

The rows are those of `recipe_whole.py`. Both have the limits of the papers (datatrove's own for C4 are 5 sentences of 3
words, for FineWeb 0.01 of repeated characters, and one on lists besides). Once datatrove cuts words in its own manner,
by spaCy, where marks are words of their own, so that a text with a mark after every fourth word fails Gopher's "80 % of
words have a letter"; once at spaces, as Gopher's paper and we do. What differs then: a row's commonest run of words
counts here only when it comes twice, and lines are looked at without the spaces at their ends.
"""

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from recipe import peer, texts_of
from recipe_whole import rows

from volano.data import steps  # noqa: F401  # registers them
from volano.data.step import STEPS, Notes

FAMILIES = ("gopher-repetition", "gopher", "c4", "fineweb")
THEIRS = """
import json
import datatrove.pipeline.filters.fineweb_quality_filter as fineweb
import datatrove.pipeline.filters.gopher_quality_filter as gopher
import datatrove.pipeline.filters.gopher_repetition_filter as repetition
from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter)

texts = json.load(open("texts.json"))
blocks = {
    "gopher-repetition": GopherRepetitionFilter(), "gopher": GopherQualityFilter(),
    "c4": C4QualityFilter(min_num_sentences=3, min_words_per_line=5),
    "fineweb": FineWebQualityFilter(char_duplicates_ratio=0.1, new_line_ratio=1e9)}
found = {}
for manner in ("spacy", "spaces"):
    if manner == "spaces":
        for module in (fineweb, gopher, repetition):
            module.split_into_words = lambda text, language=None: text.split()
    found[manner] = {}
    for name, block in blocks.items():
        told = [block.filter(Document(text=text, id=str(at))) for at, text in enumerate(texts)]
        found[manner][name] = [one if isinstance(one, bool) else one[0] for one in told]
json.dump(found, open("theirs.json", "w"))
"""


def ours(texts: list[str]) -> dict[str, list[bool]]:
    """Return of each family which texts it keeps."""
    found = {}
    for name in FAMILIES:
        step: Any = STEPS.get("quality")(families=(name,))
        given = [{"text": text, "n": at} for at, text in enumerate(texts)]
        left = {row["n"] for row in step.apply(iter(given), Notes(name))}
        found[name] = [at in left for at in range(len(texts))]
    return found


def theirs(python: Path, texts: list[str]) -> dict[str, dict[str, list[bool]]]:
    """Return the same of datatrove, for both manners of cutting words."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        (folder / "theirs.py").write_text(THEIRS, encoding="utf-8")
        around = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": ""}
        subprocess.run([str(python), "theirs.py"], cwd=folder, env=around, check=True, capture_output=True)  # fmt: skip
        return json.loads((folder / "theirs.json").read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("VOLANO_DATA", "../shared/data")
    )
    parser.add_argument("--peer", default="")
    parser.add_argument("--rows", type=int, default=2000)
    given = parser.parse_args()
    if not (given.data / "tau2_banking_docs").is_dir():
        print(f"NO REAL DATA in {given.data}: set VOLANO_DATA to the folder that has it. Nothing was measured.")  # fmt: skip
        return
    python = peer(given.peer)
    if python is None:
        print("NO PEER: datatrove cannot be installed here. Nothing was measured.")
        return
    texts = [json.loads(line)["text"] for line in rows(texts_of(given.data), given.rows)]
    own, other = ours(texts), theirs(python, texts)
    least = 1.0
    print(f"{'':<20}{'words by':<10}{'ours':>7}{'theirs':>8}{'both':>7}{'alike':>9}")
    for manner, found in other.items():
        for name in FAMILIES:
            pairs = list(zip(own[name], found[name], strict=True))
            alike = sum(one == two for one, two in pairs) / len(pairs)
            both = sum(one and two for one, two in pairs)
            print(f"{name:<20}{manner:<10}{sum(own[name]):>7}{sum(found[name]):>8}{both:>7}{alike:>9.1%}")  # fmt: skip
            if manner == "spaces":
                least = min(least, alike)
    print(f"Where words are the same, each family judges at least {least:.1%} of {len(texts)} rows as datatrove does.")  # fmt: skip


if __name__ == "__main__":
    main()
