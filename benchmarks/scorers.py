"""Scorers: what each costs for a row, and whether the cheap ones are cheap.

    python benchmarks/scorers.py [--rows N]

Answers in five languages, each a little wrong, are scored against their labels; first by `exact_match`, `normalised` and
`contains`, which together must take less than a second for 5,000 rows; then by each scorer alone. Programs are run in the
sandbox one after another, where the machine allows it. Times are of the processor, but for the sandbox. The peer of edit distance is the table of the textbook.
"""

import argparse
import random
import time
from collections.abc import Sequence

from volano.evals.answered import Answered
from volano.evals.case import Case
from volano.evals.sandbox import run
from volano.evals.scorers.bits import distance
from volano.evals.scoring import Scorer, Tools, make

BAR_S = 1.0
CHEAP = ("exact_match", "normalised", "contains")
ALONE = (
    *CHEAP, "one_of", {"regex": {"pattern": r"(\w+)[.!?。]$"}}, "numeric", "choice", "token_f1", "rouge", "bleu", "chrf",
    "edit_similarity", "embedding", "refusal", "language_match", "citation_support", "within_length", "latency",
)  # fmt: skip
TEXTS = (
    "A visszatérítés öt munkanapon belül megérkezik a bankszámlára [1].",
    "Возврат придёт на карту в течение пяти рабочих дней [1].",
    "Die Rückerstattung dauert bis zu fünf Werktage [1].",
    "退款将在五个工作日内到账，请耐心等待[1]。",
    "The refund arrives on your card within five working days [1].",
)


def rows(count: int) -> list[tuple[Case, Answered]]:
    draw, made = random.Random(7), []
    for at in range(count):
        label = f"{TEXTS[at % len(TEXTS)]} #{at}"
        spot = draw.randrange(len(label))
        said = label if draw.random() < 0.5 else label[:spot] + "x" + label[spot + 1 :]
        case = Case(str(at), label, label, context=(label,))
        made.append((case, Answered(str(at), said, latency_us=1000)))
    return made


def seconds(scorers: Sequence[Scorer], pairs: Sequence[tuple[Case, Answered]]) -> float:
    tools, began = Tools(), time.process_time()
    for case, answered in pairs:
        for scorer in scorers:
            scorer.score(case, answered, tools)
    return time.process_time() - began


def by_table(a: str, b: str) -> int:
    row = [*range(len(b) + 1)]
    for i, x in enumerate(a, 1):
        fresh = [i]
        for j, y in enumerate(b, 1):
            fresh.append(min(row[j] + 1, fresh[-1] + 1, row[j - 1] + (x != y)))
        row = fresh
    return row[-1]


def timed(work: object, *given: str) -> float:
    began = time.process_time()
    work(*given)  # type: ignore[operator]
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5000)
    pairs = rows(parser.parse_args().rows)
    took = seconds([make(name)[1] for name in CHEAP], pairs)
    told = "holds" if took <= BAR_S * len(pairs) / 5000 else "MISSED"
    print(
        f"{' + '.join(CHEAP)}: {len(pairs):,} rows in {took:.2f} s (bar {BAR_S:.0f} s for 5,000: {told})\n"
    )
    print(f"{'scorer':<20}{'µs a row':>10}")
    for spec in ALONE:
        name, scorer = make(spec)
        seconds([scorer], pairs[:5])
        print(f"{name:<20}{seconds([scorer], pairs) / len(pairs) * 1e6:>10.1f}")
    a, b = ("".join(random.Random(seed).choices("abcdeéжд", k=2000)) for seed in (1, 2))
    ratio = timed(by_table, a, b) / timed(distance, a, b)
    print(f"\nedit distance of two texts of 2,000 letters: {ratio:.0f} × the textbook's table")
    if (first := run("x = 1", tests="assert x")).state == "refused":
        print(f"sandbox: {first.why}")
        return
    began = time.perf_counter()
    for _ in range(20):
        run("def f(x): return x + 1", tests="assert f(1) == 2")
    print(f"sandbox: {(time.perf_counter() - began) / 20 * 1000:.0f} ms a program")


if __name__ == "__main__":
    main()
