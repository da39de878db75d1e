"""Does a search for better words find them where they are, and claim none where there are none?

    python benchmarks/prompt_search.py [--seeds 10] [--null-seeds 100] [--calls 2500]

A simulated provider sorts messages in four languages into codes (see
tests/simulators/prompted.py): it knows a code when the prompt says it, and errs
at random. Each method searches it with several seeds. The bars: in every seed of
`few-shot` and `gepa` the judgement on held-out rows proves the new wording better,
and another 1,000 rows that no part of the search has seen agree within the interval.
On a provider that no words help, at most 5 % of the searches may claim that some did.
"""

import argparse
import sys
import time
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from simulators.prompted import Coded, Deaf, Writer, rows
from volano.data.row import rows_of
from volano.evals.scoring import make
from volano.evals.wording.asking import Asked, Asker
from volano.evals.wording.ground import Ground
from volano.evals.wording.methods import METHODS
from volano.evals.wording.purse import Purse
from volano.evals.wording.rows import cut
from volano.evals.wording.search import search
from volano.prompts.prompt import Prompt
from volano.stats.intervals import wilson

INCUMBENT = Prompt(before=({"role": "system", "content": "Answer with a code."},))


class Pages:
    """A journal in memory."""

    def __init__(self):
        self.done = []

    def append(self, lines):
        self.done += lines


def once(mind, method, seed, calls):
    """Search once; return the ground and what was found."""
    train, _ = rows_of(rows(400, seed))
    held_out, _ = rows_of(rows(200, seed + 10_000, start=400))
    sides = cut(train, held_out, ref="sim@1", split="test", seed=seed, dev_most=120)
    asker = Asker(Pages(), Purse(calls), at_once=1)
    ground = Ground(
        asker, Asked("sim", mind), [make("exact_match")], incumbent=INCUMBENT,
        learn=sides.learn, dev=sides.dev, settings={"temperature": 0, "max_tokens": 16},
        reflect=Asked("writer", Writer(seed=seed)), source="sim@1", shots=8, seed=seed,
    )  # fmt: skip
    found = search(ground, method, sides.judge, trials=24)
    if asker.purse.made > calls:
        raise SystemExit(f"{asker.purse.made} calls of {calls}")
    return ground, found


def truth(ground, found, seed):
    """Return the gain on rows that nothing has seen, from a purse of its own."""
    fresh, _ = rows_of(rows(1000, seed + 20_000, start=5000))
    ground.asker = Asker(Pages(), Purse(10_000), at_once=1)
    before, after = ground.see(INCUMBENT, fresh), ground.see(found.best.prompt, fresh)
    return sum(b.score - a.score for a, b in zip(before, after, strict=True)) / len(fresh)


def finds(method, seeds, calls):
    """Print how a method does where better words exist; return whether every seed proved it."""
    proven, inside, gains, spent = 0, 0, [], []
    for seed in range(seeds):
        ground, found = once(Coded(seed=seed), method, seed, calls)
        spent.append(ground.asker.purse.made)
        if found.judged is None:
            gains.append(0.0)
            continue
        gain = truth(ground, found, seed)
        gains.append(gain)
        proven += found.judged.better
        inside += found.judged.low <= gain <= found.judged.high
    print(
        f"{method:10} proven better {proven}/{seeds}, true gain {min(gains) * 100:.0f} to "
        f"{max(gains) * 100:.0f} points, inside the interval {inside}/{seeds}, "
        f"calls {max(spent)} of {calls} at most"
    )
    return proven == seeds


def claims(methods, seeds, calls):
    """Print how often something is claimed where nothing helps; return whether that is rare."""
    false = judged = total = 0
    for method in methods:
        for seed in range(seeds):
            _, found = once(Deaf(seed=seed), method, seed, calls)
            total += 1
            judged += found.judged is not None
            false += found.judged is not None and found.judged.better
    low, high = wilson(false, total)
    print(
        f"null: {false} false claims in {total} searches ({judged} came to a judgement) = "
        f"{false / total * 100:.1f} % [{low * 100:.1f}, {high * 100:.1f}]; bar 5 %"
    )
    return low <= 0.05


def main():
    """Print all figures; fail when a bar is missed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--null-seeds", type=int, default=100)
    parser.add_argument("--calls", type=int, default=2500)
    given = parser.parse_args()
    began = time.monotonic()
    methods = [name for name in METHODS if name != "gepa" or find_spec("gepa")]
    must = {"few-shot", "gepa"}
    missed = [
        method for method in methods
        if not finds(method, given.seeds, given.calls) and method in must
    ]  # fmt: skip
    if "gepa" not in methods:
        print("gepa: not installed, not measured (pip install 'volano[prompts]')")
    nothing = [name for name in ("few-shot", "gepa") if name in methods]
    if not claims(nothing, given.null_seeds, given.calls):
        missed.append("null")
    print(f"{time.monotonic() - began:.0f} s")
    if missed:
        raise SystemExit(f"missed: {', '.join(missed)}")


if __name__ == "__main__":
    main()
