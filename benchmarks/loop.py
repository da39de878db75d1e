"""The whole loop for five seeds: does a better release arrive, does a bad one go back?

    python benchmarks/loop.py [seeds...]

Runs `volano demo` once a seed in a fresh folder and prints a row for each: exact
match of the first and the second model, how the rollouts ended, what the bad
release could do before it was taken back. The last line is the ratio of seeds
for which rows 7 to 9 of the story hold; the limit is all of them.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SEEDS = (0, 1, 2, 3, 4)
LIMIT_US = 100_000
"""A rollback reaches every worker within this time of the decision."""
HEAD = ("seed", "v1", "v2", "difference", "rollout", "bad", "served", "took", "applied", "demo")


def demo(seed: int) -> dict[str, Any]:
    """Run the demo; return what it told of each step, by title, and its seconds."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="volano-loop-") as name:
        done = subprocess.run(
            [sys.executable, "-m", "volano.cli.main", "demo", "--json", "--seed", str(seed),
             "--folder", str(Path(name) / "work")],
            capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
    if done.returncode:
        sys.stderr.write(done.stderr)
    told = {line["title"]: line for line in map(json.loads, done.stdout.splitlines())}
    return {**told, "seconds": time.monotonic() - began}


def holds(told: dict[str, Any]) -> bool:
    """Whether the second model is better, arrives, and the third is taken back."""
    return (
        told.get("improve", {}).get("difference", {}).get("low", -1) > 0
        and told.get("rollout", {}).get("state") == "arrived"
        and told.get("bad release", {}).get("state") == "back"
        and (told["bad release"]["applied_us"] or LIMIT_US + 1) <= LIMIT_US
    )


def row(seed: int, told: dict[str, Any]) -> tuple[str, ...]:
    """Return one line of the table; what is missing shows as -."""
    change = told.get("improve", {}).get("difference", {})
    bad = told.get("bad release", {})
    applied = bad.get("applied_us")
    span = f"[{change['low']:+.3f}, {change['high']:+.3f}]" if change else "-"
    return (
        str(seed),
        f"{change['a']:.3f}" if change else "-",
        f"{change['b']:.3f}" if change else "-",
        span,
        told.get("rollout", {}).get("state", "-"),
        bad.get("state", "-"),
        str(bad.get("served", "-")),
        f"{bad['took_s']:.1f} s" if bad else "-",
        f"{applied / 1000:.1f} ms" if applied is not None else "-",
        f"{told['seconds']:.0f} s",
    )


def main() -> None:
    seeds = [int(text) for text in sys.argv[1:]] or list(SEEDS)
    widths = (4, 5, 5, 16, 8, 5, 6, 7, 8, 6)
    print("  ".join(name.ljust(width) for name, width in zip(HEAD, widths, strict=True)))
    good = 0
    for seed in seeds:
        told = demo(seed)
        good += holds(told)
        cells = zip(row(seed, told), widths, strict=True)
        print("  ".join(cell.ljust(width) for cell, width in cells), flush=True)
    print(
        f"rows 7 to 9 hold for {good} of {len(seeds)} seeds: ratio {good / len(seeds):.2f}, limit 1.00"
    )
    sys.exit(good != len(seeds))


if __name__ == "__main__":
    main()
