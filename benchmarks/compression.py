"""What each form of a model costs and loses: one table a model.

    python benchmarks/compression.py [--wide] [--edge TOOLS] [--seed N] [--rows N]

A ticket router (H=64, 900 steps on 6,000 tickets of all phrasings), and with `--wide` one
of H=256 (600 steps), whose rows fit K-quants. Each form answers the same test tickets
through its engine, one after the other on one thread: bytes and their share of
F32's, exact match with a 95 % interval (Wilson), points lost against the weights
in torch, answers equal to theirs, top-token agreement, KL, tokens a second and peak memory.
`--edge` also converts to LiteRT and ExecuTorch, whose environments lie, or are made, in TOOLS.

Bars: Q8_0 at most 30 % of F32's bytes and 0.5 points lost; 50 % pruned and
recovered (weights, neurons) within 1 point; floats answer as torch does on 99 of 100. What half of the heads or of the two layers cost is shown, without a bar.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from volano.data import tickets
from volano.models.compression import network
from volano.models.compression.made import asked, compress, expected_answer
from volano.models.compression.making import said_by
from volano.models.compression.measure import measure
from volano.models.export.errors import RowsDoNotFitError
from volano.models.making import make
from volano.stats.intervals import wilson

GGUF = ("f32", "q8_0", "q6_k", "q5_k", "q5_1", "q5_0", "q4_k", "q4_1", "q4_0", "iq4_nl", "q3_k", "q2_k")  # fmt: skip
OTHERS = ("onnx", "onnx-int8", "onnx-int4", "ct2", "ct2-int8")
FLOATS = ("f32", "onnx", "ct2", "litert", "executorch")
WIDE = {"hidden": 256, "ffn": 512, "heads": 8, "steps": 600, "init": 0.05, "lr": 1.5e-3}
HEAD = "form              bytes  of F32  exact (95 %)         lost  equal  top-token       KL   tok/s  MB"


def trained(folder: Path, seed: int, recipe: dict[str, Any]) -> Path:
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(r) + "\n" for r in tickets.generate(seed, 6000, "all")))
    spec = {"mode": "scratch", "name": "router", "rows": rows, "recipe": {"seed": seed, **recipe}}
    home = folder / "model"
    make(spec, folder=home, checkpoint=folder / "checkpoint", progress=lambda *_, **__: None)
    return home


def table(home: Path, forms: list[tuple[str, float, str]], count: int, tools: Path) -> list[str]:
    test = tickets.generate(990, count, "all")
    prompts = asked(home, [row["text"] for row in test])
    gold = [expected_answer(home, row["label"]) for row in test]
    said = said_by(home, prompts)
    whole = sum(a == g for a, g in zip(said, gold, strict=True))
    print(f"torch: exact {whole}/{count} = {whole / count:.3f}\n{HEAD}")
    size, missed = 0, []
    learned = tickets.generate(7, 3000, "all")
    for form, prune, parts in forms:
        label = form + (f" -{prune:.0%} {parts}" if prune else "")
        with tempfile.TemporaryDirectory() as target:
            try:
                made = compress(
                    home, form, Path(target), prune=prune, parts=parts, tools=tools,
                    rows=learned if prune else (), recovery_steps=300,
                )  # fmt: skip
            except RowsDoNotFitError as error:
                print(f"{label:16} refused: {error}")
                continue
            edge = form in ("litert", "executorch")  # slow without a cache: 100 answers are enough
            n = min(count, 100) if edge else count
            found = measure(made, prompts[:n], said[:n], parent=home)
        size = size or found["bytes"]
        right = sum(a == g for a, g in zip(found["answers"], gold[:n], strict=True))
        base = sum(a == g for a, g in zip(said[:n], gold[:n], strict=True))
        low, high = wilson(right, n)
        lost = 100 * (base - right) / n
        near = (
            "        -        -"
            if found["top_token"] is None
            else f"{found['top_token']:9.4f} {found['kl']:8.5f}"
        )
        print(
            f"{label:16} {found['bytes']:8} {found['bytes'] / size:6.1%}  {right / n:.3f} "
            f"({low:.3f}-{high:.3f})  {lost:5.1f} {found['equal'] / n:6.1%}  {near} "
            f"{found['tokens_per_s']:7.0f} {found['peak_bytes'] >> 20:3}"
        )
        sys.stdout.flush()
        missed += bars(label, form, prune, found["bytes"] / size, lost, found["equal"] / n)
    return missed


def bars(label: str, form: str, prune: float, share: float, lost: float, equal: float) -> list[str]:
    missed = []
    if form == "q8_0" and not prune and (share > 0.30 or lost > 0.5):
        missed.append(f"{label}: {share:.1%} of F32, {lost:.1f} points lost")
    if prune and not label.endswith(("heads", "layers")) and lost > 1.0:
        missed.append(f"{label}: {lost:.1f} points lost after recovery")
    if form in FLOATS and not prune and equal < 0.99:
        missed.append(f"{label}: {equal:.1%} of the answers equal")
    return missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wide", action="store_true")
    parser.add_argument("--edge", type=Path)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--rows", type=int, default=300)
    asked_for = parser.parse_args()
    torch.set_num_threads(1)
    forms = [(form, 0.0, "weights") for form in (*GGUF, *OTHERS)]
    forms += [("f32", 0.5, "weights"), ("f32", 0.5, "neurons")]
    forms += [("q8_0", 0.5, parts) for parts in ("neurons", "heads", "layers")]
    if asked_for.edge:
        forms += [("litert", 0.0, "weights"), ("executorch", 0.0, "weights")]
    missed = []
    for title, recipe in [("H=64", {}), *([("H=256", WIDE)] if asked_for.wide else [])]:
        with tempfile.TemporaryDirectory() as folder:
            began = time.process_time()
            home = trained(Path(folder), asked_for.seed, recipe)
            parameters = sum(p.numel() for p in network.load(home).parameters())
            print(f"\n{title}: {parameters} parameters, {time.process_time() - began:.0f} CPU s")
            missed += table(home, forms, asked_for.rows, asked_for.edge or Path(".volano/tools"))
    print("\n" + ("missed: " + "; ".join(missed) if missed else "all bars held"))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
