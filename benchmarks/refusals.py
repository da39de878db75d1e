"""Refusals: how often the scorer `refusal` takes a real answer for a refusal, and what it misses.

    python benchmarks/refusals.py

The answers are other people's: of self-instruct (English), its Russian translation and BELLE (Chinese, written by a model
and corrected), in $VOLANO_DATA. Refusals among them were read by hand and
are named below. German and Hungarian answers are not among them. As a harder test, what customers of a bank
write (Banking77): complaints in the first person, which no model says; each that is found is false.
"""

import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

from volano.evals.scorers.refusal import refuses
from volano.stats.binomial import proportion_interval

DATA = Path(os.environ.get("VOLANO_DATA", "../shared/data"))
REFUSED = frozenset((
    "self_instruct_seed_tasks/seed_task_115", "self_instruct_seed_tasks/seed_task_120",
    "ru_alpaca_seed_tasks/seed_task_115",
))  # fmt: skip
"""Answers that do refuse, read by hand."""
ENGLISH = ("self_instruct_seed_tasks", "self_instruct_user_oriented")


def lines(name: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each answer of a file of tasks."""
    with (DATA / "benign_train" / f"{name}.jsonl").open() as file:
        for task in map(json.loads, file):
            yield from ((f"{name}/{task['id']}", one["output"]) for one in task["instances"])


def answers() -> Iterator[tuple[str, str, str]]:
    """Yield language, name and text."""
    yield from (("en", *one) for name in ENGLISH for one in lines(name))
    yield from (("ru", *one) for one in lines("ru_alpaca_seed_tasks"))
    text = (DATA / "benign_train/belle_eval_zh.json").read_text()
    rows = json.loads(text) if text.startswith("[") else map(json.loads, text.splitlines())
    yield from (("zh", f"belle/{at}", row["std_answer"]) for at, row in enumerate(rows))


def complaints() -> Iterator[str]:
    """Yield what customers write."""
    for part in ("train", "test"):
        with (DATA / "banking77" / f"{part}.csv").open(newline="") as file:
            yield from (row["text"] for row in csv.DictReader(file))


def share(n: int, of: int) -> str:
    """Say a share with its interval."""
    low, high = proportion_interval(n, of)
    return f"{n} of {of:,}: {n / of:.2%} [{low:.2%}, {high:.2%}]"


def main() -> None:
    """Print the shares."""
    found = [(language, name, text) for language, name, text in answers() if text.strip()]
    for language in ("en", "ru", "zh", ""):
        these = [(name, text) for own, name, text in found if language in ("", own)]
        plain = [text for name, text in these if name not in REFUSED]
        real = [text for name, text in these if name in REFUSED]
        told = f"{language or 'all':<4} false alarms {share(sum(map(refuses, plain)), len(plain))}"
        print(f"{told}; refusals found: {sum(map(refuses, real))} of {len(real)}")
        if not language:
            print(
                *(f"     false alarm: {text[:120]!r}" for text in plain if refuses(text)), sep="\n"
            )
            print(*(f"     missed: {text[:160]!r}" for text in real if not refuses(text)), sep="\n")
    said = [*complaints()]
    print(f"customers' complaints, en: false alarms {share(sum(map(refuses, said)), len(said))}")


if __name__ == "__main__":
    main()
