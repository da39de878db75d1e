"""The engine behind supervisor and gateway against bare llama.cpp, in one run.

    python benchmarks/engine.py [--pairs 7] [--seconds 3] [--hidden 64 512]

Eight clients ask the same model twice: through volano (gateway with key check,
channel, spool; supervised engine), and a bare `xllamacpp.Server` with as many
slots, threads and tokens, on a Unix socket: by TCP its answers wait for delayed
acknowledgements, which would flatter us. Runs are short and alternate; the median of the
pairs' ratios of tokens a second counts. The limit is 0.95. Hidden size 64 is the
model that comes with volano; others are untrained and answer a fixed 48 tokens.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from asking import platform, serve, tokens_per_s, wait_until_served

from volano.core.principal import SYSTEM
from volano.data import tickets
from volano.models.builtin import FOLDER

LIMIT = 0.95
BARE = """
import sys, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.n_parallel, p.n_ctx = sys.argv[1], 8, 8 * int(sys.argv[2])
p.n_batch = p.n_ubatch = 512
p.cpuparams.n_threads = p.cpuparams_batch.n_threads = 1
p.hostnames, p.verbosity, p.ui, p.fit_params, p.cache_ram_mib = [sys.argv[4]], 1, False, False, 0
if sys.argv[3] == "exact":
    p.cache_type_k = p.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
    p.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
server = xllamacpp.Server(p)
print("up", flush=True)
sys.stdin.read()
"""


def untrained(folder: Path, hidden: int) -> Path:
    """Make a model of this width that has learned next to nothing."""
    import json

    from volano.models.making import make

    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in tickets.generate(5, 40)))
    recipe = {
        "hidden": hidden,
        "ffn": 2 * hidden,
        "layers": 6,
        "heads": 8,
        "steps": 1,
        "init": 0.02,
    }
    spec = {"mode": "scratch", "name": "wide", "rows": str(rows), "recipe": recipe}
    check = folder / "check.jsonl"
    check.write_text(rows.read_text().splitlines()[0] + "\n")
    made = folder / "model"
    make({**spec, "check": str(check)}, folder=made, checkpoint=folder / "ck",
         progress=lambda *_, **__: None)  # fmt: skip
    return made


def prepare(model: Path, app: Any) -> None:
    ref = app.models.import_trained("bench", model, by=SYSTEM).ref
    serve(app, "bench", ref)


def compare(model: Path, *, context: int, pairs: int, seconds: float, **more: Any) -> float:
    """Return the median ratio of tokens a second, and print each pair's."""
    exact = "exact" if (model / "model.gguf").stat().st_size < 64 * 2**20 else "usual"
    argv = [sys.executable, "-c", BARE, str(model / "model.gguf"), str(context), exact]
    with (
        tempfile.TemporaryDirectory(prefix="volano-engine-") as name,
        platform(Path(name) / "work", partial(prepare, model)) as (running, key),
        subprocess.Popen(
            [*argv, f"{name}/bare.sock"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # else a busy machine gives the supervised one more of itself
        ) as bare,
    ):
        assert bare.stdout is not None
        assert bare.stdin is not None
        assert bare.stdout.readline()
        wait_until_served(running.port, key, ["bench"])
        ours = partial(tokens_per_s, running.port, "bench", key=key, max_tokens=48, **more)
        theirs = partial(tokens_per_s, f"{name}/bare.sock", "bench", max_tokens=48, **more)
        ours(seconds=1), theirs(seconds=1)
        ratios = []
        for n in range(pairs):
            first, second = (ours, theirs) if n % 2 else (theirs, ours)
            a, b = first(seconds=seconds), second(seconds=seconds)
            volano, plain = (a, b) if n % 2 else (b, a)
            ratios.append(volano / plain)
            print(f"  volano {volano:9,.0f} tok/s   bare {plain:9,.0f} tok/s   {ratios[-1]:.3f}")
        bare.stdin.close()
        return statistics.median(ratios)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--pairs", type=int, default=7)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--hidden", type=int, nargs="+", default=[64, 512])
    args = options.parse_args()
    missed = False
    for hidden in args.hidden:
        with tempfile.TemporaryDirectory(prefix="volano-wide-") as name:
            small = hidden == 64
            model = FOLDER if small else untrained(Path(name), hidden)
            more = {} if small else {"ignore_eos": True}
            size = (model / "model.gguf").stat().st_size / 2**20
            print(f"hidden {hidden}, {size:.1f} MiB, 8 clients, load {os.getloadavg()[0]:.1f}")
            ratio = compare(model, context=512, pairs=args.pairs, seconds=args.seconds, **more)
            print(f"  median ratio {ratio:.3f}, limit {LIMIT}")
            missed |= ratio < LIMIT
    sys.exit(missed)


if __name__ == "__main__":
    main()
